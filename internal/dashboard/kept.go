package dashboard

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/prefix"
	"github.com/monarc-project/stats-service/internal/stats"
)

// varyPages are the headers of a request that decide about a page or an export.
// What a proxy tells decides too, but each proxy always tells the same.
const varyPages = "Accept-Encoding, Accept-Language"

// topics are what the answers of a page are computed from.
func (k pageKind) topics() []string {
	switch k.name {
	case pageEvolution:
		return topicsOf(stats.Threat, stats.Vulnerability, stats.Risk)
	case pageCartography:
		return topicsOf(stats.Cartography)
	case pageCompliance:
		return topicsOf(stats.Compliance)
	case pageMap:
		return append(topicsOf(stats.Threat, stats.Vulnerability), string(postgres.ChangeClients))
	case pageHelp:
		return nil
	}
	return topicsOf(stats.Types()...) // these count all stats
}

func topicsOf(types ...stats.Type) []string {
	topics := make([]string, len(types))
	for i, t := range types {
		topics[i] = string(t)
	}
	return topics
}

// answerKept sends the answer that write makes of a reading, or the one that is
// kept from the last time. name tells it from other answers to the same question.
//
// Everything that write uses has to be in the key: what is asked for, the days
// that this means today, the language, and the prefix of the links.
func (p *Pages) answerKept(c echo.Context, r *reading, kind pageKind, name string, write func(echo.Context, *reading) error) error {
	key := answer.KeyOf("page", kind.name, name, c.QueryParams().Encode(),
		r.view.From.Format(time.DateOnly), r.view.To.Format(time.DateOnly), r.Code, prefix.Of(r.ctx))
	encoded, err := p.opts.Answers.Keep(r.ctx, key, kind.topics(), func(ctx context.Context) (*answer.Encoded, error) {
		fresh := *r
		fresh.ctx = ctx
		var recorded recording
		// The context of the request ends with it, while others may still wait.
		if err := write(c.Echo().NewContext(c.Request().WithContext(ctx), &recorded), &fresh); err != nil {
			return nil, err
		}
		return recorded.document(), nil
	})
	if err != nil {
		return err
	}
	return encoded.Write(c.Response(), answer.TermsOf(r.ctx), answer.KeepPublic)
}

// recording is an answer that is not sent.
type recording struct {
	header http.Header
	body   bytes.Buffer
}

func (r *recording) Header() http.Header {
	if r.header == nil {
		r.header = http.Header{}
	}
	return r.header
}

func (r *recording) Write(p []byte) (int, error) { return r.body.Write(p) }

// WriteHeader drops the status: only successes are kept.
func (r *recording) WriteHeader(int) {}

func (r *recording) document() *answer.Encoded {
	header := r.Header()
	header.Set("Vary", varyPages)
	return answer.NewDocument(r.body.Bytes(), header)
}
