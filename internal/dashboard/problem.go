// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"errors"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/stats"
)

// pageError is why a page cannot be shown.
type pageError struct {
	Status int
	Wrong  []string // errors in the URL, sentence by sentence
	Again  string   // URL of the same page without the invalid parameters

	dates    bool   // it is about the dates of the period
	from, to string // these dates, as they were given
}

// problemDates replaces the status if only the dates are invalid.
const problemDates = "dates"

// problemStatuses are the statuses with texts of their own. Others use the text of
// their class.
var problemStatuses = []int{
	http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusTooManyRequests,
	http.StatusInternalServerError, http.StatusServiceUnavailable,
}

// code returns the part of a text's id that stands for the problem.
func (p *pageError) code() string {
	if p.dates {
		return problemDates
	}
	status := p.Status
	if status == http.StatusUnauthorized { // a form without a token
		status = http.StatusForbidden
	}
	if !slices.Contains(problemStatuses, status) {
		status -= status % 100
	}
	return strconv.Itoa(status)
}

// ProblemText returns advice for the reader.
func (p *page) ProblemText() string { return p.T("problem_text_" + p.Problem.code()) }

// Invalid reports whether the dates of the form are invalid.
func (p *page) Invalid() bool { return p.Problem != nil && p.Problem.dates }

// Repairable reports whether the form of the period can solve the problem.
func (p *page) Repairable() bool { return p.Problem.Status == http.StatusBadRequest && p.ofFigures() }

// Exists reports whether the address is that of a page.
func (p *page) Exists() bool { return p.kind.name != "" }

// Passing reports whether the same address may work later.
func (p *page) Passing() bool {
	return p.Problem.Status >= http.StatusInternalServerError || p.Problem.Status == http.StatusTooManyRequests
}

// Problem answers a failed request with a page for people, in their language, and
// reports whether it did. Requests of programs, or for anything but pages, get the
// API's answer.
func (p *Pages) Problem(c echo.Context, status int, cause error) (sent bool, err error) {
	if !p.wantsPage(c.Request()) {
		return false, nil
	}
	r, _ := p.read(c.Request().Context(), c.Request().Header, c.QueryParams(), defaultPeriod)
	return true, p.renderProblem(c, p.kindOf(c.Request().URL.Path), r, status, cause)
}

// wantsPage reports whether a browser shows the answer to a person.
func (p *Pages) wantsPage(r *http.Request) bool {
	readOnly := r.Method == http.MethodGet || r.Method == http.MethodHead || isForm(r)
	inside := strings.HasPrefix(r.URL.Path+"/", p.opts.APIRoot+"/") || strings.HasPrefix(r.URL.Path, "/static/")
	return readOnly && !inside && path.Ext(r.URL.Path) == "" && prefersHTML(r.Header.Values("Accept"))
}

// prefersHTML reports whether an Accept header names HTML, and JSON no higher.
func prefersHTML(accept []string) bool {
	wanted := answer.QualityValues(accept)
	html := max(wanted[echo.MIMETextHTML], wanted["application/xhtml+xml"])
	return html > 0 && html >= wanted[echo.MIMEApplicationJSON]
}

// kindOf returns the page at a path, or a page without a name.
func (p *Pages) kindOf(path string) pageKind {
	kinds := p.served()
	i := slices.IndexFunc(kinds, func(kind pageKind) bool { return kind.path == path })
	if i < 0 {
		return pageKind{path: path}
	}
	return kinds[i]
}

// renderProblem answers with an error page, a short one in a frame.
func (p *Pages) renderProblem(c echo.Context, kind pageKind, r *requestContext, status int, cause error) error {
	r.view.Embed = r.view.Embed && kind.embeddable()
	header := c.Response().Header()
	p.protect(header, r.view.Embed)
	header.Set("Cache-Control", "no-store")
	header.Set("Vary", "Accept, Accept-Language")
	page := p.newPage(kind, r)
	page.Problem = &pageError{Status: status, Wrong: r.wrongs(cause)}
	page.Problem.Again = page.again(c)
	if wrong := (*viewError)(nil); errors.As(cause, &wrong) {
		page.Problem.keepDates(c, wrong)
	}
	name := "problem"
	if r.view.Embed {
		name = "problem-embed"
	}
	body, err := p.render(name, page)
	if err != nil {
		return err
	}
	return c.HTMLBlob(status, body)
}

// keepDates keeps dates that do not form a period, for the form.
func (p *pageError) keepDates(c echo.Context, wrong *viewError) {
	p.from, p.to = c.QueryParam(paramFrom), c.QueryParam(paramTo)
	p.dates = !slices.ContainsFunc(wrong.params, func(param invalidParam) bool {
		return param.name != paramFrom && param.name != paramTo
	})
}

// again returns the address to try next: the same one if it may work later.
func (p *page) again(c echo.Context) string {
	switch {
	case p.Passing():
		return p.Self() + "?" + c.QueryParams().Encode()
	case p.kind.name == "":
		return p.Home()
	}
	v := p.View
	v.Embed, v.Chart = false, ""
	return p.address(v)
}

// wrongs returns the errors of the parameters as sentences.
func (r *requestContext) wrongs(cause error) []string {
	var (
		ofView  *viewError
		invalid *stats.InvalidError
		texts   []string
	)
	switch {
	case errors.As(cause, &ofView):
		for _, param := range ofView.params {
			texts = append(texts, r.T(param.text, "Name", param.name, "Days", r.Integer(maxDays)))
		}
	case errors.As(cause, &invalid):
		for _, name := range slices.Sorted(maps.Keys(invalid.Fields)) {
			texts = append(texts, r.T("wrong_other", "Name", mention(name)))
		}
	}
	return texts
}
