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

// varyPages are the request headers that a page or an export depends on. The headers of
// a proxy matter too, but each proxy always sends the same ones.
const varyPages = "Accept-Encoding, Accept-Language"

// topics returns the cache topics that the figures of a page depend on.
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

// serveCached sends what build returns, or the cached answer of an earlier request.
// name distinguishes it from other answers with the same parameters.
//
// The key must include everything that build uses: the parameters, the days that they
// mean today, the language, and the prefix of links.
func (p *Pages) serveCached(c echo.Context, r *requestContext, kind pageKind, name string, build func(*requestContext) (*answer.Encoded, error)) error {
	key := cache.KeyOf("page", kind.name, name, kind.path, c.QueryParams().Encode(),
		r.view.From.Format(time.DateOnly), r.view.To.Format(time.DateOnly), r.Code, prefix.Of(r.ctx))
	encoded, err := cache.Get(r.ctx, p.opts.Cache, key, kind.topics(), func(context.Context) (*answer.Encoded, error) { return build(r) })
	if err != nil {
		return err
	}
	return encoded.Write(c.Response(), answer.NegotiationOf(r.ctx), answer.CachePublic)
}

// document returns an answer that browsers show, or save if disposition is not empty.
func document(body []byte, contentType, disposition string) *answer.Encoded {
	header := http.Header{"Content-Type": {contentType}, "Vary": {varyPages}}
	if disposition != "" {
		header.Set("Content-Disposition", disposition)
	}
	return answer.NewDocument(body, header)
}
