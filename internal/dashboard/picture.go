package dashboard

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/picture"
)

// The names of the parameters that only pictures have.
const (
	paramTheme  = "theme"
	paramWidth  = "width"
	paramHeight = "height"
)

const (
	themeLight = "light"
	themeDark  = "dark"
)

// sheet is what a picture is drawn on.
type sheet struct {
	width, height int // in pixels; height 0: what the chart needs
	dark          bool
}

// parseSheet reads the parameters of a picture. Its errors are
// *stats.InvalidError and name the parameter.
func parseSheet(query url.Values) (sheet, error) {
	r := viewReader{query: query}
	s := sheet{
		width:  r.pixels(paramWidth, picture.DefaultWidth, picture.MinWidth, picture.MaxWidth),
		height: r.pixels(paramHeight, 0, picture.MinHeight, picture.MaxHeight),
		dark:   r.oneOf(paramTheme, []string{themeLight, themeDark}, themeLight) == themeDark,
	}
	return s, r.err()
}

func (r *viewReader) pixels(name string, fallback, least, most int) int {
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

// registerPictures adds the routes of the charts as pictures. They have the
// addresses of the CSV exports, and take the same parameters.
func (p *Pages) registerPictures(e *echo.Echo) {
	s := newStudio()
	for _, kind := range p.active() {
		for _, id := range kind.charts {
			e.Match(methods, "/stats/"+id+".png", p.servePicture(s, kind, id, ownParameters))
		}
		if kind.name != pageEvolution {
			continue
		}
		for _, of := range subjects {
			e.Match(methods, "/stats/"+of+".png", p.servePicture(s, kind, of, parametersOfYear(of)))
		}
	}
}

// parametersOfYear makes the picture beside a public JSON route show the year
// that the route answers: the first lines, as all of them could not be told apart.
func parametersOfYear(of string) func(url.Values) (url.Values, int) {
	return func(query url.Values) (url.Values, int) {
		query.Set(paramOf, of)
		return query, yearPeriod
	}
}

func (p *Pages) servePicture(s studio, kind pageKind, id string, adapt func(url.Values) (url.Values, int)) echo.HandlerFunc {
	return func(c echo.Context) error {
		request := c.Request()
		query, fallbackDays := adapt(c.QueryParams())
		r, err := p.read(request.Context(), request.Header, query, fallbackDays)
		if err != nil {
			return err
		}
		sheet, err := parseSheet(query)
		if err != nil {
			return err
		}
		err = p.serveCached(c, r, kind, c.Path(), func(r *reading) (*answer.Encoded, error) {
			return p.drawPicture(r, kind, id, s, sheet)
		})
		if errors.Is(err, errBusy) {
			c.Response().Header().Set("Retry-After", strconv.Itoa(busySeconds))
			return echo.NewHTTPError(http.StatusServiceUnavailable).SetInternal(err)
		}
		return err
	}
}

// drawPicture draws the chart with an ID as PNG.
func (p *Pages) drawPicture(r *reading, kind pageKind, id string, s studio, on sheet) (*answer.Encoded, error) {
	page := p.newPage(kind, r)
	if err := kind.build(r, page); err != nil {
		return nil, fmt.Errorf("picture of %s: %w", id, err)
	}
	wanted, err := page.picture(id, r, on)
	if err != nil {
		return nil, err
	}
	drawn, err := s.draw(r.ctx, wanted)
	if err != nil {
		return nil, fmt.Errorf("draw %s: %w", id, err)
	}
	return document(drawn, contentTypes[".png"], `inline; filename="`+pictureName(id, r.view)+`"`), nil
}

func pictureName(id string, v view) string {
	return fmt.Sprintf("%s-%s-%s.png", id, v.From.Format(time.DateOnly), v.To.Format(time.DateOnly))
}

// picture is the chart with an ID as it is drawn; charts that share the ID stand
// beside each other.
func (p *page) picture(id string, r *reading, s sheet) (picture.Picture, error) {
	drawn := picture.Picture{
		Title: p.Title(), Period: p.pictureSpan(), Nothing: p.nothing(), Footer: p.source(),
		Width: s.width, Height: s.height, Dark: s.dark,
		Language: p.Code,
		Format:   picture.Format{Number: p.Number, Axis: p.axis, Percent: p.Percent},
	}
	charts := p.charted(id)
	for i, c := range charts {
		drawn.Title, drawn.Subtitle = c.pictureTitle(p), c.pictureNote()
		if c.Empty() {
			continue
		}
		if i == mostPanels {
			drawn.Footer = append([]string{p.T("picture_more_charts", "Count", len(charts)-i)}, drawn.Footer...)
			break
		}
		chart, err := r.pictured(c)
		if err != nil {
			return picture.Picture{}, err
		}
		drawn.Panels = append(drawn.Panels, picture.Panel{Title: c.Title, Chart: chart})
	}
	switch {
	case len(drawn.Panels) == 1:
		drawn.Panels[0].Title = ""
	case len(drawn.Panels) > 1:
		drawn.Title, drawn.Subtitle = p.Title(), commonNote(charts, p.T("compliance_note"))
	}
	return drawn, nil
}

// mostPanels is how many charts a picture shows: more could not be read.
const mostPanels = 4

// charted are the charts that the exports with an ID are about.
func (p *page) charted(id string) []chart {
	var charts []chart
	for _, c := range p.Charts {
		if c.ID == id || p.Name == pageEvolution {
			charts = append(charts, c)
		}
	}
	return charts
}

// pictureTitle says what a chart is about that is titled by the name of an object.
func (c chart) pictureTitle(p *page) string {
	if c.Object != "" {
		return p.T("compliance") + " · " + c.Title
	}
	return c.Title
}

// pictureNote says how to read a chart, and what its bars are.
func (c chart) pictureNote() string {
	if c.Drawing.Kind == "bars" {
		return c.Drawing.Name + " · " + c.Note
	}
	return c.Note
}

func commonNote(charts []chart, otherwise string) string {
	for _, c := range charts {
		if c.Note != charts[0].Note {
			return otherwise
		}
	}
	return charts[0].Note
}

// pictureSpan is the period, and whose figures are left out. The words of the
// period may start in small letters, as they are for sentences.
func (p *page) pictureSpan() string {
	span := p.span(p.View)
	first, size := utf8.DecodeRuneInString(span)
	span = string(unicode.ToUpper(first)) + span[size:]
	if p.View.Local {
		span += " · " + p.T("local_only")
	}
	return span
}

// hidden says that figures are kept back, if they are.
func (p *page) hidden() string {
	if p.MinClients() < 2 {
		return ""
	}
	return p.T("privacy", "Number", p.Integer(p.MinClients()))
}

func (p *page) nothing() string {
	return strings.TrimSpace(p.T("no_data") + " " + p.hidden())
}

// source is where the figures are from.
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
