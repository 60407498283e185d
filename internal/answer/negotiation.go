// SPDX-License-Identifier: AGPL-3.0-or-later

package answer

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Negotiation is the result of content negotiation: the content coding, and the entity
// tags that the caller has cached. The zero value means complete, uncompressed answers.
type Negotiation struct {
	coding  coding
	matches []string // opaque tags of If-None-Match
	any     bool     // If-None-Match: *
}

type negotiationKey struct{}

// WithNegotiation returns a context with the negotiation of a request's header.
func WithNegotiation(ctx context.Context, header http.Header) context.Context {
	n := Negotiation{coding: chooseCoding(header.Values("Accept-Encoding"))}
	if given := header.Values("If-None-Match"); len(given) > 0 {
		n.matches, n.any = parseTags(strings.Join(given, ","))
	}
	if n.coding == identity && n.matches == nil && !n.any {
		return ctx
	}
	return context.WithValue(ctx, negotiationKey{}, n)
}

// NegotiationOf returns the negotiation of the request.
func NegotiationOf(ctx context.Context) Negotiation {
	n, _ := ctx.Value(negotiationKey{}).(Negotiation)
	return n
}

// has reports whether the caller has cached the answer with this tag. Apache's
// mod_deflate and mod_brotli add a suffix to the tags of answers that they compress,
// and do not remove it from requests.
func (n Negotiation) has(tag string) bool {
	if n.any || slices.Contains(n.matches, tag) {
		return true
	}
	return n.coding.compresses() && (slices.Contains(n.matches, tag+"-gzip") || slices.Contains(n.matches, tag+"-br"))
}

// parseTags reads the entity tags of If-None-Match without their quotes. Weak tags
// count like strong ones (RFC 9110, 13.1.2). Malformed tags are ignored: the caller
// then gets the whole answer.
func parseTags(list string) (tags []string, any bool) {
	if strings.TrimSpace(list) == "*" {
		return nil, true
	}
	for {
		list = strings.TrimPrefix(strings.TrimLeft(list, " \t,"), "W/")
		quoted, found := strings.CutPrefix(list, `"`)
		if !found {
			return tags, false
		}
		tag, rest, closed := strings.Cut(quoted, `"`)
		if !closed {
			return tags, false
		}
		tags, list = append(tags, tag), rest
	}
}

// chooseCoding returns the coding in Accept-Encoding with the highest quality value,
// and among equals the cheapest to send.
func chooseCoding(accept []string) coding {
	if len(accept) == 0 {
		return identity
	}
	named := QualityValues(accept)
	chosen, best := identity, named.of(identity)
	for _, candidate := range [...]coding{gzipped, zstandard} {
		if weight := named.of(candidate); weight > 0 && weight >= best {
			chosen, best = candidate, weight
		}
	}
	return chosen
}

// Qualities maps the names in a header like Accept to their quality values, from 0,
// unwanted, to 1.
type Qualities map[string]float64

// of returns the quality value of a coding. Identity is acceptable if it is not named,
// but any named coding is preferred.
func (q Qualities) of(c coding) float64 {
	if weight, named := q[string(c)]; named {
		return weight
	}
	if weight, named := q["*"]; named && c != zstandard {
		return weight // `*` does not imply zstd: older clients cannot decode it
	}
	return 0
}

// QualityValues parses a header like Accept (RFC 9110, 12.4.2). Names are in lower
// case.
func QualityValues(header []string) Qualities {
	q := Qualities{}
	for part := range strings.SplitSeq(strings.Join(header, ","), ",") {
		name, params, _ := strings.Cut(part, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "x-gzip" {
			name = string(gzipped)
		}
		if name != "" {
			q[name] = qualityOf(params)
		}
	}
	return q
}

// qualityOf reads ";q=0.5", also among other parameters. A malformed value counts as 0.
func qualityOf(params string) float64 {
	for param := range strings.SplitSeq(params, ";") {
		name, value, found := strings.Cut(param, "=")
		if !found || !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		weight, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || !(weight >= 0 && weight <= 1) {
			return 0
		}
		return weight
	}
	return 1
}
