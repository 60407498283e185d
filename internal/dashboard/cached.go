// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"context"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/cache"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/prefix"
	"github.com/monarc-project/stats-service/internal/stats"
)

// varyPages are the headers of a request that decide about a page or an export.
// What a proxy tells decides too, but each proxy always tells the same.
const varyPages = "Accept-Encoding, Accept-Language"

// topics are the cache topics that the figures of a page depend on.
func (k pageKind) topics() []string {
	switch k.name {
	case pageEvolution:
		return disclosure.Topics(stats.Threat, stats.Vulnerability, stats.Risk)
	case pageCartography:
		return disclosure.Topics(stats.Cartography)
	case pageCompliance:
		return disclosure.Topics(stats.Compliance)
	case pageMap:
		return append(disclosure.Topics(stats.Threat, stats.Vulnerability, stats.Risk), disclosure.TopicClients)
	case pageThreat:
		return disclosure.Topics(stats.Threat)
	case pageVulnerability:
		return disclosure.Topics(stats.Vulnerability)
	case pageSearch:
		return disclosure.Topics(stats.Threat, stats.Vulnerability)
	case pageData:
		return append(disclosure.Topics(stats.Types()...), disclosure.TopicClients)
	case pageHelp, pageAPI:
		return nil
	}
	return disclosure.Topics(stats.Types()...) // these count all stats
}

// serveCached sends what build makes of a reading, or the cached answer of an earlier
// request. name distinguishes it from other answers with the same parameters.
//
// Everything that build uses has to be in the key: what is asked for, the days
// that this means today, the language, and the prefix of the links.
func (p *Pages) serveCached(c echo.Context, r *reading, kind pageKind, name string, build func(*reading) (*answer.Encoded, error)) error {
	key := cache.KeyOf("page", kind.name, name, kind.path, c.QueryParams().Encode(),
		r.view.From.Format(time.DateOnly), r.view.To.Format(time.DateOnly), r.Code, prefix.Of(r.ctx))
	encoded, err := cache.Get(r.ctx, p.opts.Cache, key, kind.topics(), func(context.Context) (*answer.Encoded, error) { return build(r) })
	if err != nil {
		return err
	}
	return encoded.Write(c.Response(), answer.NegotiationOf(r.ctx), answer.CachePublic)
}

// document is an answer that readers see, or save under a name unless that is
// empty.
func document(body []byte, contentType, disposition string) *answer.Encoded {
	header := http.Header{"Content-Type": {contentType}, "Vary": {varyPages}}
	if disposition != "" {
		header.Set("Content-Disposition", disposition)
	}
	return answer.NewDocument(body, header)
}
