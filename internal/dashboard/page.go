// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"embed"
	"html/template"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/monarc-project/stats-service/internal/buildinfo"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/prefix"
)

//go:embed templates/*.html
var templateFiles embed.FS

// templateFunctions pass several values to a part of a page.
var templateFunctions = template.FuncMap{
	"arguments": func(p *page, f figure) map[string]any { return map[string]any{"Page": p, "Figure": f} },
	"choice": func(label string, links []link) map[string]any {
		return map[string]any{"Label": label, "Links": links}
	},
}

// page is the data of the templates.
type page struct {
	locale
	View    view
	Figures []figure

	Overview  overview
	Evolution evolution
	Totals    disclosure.Contributions
	Object    objectPage
	Found     found
	Problem   *pageError // why the page cannot be shown; nil: it can
	Compared  string     // name of the client that compares its figures; empty: no comparison

	pages  *Pages
	prefix string
	kind   pageKind
}

func (p *Pages) newPage(kind pageKind, r *requestContext) *page {
	page := &page{locale: r.locale, View: r.view, pages: p, prefix: prefix.Of(r.ctx), kind: kind}
	if r.client != nil {
		page.Compared = r.client.Name
	}
	return page
}

// tables returns the exported figures of the charts with an ID.
func (p *page) tables(id string) []table {
	var tables []table
	for _, f := range p.Figures {
		switch {
		case f.ID == id:
			tables = append(tables, f.exported())
		case p.kind.name == pageEvolution: // the CSV of a public JSON route, which has no means
			tables = append(tables, f.exported().without("object", ""))
		}
	}
	return tables
}

// keepFigure removes all figures but one: the one with an ID, or else the first.
func (p *page) keepFigure(id string) {
	keep := slices.IndexFunc(p.Figures, func(f figure) bool { return f.ID == id })
	if len(p.Figures) > 0 {
		p.Figures = p.Figures[max(keep, 0):][:1]
	}
}

// link is a link of the page, or the choice that is in force.
type link struct {
	Href    string
	Text    string
	Current bool
	Code    string
}

// Static returns the address of a static file.
func (p *page) Static(name string) string { return p.prefix + p.pages.assets.root() + "/" + name }

// To returns the address of a path of the service, below its prefix.
func (p *page) To(path string) string { return p.prefix + path }

// Home returns the address of the first page.
func (p *page) Home() string { return p.prefix + "/?" + p.View.common().Encode() }

// Self returns the path of the page, for forms.
func (p *page) Self() string { return p.prefix + p.kind.path }

func (p *page) address(v view) string { return p.Self() + "?" + v.query().Encode() }

// Navigation links to the pages with the period that this one shows.
func (p *page) Navigation() []link {
	var links []link
	for _, kind := range p.pages.active() {
		links = append(links, link{
			Href:    p.prefix + kind.path + "?" + p.View.common().Encode(),
			Text:    p.T("nav_" + kind.name),
			Current: kind.name == p.kind.name,
			Code:    kind.name,
		})
	}
	return links
}

// HasFigures reports whether the page shows figures of a period.
func (p *page) HasFigures() bool { return p.ofFigures() && p.Problem == nil }

// hasNothing reports whether the page has figures to show, but there are none.
func (p *page) hasNothing() bool {
	return p.HasFigures() && !slices.ContainsFunc(p.Figures, func(f figure) bool { return !f.Empty() })
}

// ofFigures reports whether the page is one of those that show figures.
func (p *page) ofFigures() bool {
	return !slices.Contains([]string{"", pageSearch, pageData, pageAbout, pageHelp, pageAPI}, p.kind.name)
}

// ofObject reports whether the page is about one threat or vulnerability.
func (p *page) ofObject() bool { return p.kind.name == pageThreat || p.kind.name == pageVulnerability }

// UUID returns the UUID of the page's object.
func (p *page) UUID() string { return path.Base(p.kind.path) }

// Values returns the table of the page's object, as a figure.
func (p *page) Values() figure { return figure{Title: p.T("object_values"), Table: p.Object.Values} }

// SearchPage returns the address of the search, or "" if there is none.
func (p *page) SearchPage() string {
	if !p.pages.opts.isActive(pageStats) {
		return ""
	}
	return p.Linked(pageSearch)
}

// Linked returns the address of a page that the overview links to, without parameters.
func (p *page) Linked(name string) string { return p.prefix + "/stats/" + name }

// LinkTo returns the address of such a page with all current choices.
func (p *page) LinkTo(name string) string { return p.Linked(name) + "?" + p.View.query().Encode() }

// BeforeFrom returns the first day of the period to compare with, for date fields.
func (p *page) BeforeFrom() string { return p.View.compared().From.Format(time.DateOnly) }

// BeforeUntil returns the last day of the period to compare with, for date fields.
func (p *page) BeforeUntil() string { return p.View.compared().To.Format(time.DateOnly) }

// Common returns the parameters that links to other pages keep.
func (p *page) Common() []field { return fieldsOf(p.View.common()) }

// Searched returns the search text for a sentence.
func (p *page) Searched() string { return mention(p.View.Search) }

// Periods links to the same page for other lengths of time.
func (p *page) Periods() []link {
	var links []link
	for _, days := range periods {
		v := p.View
		v.Days = days
		links = append(links, link{Href: p.address(v), Text: p.T("period_days", "Count", days), Current: v.Days == p.View.Days})
	}
	return links
}

// CustomPeriod reports whether Periods does not include the period.
func (p *page) CustomPeriod() bool { return p.Invalid() || !slices.Contains(periods, p.View.Days) }

// Span writes the period as two dates, and whose figures are left out.
func (p *page) Span() string {
	if p.View.Local {
		return p.T("span_local", "Span", p.span(p.View))
	}
	return p.span(p.View)
}

// span writes the period of a view as two dates.
func (l locale) span(v view) string { return l.T("span", "From", l.Date(v.From), "To", l.Date(v.To)) }

// From returns the first day of the period for date fields. If it is invalid, it is
// returned as given, to be corrected.
func (p *page) From() string {
	if p.Invalid() {
		return p.Problem.from
	}
	return p.View.From.Format(time.DateOnly)
}

// Until returns the last day of the period for date fields.
func (p *page) Until() string {
	if p.Invalid() {
		return p.Problem.to
	}
	return p.View.To.Format(time.DateOnly)
}

// Languages links to the same page in other languages.
func (p *page) Languages() []link {
	var links []link
	for _, l := range pageLanguages {
		v := p.View
		v.Lang = l.Code
		links = append(links, link{Href: p.address(v), Text: l.Name, Current: l.Code == p.Code, Code: l.Code})
	}
	return links
}

// choices links to the same page with other values of one part of the view.
func (p *page) choices(names []string, label string, current string, set func(*view, string)) []link {
	var links []link
	for _, name := range names {
		v := p.View
		set(&v, name)
		links = append(links, link{Href: p.address(v), Text: p.T(label + name), Current: name == current, Code: name})
	}
	return links
}

// Measures links to the values that objects can be compared by.
func (p *page) Measures() []link {
	of := ofBoth
	if p.kind.name == pageEvolution || p.ofObject() {
		of = p.View.Of
	}
	links := p.choices(measures, "measure_", p.View.By, func(v *view, by string) { v.By = by })
	for i := range links {
		links[i].Text = p.T("measure_" + measureID(measures[i], of))
	}
	return links
}

// ExplainedMeasures returns the measures with the ids of the texts that explain them.
func (p *page) ExplainedMeasures() []link {
	var links []link
	for _, id := range []string{byProbability, byProbability + "_" + ofVulnerabilities, byOccurrence, byMaxRisk} {
		links = append(links, link{Text: p.T("measure_" + id), Code: id})
	}
	return links
}

// MinAnalyses returns how many analyses a figure needs to be ranked.
func (p *page) MinAnalyses() int { return max(p.pages.opts.MinAnalyses, 1) }

// Orders links to the highest and the lowest values.
func (p *page) Orders() []link {
	return p.choices(orders, "order_", p.View.Order, func(v *view, order string) { v.Order = order })
}

// Tops links to other numbers of objects.
func (p *page) Tops() []link {
	var links []link
	for _, n := range tops {
		v := p.View
		v.Top = n
		links = append(links, link{Href: p.address(v), Text: p.Integer(n), Current: n == p.View.Top})
	}
	return links
}

// Subjects links to the developments of threats, vulnerabilities and risks.
func (p *page) Subjects() []link {
	return p.choices(subjects, "subject_", p.View.Of, func(v *view, of string) {
		v.Of, v.Objects, v.Invert = of, nil, false
	})
}

// Groupings links to other lengths of steps.
func (p *page) Groupings() []link {
	steps := groupings
	if p.View.Weekly {
		steps = slices.DeleteFunc(slices.Clone(steps), func(group string) bool { return group == groupDay })
	}
	return p.choices(steps, "group_", p.View.grouping(), func(v *view, group string) { v.Group = group })
}

// Inverse links to the lines that are not shown now.
func (p *page) Inverse() string {
	v := p.View
	if len(v.Objects) == 0 {
		for _, l := range p.Evolution.Lines {
			if l.Chosen {
				v.Objects = append(v.Objects, l.Code)
			}
		}
		v.Invert = true
		return p.address(v)
	}
	v.Invert = !v.Invert
	return p.address(v)
}

// Reset links to the default lines.
func (p *page) Reset() string {
	v := p.View
	v.Objects, v.Invert = nil, false
	return p.address(v)
}

// field is a hidden field of a form.
type field struct{ Name, Value string }

// Fields returns the parameters that a form keeps, without its own ones.
func (p *page) Fields(own ...string) []field {
	query := p.View.query()
	for _, name := range own {
		query.Del(name)
	}
	return fieldsOf(query)
}

func fieldsOf(query url.Values) []field {
	var fields []field
	for _, name := range sortedNames(query) {
		for _, value := range query[name] {
			fields = append(fields, field{name, value})
		}
	}
	return fields
}

func sortedNames(values url.Values) []string {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Exported reports whether the figure is available as a file: the report and the pages of
// objects show some of pages that may be turned off.
func (p *page) Exported(f figure) bool {
	return !f.Unexported && slices.ContainsFunc(p.pages.served(), func(kind pageKind) bool { return slices.Contains(kind.charts, f.ID) })
}

// Export returns the address of a chart or its figures in a format, such as csv or png.
func (p *page) Export(f figure, format string) string {
	v := p.View
	v.Embed, v.Chart, v.Lang = false, "", p.Code
	if f.Object != "" {
		v.Objects = []string{f.Object}
	}
	return p.prefix + "/stats/" + f.ID + "." + format + "?" + v.query().Encode()
}

// Frame returns the address of a chart for a frame in another site, or "" if no other
// site may show the page or it is in a frame already.
func (p *page) Frame(f figure) string {
	if len(p.pages.opts.EmbedOrigins) == 0 || p.View.Embed || !p.kind.embeddable() {
		return ""
	}
	v := p.View
	v.Embed, v.Chart = true, f.ID
	if f.Object != "" {
		v.Objects = []string{f.Object}
	}
	return p.address(v)
}

// EmbedCode returns the HTML that shows a chart in another site.
func (p *page) EmbedCode(f figure) string {
	address := p.Frame(f)
	if base := p.pages.opts.InstanceURL; base != "" {
		address = base + strings.TrimPrefix(address, p.prefix)
	}
	return `<iframe src="` + template.HTMLEscapeString(address) + `" title="` + template.HTMLEscapeString(f.Title) +
		`" width="100%" height="480" loading="lazy"></iframe>`
}

// Whole returns the address of the page that an embedded chart is from.
func (p *page) Whole() string {
	v := p.View
	v.Embed, v.Chart = false, ""
	return p.address(v)
}

// OtherArea links to the map of the whole world, or back to the area around the places.
func (p *page) OtherArea() string {
	v := p.View
	v.World = !v.World
	return p.address(v)
}

// Title returns the title of the page.
func (p *page) Title() string {
	if p.Problem != nil {
		return p.T("problem_title_" + p.Problem.code())
	}
	if p.ofObject() {
		return p.Object.Name.Text
	}
	return p.T("title_" + p.kind.name)
}

// MinClients returns the k-anonymity threshold.
func (p *page) MinClients() int { return p.pages.opts.Figures.MinClients() }

// APIRoot returns the path of the API documentation.
func (p *page) APIRoot() string { return p.prefix + p.pages.opts.APIRoot + "/" }

// AdminEmail returns the contact, or "".
func (p *page) AdminEmail() string { return p.pages.opts.AdminEmail }

// AdminURL returns the page of the contact, or "".
func (p *page) AdminURL() string { return p.pages.opts.AdminURL }

// ServiceURL returns the address that a front office needs, or an example if it is
// unknown.
func (p *page) ServiceURL() string {
	if url := p.pages.opts.InstanceURL; url != "" {
		return url
	}
	return "https://stats.example.org" + p.prefix
}

// Version returns the version of the service.
func (p *page) Version() string { return buildinfo.String() }

// VersionURL returns the address of the version's history.
func (p *page) VersionURL() string { return buildinfo.URL() }

// ColumnCell is a cell with its column.
type ColumnCell struct {
	column
	cell
	Shown string
}

// Cells returns the cells of a row that the page shows.
func (p *page) Cells(t table, row []cell) []ColumnCell {
	var cells []ColumnCell
	for i, c := range row {
		if !t.Columns[i].OnPage() {
			continue
		}
		shown := c.Text
		if c.Number != nil && shown == "" {
			shown = p.Number(*c.Number)
		}
		cells = append(cells, ColumnCell{t.Columns[i], c, shown})
	}
	return cells
}

// maxIgnored is how many parameters a page names.
const maxIgnored = 5

// Ignored names the unknown parameters of the address, or returns "".
func (p *page) Ignored() string {
	var names []string
	for _, name := range p.View.Unknown[:min(len(p.View.Unknown), maxIgnored)] {
		names = append(names, mention(name))
	}
	if len(names) == 0 {
		return ""
	}
	return p.T("ignored", "Count", len(names), "Names", strings.Join(names, ", "))
}

// Texts returns the words that the scripts of the page use.
func (p *page) Texts() map[string]string {
	texts := map[string]string{}
	for _, id := range scriptTexts {
		texts[id] = p.T(id)
	}
	return texts
}

// scriptTexts lists the texts that static/*.js mention.
var scriptTexts = []string{
	"script_zoom_in", "script_zoom_out", "theme_auto", "theme_light", "theme_dark",
}
