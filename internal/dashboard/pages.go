// SPDX-License-Identifier: AGPL-3.0-or-later

// Package dashboard serves the pages that the public reads without a key: charts of
// aggregated statistics over all clients, their exports, and what the service is.
package dashboard

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/cache"
	"github.com/monarc-project/stats-service/internal/chart"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/prefix"
	"github.com/monarc-project/stats-service/internal/stats"
)

// The names of the pages, as ACTIVE_PAGES has them.
const (
	pageStats       = "stats"
	pageEvolution   = "evolution"
	pageCartography = "cartography"
	pageCompliance  = "compliance"
	pageMap         = "map"
	pageData        = "data"
	pageAbout       = "about"
	pageHelp        = "help"
)

// The names of the pages that lead on from others. They are there where that of the
// overview is.
const (
	pageThreat        = "threat"
	pageVulnerability = "vulnerability"
	pageSearch        = "search"
	pagePeriods       = "periods"
	pageReport        = "report"
)

// PageOptions has the dependencies of the pages.
type PageOptions struct {
	Figures            *disclosure.Control
	Cache              *cache.Cache
	Now                func() time.Time
	APIRoot            string   // path of API v1 below the prefix
	InstanceURL        string   // how others reach the service, no slash at the end; may be empty
	MOSPURL            string   // platform that objects link to, no slash at the end; empty: no links
	AdminEmail         string   // contact; may be empty
	AdminURL           string   // contact; may be empty
	Active             []string // names of the pages to serve; empty: all
	Licence            string   // URL of the licence of the figures; may be empty
	EmbedOrigins       []string // origins that may show charts in frames, such as https://example.org
	MinAnalyses        int      // figures of fewer analyses are hollow and in no ranking; up to 1: none are
	CoordinateDecimals int      // decimals of coordinates on the map
	// Fonts are for names in images whose letters the fonts of the program lack; nil:
	// those of the system.
	Fonts *chart.Fonts
}

// systemFonts is where Linux distributions put fonts.
const systemFonts = "/usr/share/fonts"

// Pages serves the public pages, their files and the exports of their charts.
type Pages struct {
	opts PageOptions
	*embedded
	renderer renderer
}

// embedded is what the pages have from the program. All instances share it.
type embedded struct {
	assets       *assets
	templates    *template.Template
	translations *translations
}

var loadEmbedded = sync.OnceValues(func() (*embedded, error) {
	assets, err := loadAssets()
	if err != nil {
		return nil, err
	}
	translations, err := loadTranslations()
	if err != nil {
		return nil, err
	}
	templates, err := template.New("").Funcs(templateFunctions).ParseFS(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("read the templates of the pages: %w", err)
	}
	return &embedded{assets, templates, translations}, nil
})

// NewPages prepares the pages. An error means that the program was built with
// broken templates, translations or files.
func NewPages(opts PageOptions) (*Pages, error) {
	embedded, err := loadEmbedded()
	if err != nil {
		return nil, err
	}
	if opts.Fonts == nil {
		opts.Fonts = &chart.Fonts{Files: os.DirFS(systemFonts)}
	}
	return &Pages{opts: opts, embedded: embedded, renderer: newRenderer(opts.Fonts)}, nil
}

// pageKind is a page, in the order of the navigation.
type pageKind struct {
	name   string
	path   string
	charts []string // IDs of its charts, for the exports
	build  func(r *requestContext, p *page) error
}

var pageKinds = []pageKind{
	{pageStats, "/stats", []string{"top-threats", "top-vulnerabilities", "risks-informational", "risks-operational"}, buildOverview},
	{pageEvolution, "/stats/evolution", []string{"evolution"}, buildEvolution},
	{pageCartography, "/stats/cartography", []string{
		"cartography-informational-current", "cartography-informational-residual",
		"cartography-operational-current", "cartography-operational-residual",
	}, buildCartography},
	{pageCompliance, "/stats/compliance", []string{"compliance"}, buildCompliance},
	{pageMap, "/stats/map", []string{"map"}, buildPlaces},
	{pageData, "/stats/data", nil, func(*requestContext, *page) error { return nil }},
	{pageAbout, "/about", nil, buildAbout},
	{pageHelp, "/help", nil, func(*requestContext, *page) error { return nil }},
}

func buildOverview(r *requestContext, p *page) (err error) {
	p.Overview, p.Figures, err = r.overview()
	return err
}

func buildEvolution(r *requestContext, p *page) (err error) {
	p.Evolution, p.Figures, err = r.evolution()
	return err
}

func buildCartography(r *requestContext, p *page) (err error) {
	p.Figures, err = r.cartography()
	return err
}

func buildCompliance(r *requestContext, p *page) (err error) {
	p.Figures, err = r.compliance()
	return err
}

func buildPlaces(r *requestContext, p *page) (err error) {
	p.Figures, err = r.places()
	return err
}

func buildAbout(r *requestContext, p *page) (err error) {
	p.Totals, err = r.totals()
	return err
}

// linkedPages are the pages that the overview links to.
var linkedPages = []pageKind{
	{pageSearch, "/stats/search", nil, buildSearch},
	{pagePeriods, "/stats/periods", []string{"periods-threats", "periods-vulnerabilities", "periods-risks"}, buildPeriods},
	{pageReport, "/stats/report", nil, buildReport},
}

func buildSearch(r *requestContext, p *page) (err error) {
	p.Found, err = r.search()
	return err
}

func buildPeriods(r *requestContext, p *page) (err error) {
	p.Overview, p.Figures, err = r.periods()
	return err
}

func buildReport(r *requestContext, p *page) (err error) {
	p.Overview, p.Figures, err = r.report()
	p.View = r.view
	return err
}

// PageNames lists the names of all pages.
func PageNames() []string {
	names := make([]string, len(pageKinds))
	for i, kind := range pageKinds {
		names[i] = kind.name
	}
	return names
}

// embeddable reports whether the page has charts that frames can show.
func (k pageKind) embeddable() bool { return len(k.charts) > 0 }

// checkChart reports an error if the page does not have the chart to embed.
func (k pageKind) checkChart(v view) error {
	if !v.Embed || v.Chart == "" || slices.Contains(k.charts, v.Chart) {
		return nil
	}
	parser := viewParser{}
	parser.fail(paramChart, "must be one of %v", k.charts)
	return parser.err()
}

// active lists the pages that are served.
func (p *Pages) active() []pageKind {
	var kinds []pageKind
	for _, kind := range pageKinds {
		if p.opts.isActive(kind.name) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// isActive reports whether a page is served.
func (o *PageOptions) isActive(name string) bool {
	return len(o.Active) == 0 || slices.Contains(o.Active, name)
}

// served lists all pages, also those that are not in the navigation.
func (p *Pages) served() []pageKind {
	if !p.opts.isActive(pageStats) {
		return p.active()
	}
	return append(p.active(), linkedPages...)
}

// Register adds the routes of the pages.
func (p *Pages) Register(e *echo.Echo, identify func(c echo.Context, token string) (stats.Client, error)) {
	g := registrar{e}
	for _, kind := range p.served() {
		g.add(kind.path, p.servePage(kind))
		if kind.comparable() {
			e.POST(kind.path, p.serveComparison(kind, identify))
		}
		for _, id := range kind.charts {
			g.add("/stats/"+id+".csv", p.serveExport(kind, id, exportCSV, ownParameters))
			g.add("/stats/"+id+".json", p.serveExport(kind, id, exportJSON, ownParameters))
		}
		switch kind.name {
		case pageStats:
			g.add("/", p.servePage(kind))
			e.POST("/", p.serveComparison(kind, identify))
		case pageEvolution:
			for _, of := range subjects {
				g.add("/stats/"+of+".csv", p.serveExport(kind, of, exportCSV, parametersOfJSON(of)))
			}
		case pageData:
			p.registerData(g, kind)
		}
	}
	if kinds := p.active(); len(kinds) > 0 && kinds[0].name != pageStats {
		g.add("/", func(c echo.Context) error { return redirectTo(c, http.StatusFound, kinds[0], c.QueryParams()) })
	}
	p.registerAPI(g)
	for _, of := range []objectKind{threats, vulnerabilities} {
		g.add(of.path(":object"), p.serveObject(of))
		e.POST(of.path(":object"), p.compareObject(of, identify))
	}
	p.registerFormer(g)
	p.registerImages(g)
	g.add("/static/:hash/*", p.assets.serve)
	p.registerWellKnown(e)
}

// formerPaths are the paths of the pages in the Python service.
var formerPaths = map[string]string{pageEvolution: "/evolution", pageAbout: "/about/more", pageMap: "/map"}

// registerFormer redirects addresses of the Python service to the pages that replace
// them, keeping known parameters. It also redirects addresses that people derive from
// those of the JSON routes.
func (p *Pages) registerFormer(g registrar) {
	for _, kind := range p.active() {
		if kind.name == pageEvolution {
			for _, of := range subjects {
				g.add("/stats/"+of, func(c echo.Context) error {
					query := c.QueryParams()
					query.Set(paramOf, of)
					return redirectTo(c, http.StatusFound, kind, query)
				})
			}
		}
		former, moved := formerPaths[kind.name]
		if !moved {
			continue
		}
		g.add(former, func(c echo.Context) error {
			query := c.QueryParams()
			maps.DeleteFunc(query, func(name string, _ []string) bool { return !slices.Contains(viewParameters, name) })
			return redirectTo(c, http.StatusPermanentRedirect, kind, query)
		})
	}
}

// redirectTo redirects to a page with these parameters.
func redirectTo(c echo.Context, status int, kind pageKind, query url.Values) error {
	to := prefix.Of(c.Request().Context()) + kind.path
	if len(query) > 0 {
		to += "?" + query.Encode()
	}
	return c.Redirect(status, to)
}

var methods = []string{http.MethodGet, http.MethodHead}

// registrar adds routes for GET and HEAD.
type registrar struct{ echo *echo.Echo }

func (r registrar) add(path string, handler echo.HandlerFunc) { r.echo.Match(methods, path, handler) }

// read parses the parameters of a request. It returns a usable context even with an
// error.
func (p *Pages) read(ctx context.Context, header http.Header, query url.Values, fallbackDays int) (*requestContext, error) {
	v, err := parseView(query, p.opts.Figures.Today(), fallbackDays)
	return &requestContext{
		locale: p.translations.choose(v.Lang, header.Get("Accept-Language")),
		ctx:    ctx,
		view:   v.inWeeksOf(p.opts.Figures),
		opts:   &p.opts,
	}, err
}

func (p *Pages) servePage(kind pageKind) echo.HandlerFunc {
	return func(c echo.Context) error {
		request := c.Request()
		r, err := p.read(request.Context(), request.Header, c.QueryParams(), defaultPeriod)
		r.view.Embed = r.view.Embed && kind.embeddable()
		if err == nil {
			err = kind.checkChart(r.view)
		}
		if err != nil {
			return p.renderProblem(c, kind, r, http.StatusBadRequest, err)
		}
		p.protect(c.Response().Header(), r.view.Embed)
		return p.serveCached(c, r, kind, "", func(r *requestContext) (*answer.Encoded, error) { return p.buildPage(r, kind) })
	}
}

// buildPage builds a page, or one of its charts if that is to be embedded.
func (p *Pages) buildPage(r *requestContext, kind pageKind) (*answer.Encoded, error) {
	page := p.newPage(kind, r)
	if err := kind.build(r, page); err != nil {
		return nil, fmt.Errorf("page %s: %w", kind.name, err)
	}
	name := kind.name
	switch {
	case r.view.Embed:
		page.keepFigure(r.view.Chart)
		name = "embed"
	case name == pageThreat, name == pageVulnerability:
		name = "object"
	case page.hasNothing():
		// Where there has never been anything, controls and empty charts say nothing.
		ever, err := r.totals()
		if err != nil {
			return nil, err
		}
		if ever.Stats == 0 {
			name = "welcome"
		}
	}
	body, err := p.render(name, page)
	if err != nil {
		return nil, err
	}
	return document(body, echo.MIMETextHTMLCharsetUTF8, ""), nil
}

func (p *Pages) render(name string, page *page) ([]byte, error) {
	var body bytes.Buffer
	if err := p.templates.ExecuteTemplate(&body, name+".html", page); err != nil {
		return nil, fmt.Errorf("render page %s: %w", name, err)
	}
	return body.Bytes(), nil
}

// protect sets what the browser allows a page to do: it loads from this service alone,
// runs no inline script, and is in no frame unless it is made for that.
func (p *Pages) protect(header http.Header, embed bool) {
	ancestors, frames := "'none'", ""
	if len(p.opts.EmbedOrigins) > 0 {
		frames = "frame-src 'self'; " // previews
	}
	if embed && len(p.opts.EmbedOrigins) > 0 {
		ancestors = strings.Join(p.opts.EmbedOrigins, " ") + " 'self'"
	} else {
		header.Set("X-Frame-Options", "DENY")
	}
	header.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; "+
		"img-src 'self'; connect-src 'self'; "+frames+"base-uri 'none'; form-action 'self'; frame-ancestors "+ancestors)
	header.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), interest-cohort=()")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
}

// exporter encodes the tables of a chart.
type exporter func(r *requestContext, id string, tables []table) (*answer.Encoded, error)

// ownParameters returns the parameters of an export unchanged.
func ownParameters(query url.Values) (url.Values, int) { return query, defaultPeriod }

// parametersOfJSON makes the CSV of a public JSON route cover the route's default:
// every object, day by day, for a year.
func parametersOfJSON(of string) func(url.Values) (url.Values, int) {
	return func(query url.Values) (url.Values, int) {
		query.Set(paramOf, of)
		if !query.Has(paramGroup) {
			query.Set(paramGroup, groupDay)
		}
		if !query.Has(paramObject) {
			query.Set(paramInvert, "1")
			query.Set(paramObject, noObject)
		}
		return query, yearPeriod
	}
}

// noObject is a UUID that no object has.
const noObject = "00000000-0000-0000-0000-000000000000"

func (p *Pages) serveExport(kind pageKind, id string, export exporter, adapt func(url.Values) (url.Values, int)) echo.HandlerFunc {
	return func(c echo.Context) error {
		request := c.Request()
		if err := refuseUnknown(c.QueryParams(), viewParameters); err != nil {
			return err
		}
		query, fallbackDays := adapt(c.QueryParams())
		r, err := p.read(request.Context(), request.Header, query, fallbackDays)
		if err != nil {
			return err
		}
		return p.serveCached(c, r, kind, c.Path(), func(r *requestContext) (*answer.Encoded, error) {
			page := p.newPage(kind, r)
			if err := kind.build(r, page); err != nil {
				return nil, fmt.Errorf("export of %s: %w", id, err)
			}
			return export(r, id, page.tables(id))
		})
	}
}
