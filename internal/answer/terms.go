package answer

import (
	"context"
	"net/http"
	"strconv"
	"strings"
)

// Terms are what a caller says about the form in which it takes an answer. The
// zero value takes whole answers that are not compressed.
type Terms struct {
	coding  coding
	matches []string // opaque tags of If-None-Match
	any     bool     // If-None-Match: *
}

type termsKey struct{}

// WithTerms returns a context that carries what the header of a request says.
func WithTerms(ctx context.Context, header http.Header) context.Context {
	terms := Terms{coding: negotiate(header.Values("Accept-Encoding"))}
	if given := header.Values("If-None-Match"); len(given) > 0 {
		terms.matches, terms.any = parseTags(strings.Join(given, ","))
	}
	if terms.coding == identity && terms.matches == nil && !terms.any {
		return ctx
	}
	return context.WithValue(ctx, termsKey{}, terms)
}

// TermsOf returns the terms of the request.
func TermsOf(ctx context.Context) Terms {
	terms, _ := ctx.Value(termsKey{}).(Terms)
	return terms
}

// has reports whether the caller holds the answer with this tag already.
func (t Terms) has(tag string) bool {
	if t.any {
		return true
	}
	for _, match := range t.matches {
		if match == tag {
			return true
		}
	}
	return false
}

// parseTags reads the entity tags of If-None-Match without their quotes. Weak
// tags count like strong ones (RFC 9110, 13.1.2). What is not understood is
// passed over: the caller then gets the whole answer.
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

// negotiate chooses among the codings that Accept-Encoding names: the one with
// the greatest weight, and of equal ones that which costs least to send.
func negotiate(accept []string) coding {
	if len(accept) == 0 {
		return identity
	}
	weights := weightsOf(strings.Join(accept, ","))
	chosen, best := identity, weights.of(identity)
	for _, candidate := range [...]coding{gzipped, zstandard} {
		if weight := weights.of(candidate); weight > 0 && weight >= best {
			chosen, best = candidate, weight
		}
	}
	return chosen
}

// weights are the q-values of codings by name.
type weights map[string]float64

// of returns the weight of a coding. Identity is acceptable where it is not
// named, but any coding that is named is preferred.
func (w weights) of(c coding) float64 {
	if weight, named := w[string(c)]; named {
		return weight
	}
	if weight, named := w["*"]; named && c != zstandard {
		return weight // who takes anything need not know the youngest coding
	}
	return 0
}

func weightsOf(list string) weights {
	w := weights{}
	for part := range strings.SplitSeq(list, ",") {
		name, params, _ := strings.Cut(part, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		if name == "x-gzip" {
			name = string(gzipped)
		}
		if name != "" {
			w[name] = weightOf(params)
		}
	}
	return w
}

// weightOf reads ";q=0.5", also among other parameters. A weight that cannot be
// read refuses the coding.
func weightOf(params string) float64 {
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
