// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"errors"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/chart"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// Readers can compare a client's figures with everybody's: the form of a page posts the
// client's token, and the answer is that page with both.

// identify finds the client of a token.
type identify = func(c echo.Context, token string) (stats.Client, error)

const (
	tokenField = "token" // of the form
	maxForm    = 4 << 10 // bytes
)

// comparable reports whether the page can show a client's own figures.
func (k pageKind) comparable() bool {
	switch k.name {
	case pageStats, pageEvolution, pageCartography, pageCompliance, pagePeriods, pageReport, pageThreat, pageVulnerability:
		return true
	}
	return false
}

// isForm reports whether the body of a request is a form.
func isForm(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && r.Method == http.MethodPost && media == echo.MIMEApplicationForm
}

// serveComparison answers with a page that also has the figures of the client of the
// posted token. Neither caches nor the service store it.
func (p *Pages) serveComparison(kind pageKind, identify identify) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set("Cache-Control", string(answer.CacheNever))
		token, err := postedToken(c)
		if err != nil {
			return err
		}
		client, err := identify(c, token)
		if err != nil {
			return err
		}
		request := c.Request()
		r, err := p.read(request.Context(), request.Header, c.QueryParams(), defaultPeriod)
		r.view.Embed, r.view.Chart = false, ""
		if err != nil {
			return p.renderProblem(c, kind, r, http.StatusBadRequest, err)
		}
		r.client = &client
		p.protect(c.Response().Header(), false)
		page, err := p.buildPage(r, kind)
		if err != nil {
			return err
		}
		return page.Write(c.Response(), answer.NegotiationOf(r.ctx), answer.CacheNever)
	}
}

// postedToken reads the token from the body, never from the address.
func postedToken(c echo.Context) (string, error) {
	request := c.Request()
	if !isForm(request) {
		return "", echo.NewHTTPError(http.StatusUnsupportedMediaType)
	}
	request.Body = http.MaxBytesReader(c.Response(), request.Body, maxForm)
	err := request.ParseForm()
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return "", echo.NewHTTPError(http.StatusRequestEntityTooLarge)
	}
	if err != nil {
		return "", stats.Invalid(tokenField, "cannot be read: send it as a form")
	}
	return strings.TrimSpace(request.PostForm.Get(tokenField)), nil
}

// Comparable reports whether the page has a form for the token of a client.
func (p *page) Comparable() bool {
	return p.kind.comparable() && p.HasFigures() && !p.View.Embed
}

// ComparedName returns the name of the client, for a sentence.
func (p *page) ComparedName() string { return mention(p.Compared) }

// Address returns the address of this page with all current choices.
func (p *page) Address() string { return p.address(p.View) }

// own has the client's own figures by key; nil without a comparison.
type own map[stats.Key]disclosure.Compared

// owns reads the client's own figures of a period, without those of maps and compliance.
func (r *requestContext) owns(v view) (map[stats.Type]own, error) {
	all := map[stats.Type]own{}
	for _, t := range []stats.Type{stats.Threat, stats.Vulnerability, stats.Risk} {
		mine, err := r.ownIn(v, t)
		if err != nil {
			return nil, err
		}
		all[t] = mine
	}
	return all, nil
}

// own reads the client's own figures of a type.
func (r *requestContext) own(t stats.Type) (own, error) { return r.ownIn(r.view, t) }

// ownIn reads the client's own figures of a type in a period.
func (r *requestContext) ownIn(v view, t stats.Type) (own, error) {
	if r.client == nil {
		return nil, nil
	}
	comparison, err := r.opts.Figures.Compare(r.ctx, v.filter(t), disclosure.Owner{ClientID: r.client.ID})
	if err != nil {
		return nil, err
	}
	mine := own{}
	for _, figure := range comparison.Figures {
		mine[figure.Key] = figure
	}
	return mine, nil
}

// value returns one of the means of a key, or nil if the client has none.
func (o own) value(key stats.Key, measure int) *float64 {
	figure, known := o[key]
	if !known {
		return nil
	}
	return &figure.Own[measure]
}

// means returns the numbers of risks.
func (o own) means() riskMeans {
	means := riskMeans{}
	for key, figure := range o {
		means[key] = figure.Own[0]
	}
	return means
}

// ofMap returns a map of risks.
func (o own) ofMap(state, kind string) riskMap {
	m := riskMap{state: state, kind: kind, cells: map[[2]int]float64{}}
	for key, figure := range o {
		if key.State == state && key.Kind == kind {
			m.cells[[2]int{scaleValue(key.Impact), scaleValue(key.Likelihood)}] = figure.Own[0]
			m.known = true
		}
	}
	return m
}

// ownColumns returns the columns of the client's own figures. title is the id of the
// first one's title.
func (r *requestContext) ownColumns(title string) []column {
	if r.client == nil {
		return nil
	}
	return []column{{Name: "own", Title: r.T(title), Numeric: true}, {Name: "band", Title: r.T("column_band")}}
}

// ownCells returns the cells for ownColumns.
func (r *requestContext) ownCells(mine own, key stats.Key, measure int) []cell {
	if r.client == nil {
		return nil
	}
	figure, known := mine[key]
	if !known {
		return []cell{{}, {}}
	}
	return []cell{num(figure.Own[measure]), text(r.position(figure.Positions[measure]))}
}

// position says where the client is among the other organisations, or why this is
// unknown.
func (r *requestContext) position(p disclosure.Position) string {
	if p.Band == "" {
		return r.T("unranked_" + string(p.Unranked))
	}
	return r.T("band_" + string(p.Band))
}

// addOwn adds the client's own figures to a table of lines, as its last columns:
// scripts count columns from the left, where the steps are.
func (r *requestContext) addOwn(t *table, lines []line, mine own) {
	if mine == nil {
		return
	}
	measure := measureIndex[r.measure()]
	for i, l := range lines {
		t.Rows[i] = append(t.Rows[i], r.ownCells(mine, l.key, measure)...)
	}
	t.Columns = append(t.Columns, r.ownColumns("column_own")...)
}

// ownHistory returns the client's own means by key, step by step, or nil without a
// comparison.
func (r *requestContext) ownHistory(t stats.Type) (map[stats.Key]steps, error) {
	if r.client == nil {
		return nil, nil
	}
	sums, err := r.opts.Figures.OwnSums(r.ctx, r.view.filter(t), disclosure.Owner{ClientID: r.client.ID})
	if err != nil {
		return nil, err
	}
	start, measure, history := r.steps().Start, measureIndex[r.measure()], map[stats.Key]steps{}
	for _, sum := range sums {
		if history[sum.Key] == nil {
			history[sum.Key] = steps{}
		}
		history[sum.Key].add(start(sum.Date), processor.Mean(sum.Sums[measure], sum.Count))
	}
	return history, nil
}

// addOwnHistory adds a row for each line that the client has figures for. They come
// last: scripts count lines from the top.
func (r *requestContext) addOwnHistory(t *table, lines []line, starts []time.Time, history map[stats.Key]steps) {
	for _, l := range lines {
		if known := history[l.key]; known != nil {
			name := l.Name
			name.Text = r.T("own_line", "Name", mention(name.Text))
			row := append([]cell{name, {}}, cellsOf(valuesOf(known, starts))...)
			t.Rows = append(t.Rows, append(row, make([]cell, len(t.Columns)-len(row))...))
		}
	}
}

// topOwn describes the client's own figures of the first objects.
func (r *requestContext) topOwn(shown ranking, mine own) string {
	var named []string
	for _, object := range shown {
		figure, known := mine[stats.Key{Object: object.Object}]
		if !known || len(named) == summaryLength {
			continue
		}
		measure := measureIndex[r.view.By]
		said := mention(r.Label(object.Labels, object.Object)) + " " + r.Number(figure.Own[measure])
		if position := figure.Positions[measure]; position.Band != "" {
			said += " (" + r.position(position) + ")"
		}
		named = append(named, said)
	}
	return r.ownSummary(named)
}

// complianceOwn describes the client's own figures of the first categories.
func (r *requestContext) complianceOwn(radar chart.Radar) string {
	write := r.Number
	if radar.Share {
		write = r.Percent
	}
	var named []string
	for _, category := range radar.Items {
		if own := category.Own[0]; own != nil && len(named) < summaryLength {
			named = append(named, mention(category.Label[0])+" "+write(*own))
		}
	}
	return r.ownSummary(named)
}

// mapCell returns the number of risks in a cell, with the client's own number if it has
// a map.
func (r *requestContext) mapCell(all, mine riskMap, at [2]int) cell {
	c := num(all.cells[at])
	if mine.known {
		c.Text = r.T("compare_cell", "All", r.Number(all.cells[at]), "Own", r.Number(mine.cells[at]))
	}
	return c
}

// ownSummary returns a sentence about the client's own figures, or "".
func (r *requestContext) ownSummary(parts []string) string {
	if len(parts) == 0 {
		return ""
	}
	return r.T("own_summary", "Figures", strings.TrimSuffix(strings.Join(parts, "; "), "."))
}

// sentences joins the sentences that are not empty.
func sentences(all ...string) string {
	var said []string
	for _, sentence := range all {
		if sentence != "" {
			said = append(said, sentence)
		}
	}
	return strings.Join(said, " ")
}

func complianceKey(referential processor.ReferentialCompliance, category processor.CategoryCompliance) stats.Key {
	return stats.Key{Object: referential.Referential, State: stats.Current, Category: category.Name}
}
