// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/semaphore"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
	"golang.org/x/text/number"

	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/chart"
)

// The names of the parameters that only images have.
const (
	paramTheme  = "theme"
	paramWidth  = "width"
	paramHeight = "height"
)

// imageParameters are all that the address of an image can have.
var imageParameters = append(slices.Clone(viewParameters), paramTheme, paramWidth, paramHeight)

const (
	themeLight = "light"
	themeDark  = "dark"
)

// parsePicture reads the parameters of an image. Its errors are *stats.InvalidError and
// name the parameter.
func parsePicture(query url.Values) (chart.Page, error) {
	r := viewParser{query: query}
	s := chart.Page{
		Width:  r.pixels(paramWidth, chart.DefaultWidth, chart.MinWidth, chart.MaxWidth),
		Height: r.pixels(paramHeight, 0, chart.MinHeight, chart.MaxHeight),
		Dark:   r.oneOf(paramTheme, []string{themeLight, themeDark}, themeLight) == themeDark,
	}
	return s, r.err()
}

func (r *viewParser) pixels(name string, fallback, least, most int) int {
	given := r.query.Get(name)
	if given == "" {
		return fallback
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < least || n > most {
		r.fail(name, "must be a number of pixels from %d to %d", least, most)
		return fallback
	}
	return n
}

// Draw writes the chart of a figure into the page.
func (p *page) Draw(f figure) template.HTML {
	id := f.ID
	if f.Object != "" {
		id += "-" + f.Object
	}
	return template.HTML(chart.Inline{ID: id, Title: f.Title, Description: f.Summary, Format: p.format()}.SVG(f.Chart))
}

func (l locale) format() chart.Format {
	return chart.Format{Number: l.Number, Axis: l.axis, Percent: l.Percent}
}

// axis writes a figure at an axis.
func (l locale) axis(n float64) string {
	return l.printer.Sprint(number.Decimal(n, number.MaxFractionDigits(3)))
}

// country returns the name of a country by its ISO code, or "".
func (r *requestContext) country(code string) string {
	region, err := language.ParseRegion(code)
	if err != nil {
		return ""
	}
	return display.Regions(r.tag).Name(region)
}

// registerImages adds the routes of the charts as files. They have the addresses of
// the CSV exports, and take the same parameters.
func (p *Pages) registerImages(g registrar) {
	add := func(kind pageKind, id string, adapt func(url.Values) (url.Values, int)) {
		g.add("/stats/"+id+".png", p.serveImage(kind, id, ".png", adapt))
		g.add("/stats/"+id+".svg", p.serveImage(kind, id, ".svg", adapt))
	}
	for _, kind := range p.served() {
		for _, id := range kind.charts {
			add(kind, id, ownParameters)
		}
		if kind.name == pageEvolution {
			for _, of := range subjects {
				add(kind, of, parametersOfYear(of))
			}
		}
	}
}

// parametersOfYear makes the image of a public JSON route show the same year as the
// route, but only the first lines: all of them would be indistinguishable.
func parametersOfYear(of string) func(url.Values) (url.Values, int) {
	return func(query url.Values) (url.Values, int) {
		query.Set(paramOf, of)
		return query, yearPeriod
	}
}

func (p *Pages) serveImage(kind pageKind, id, extension string, adapt func(url.Values) (url.Values, int)) echo.HandlerFunc {
	return func(c echo.Context) error {
		request := c.Request()
		if err := refuseUnknown(c.QueryParams(), imageParameters); err != nil {
			return err
		}
		query, fallbackDays := adapt(c.QueryParams())
		r, err := p.read(request.Context(), request.Header, query, fallbackDays)
		if err != nil {
			return err
		}
		picture, err := parsePicture(query)
		if err != nil {
			return err
		}
		err = p.serveCached(c, r, kind, c.Path(), func(r *requestContext) (*answer.Encoded, error) {
			return p.drawImage(r, kind, id, extension, picture)
		})
		if errors.Is(err, errBusy) {
			c.Response().Header().Set("Retry-After", strconv.Itoa(busySeconds))
			return echo.NewHTTPError(http.StatusServiceUnavailable).SetInternal(err)
		}
		return err
	}
}

// drawImage draws the chart with an ID as a file.
func (p *Pages) drawImage(r *requestContext, kind pageKind, id, extension string, picture chart.Page) (*answer.Encoded, error) {
	page := p.newPage(kind, r)
	if err := kind.build(r, page); err != nil {
		return nil, fmt.Errorf("image of %s: %w", id, err)
	}
	page.fill(&picture, id)
	drawn, err := picture.SVG(), error(nil)
	if extension == ".png" {
		drawn, err = p.renderer.draw(r.ctx, picture)
	}
	if err != nil {
		return nil, fmt.Errorf("draw %s: %w", id, err)
	}
	name := fmt.Sprintf("%s-%s-%s%s", id, r.view.From.Format(time.DateOnly), r.view.To.Format(time.DateOnly), extension)
	return document(drawn, contentTypes[extension], `inline; filename="`+name+`"`), nil
}

const (
	// maxWaiting is how many images may wait for a slot. Further ones are refused with
	// a Retry-After of busySeconds.
	maxWaiting  = 32
	busySeconds = 5
)

// errBusy reports that too many images are requested at once.
var errBusy = errors.New("too many images are being drawn")

// renderer draws images, a limited number at a time: the rest of the service needs
// processors and memory too.
type renderer struct {
	fonts *chart.Fonts
	queue *semaphore.Weighted // images that are being drawn or wait
	slots *semaphore.Weighted // images that are being drawn
}

func newRenderer(fonts *chart.Fonts) renderer {
	slots := int64(max(1, runtime.GOMAXPROCS(0)/2))
	return renderer{fonts: fonts, queue: semaphore.NewWeighted(slots + maxWaiting), slots: semaphore.NewWeighted(slots)}
}

// draw returns a picture as PNG. The error is errBusy, the error of ctx, or a drawing
// error.
func (r renderer) draw(ctx context.Context, picture chart.Page) ([]byte, error) {
	if !r.queue.TryAcquire(1) {
		return nil, errBusy
	}
	defer r.queue.Release(1)
	if err := r.slots.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer r.slots.Release(1)
	return picture.PNG(ctx, r.fonts)
}

// maxPanels and maxNotes are how many charts and places an image shows: more could
// not be read.
const (
	maxPanels = 4
	maxNotes  = 24
)

// fill puts the chart with an ID on a picture, with everything that a reader needs to
// understand it on its own. Charts that share the ID are placed side by side.
func (p *page) fill(s *chart.Page, id string) {
	s.Title, s.Period, s.Nothing, s.Footer = chart.Label{p.Title()}, p.spanOfImage(), p.nothing(), p.source()
	s.Format, s.Site = p.format(), p.site()
	figures := p.figuresOf(id)
	for i, f := range figures {
		s.Title, s.Subtitle = f.titles(p.T("compliance")), f.Note
		if f.Empty() {
			continue
		}
		if i == maxPanels {
			s.Footer = append([]string{p.T("picture_more_charts", "Count", len(figures)-i)}, s.Footer...)
			break
		}
		s.Panels = append(s.Panels, chart.Panel{Title: append(f.Names, f.Title), Chart: f.Chart})
		s.Notes = f.Notes[:min(len(f.Notes), maxNotes)]
		if rest := len(f.Notes) - len(s.Notes); rest > 0 {
			s.Notes = append(slices.Clip(s.Notes), chart.Label{p.T("picture_more_places", "Count", rest)})
		}
	}
	switch {
	case len(s.Panels) == 1:
		s.Panels[0].Title = nil
		s.Subtitle = joined(s.Subtitle, figures[0].Behind, figures[0].Few)
	case len(s.Panels) > 1:
		s.Title, s.Subtitle = chart.Label{p.Title()}, commonNote(figures, p.T("compliance_note"))
	}
}

// joined joins the texts that are not empty.
func joined(texts ...string) string {
	return strings.Join(slices.DeleteFunc(texts, func(text string) bool { return text == "" }), " · ")
}

// site returns the URL prefix of paths of this service, or "" if it is unknown.
func (p *page) site() string { return strings.TrimSuffix(p.pages.opts.InstanceURL, p.prefix) }

// figuresOf returns the figures that the exports with an ID cover.
func (p *page) figuresOf(id string) []figure {
	var figures []figure
	for _, f := range p.Figures {
		if f.ID == id || p.kind.name == pageEvolution {
			figures = append(figures, f)
		}
	}
	return figures
}

// titles says what a figure shows, even if its own title is only the name of an object.
func (f figure) titles(compliance string) chart.Label {
	if f.Object == "" {
		return chart.Label{f.Title}
	}
	var titles chart.Label
	for _, name := range append(f.Names, f.Title) {
		titles = append(titles, compliance+" · "+name)
	}
	return titles
}

func commonNote(figures []figure, otherwise string) string {
	for _, f := range figures {
		if f.Note != figures[0].Note {
			return otherwise
		}
	}
	return figures[0].Note
}

// spanOfImage says which period and whose figures an image shows. The words of the
// period are written for sentences and may start in lower case.
func (p *page) spanOfImage() string {
	span := p.span(p.View)
	first, size := utf8.DecodeRuneInString(span)
	span = string(unicode.ToUpper(first)) + span[size:]
	if p.View.Local {
		span += " · " + p.T("local_only")
	}
	return span
}

// hidden says that figures are suppressed, if they are.
func (p *page) hidden() string {
	if p.MinClients() < 2 {
		return ""
	}
	return p.T("privacy", "Number", p.Integer(p.MinClients()))
}

func (p *page) nothing() string {
	return strings.TrimSpace(p.T("no_data") + " " + p.hidden())
}

// source says where the figures are from.
func (p *page) source() []string {
	from := p.T("product")
	if address := p.Canonical(); address != "" {
		from += " · " + address
	}
	lines := []string{from, p.T("footer")}
	if hidden := p.hidden(); hidden != "" {
		lines = append(lines, hidden)
	}
	return lines
}
