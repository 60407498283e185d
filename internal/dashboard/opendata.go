// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/stats"
)

// archivePath is where everything public can be downloaded at once.
const archivePath = "/stats/data.zip"

// dataset is a table of the archive: the exports of a chart, or all objects of a kind.
type dataset struct {
	Name  string // of its files, without the extension
	page  string
	id    string // of the export
	adapt func(url.Values) (url.Values, int)
	about string // in English, as all of the data dictionary
	all   *objectKind
}

var datasets = []dataset{
	{"threats-period", pageStats, "threats-period", ownParameters, "Means of every threat in the whole period, with what is behind them", &threats},
	{"vulnerabilities-period", pageStats, "vulnerabilities-period", ownParameters, "Means of every vulnerability in the whole period, with what is behind them", &vulnerabilities},
	riskDataset(stats.Informational), riskDataset(stats.Operational),
	{ofThreats, pageEvolution, ofThreats, parametersOfJSON(ofThreats), "Means of every threat by day, or by week where figures are suppressed", nil},
	{ofVulnerabilities, pageEvolution, ofVulnerabilities, parametersOfJSON(ofVulnerabilities), "Means of every vulnerability by day, or by week where figures are suppressed", nil},
	{ofRisks, pageEvolution, ofRisks, parametersOfJSON(ofRisks), "Mean number of risks of an analysis by state, kind and level, by day, or by week where figures are suppressed", nil},
	cartographyDataset(stats.Informational, stats.Current), cartographyDataset(stats.Informational, stats.Residual),
	cartographyDataset(stats.Operational, stats.Current), cartographyDataset(stats.Operational, stats.Residual),
	{"compliance", pageCompliance, "compliance", ownParameters, "Mean compliance with referentials by category, now and as aimed at", nil},
	{"map", pageMap, "map", ownParameters, "Places of contributing organisations, with what concerns them most", nil},
}

func cartographyDataset(kind, state string) dataset {
	id := "cartography-" + kind + "-" + state
	return dataset{id, pageCartography, id, ownParameters,
		"Mean number of " + state + " " + kind + " risks of an analysis by impact and likelihood; cells without risks are left out", nil}
}

func riskDataset(kind string) dataset {
	id := "risks-" + kind
	return dataset{id, pageStats, id, ownParameters,
		"Mean number of " + kind + " risks of an analysis in the whole period by level, before and after treatment", nil}
}

// term is an entry of the data dictionary.
type term struct{ datatype, about string }

// dictionary describes the columns of all datasets.
var dictionary = map[string]term{
	"date":                    {"date", "First day of what the row is about"},
	"object":                  {"string", "UUID of the threat or vulnerability, the same in all instances of MONARC; of risks the code of state, kind and level"},
	"label":                   {"string", "Name, in the language of the download where there is one in it"},
	byProbability:             {"number", "Mean rate: how probable threats, and how grave vulnerabilities, are estimated to be"},
	byOccurrence:              {"number", "Mean number of occurrences in an analysis"},
	byMaxRisk:                 {"number", "Mean of the highest risk of an analysis"},
	"analyses":                {"integer", "Analyses behind the figures of the row; of suppressed figures those of the week with the most"},
	"lower_quartile":          {"number", "A quarter of the analyses have a lower mean rate; empty where there are too few, or figures are suppressed"},
	"median":                  {"number", "Half of the analyses have a lower mean rate; empty like lower_quartile"},
	"upper_quartile":          {"number", "A quarter of the analyses have a higher mean rate; empty like lower_quartile"},
	"level":                   {"string", "Level of risk, in the language of the download"},
	"residual":                {"number", "Mean number of risks of this level after treatment"},
	"impact":                  {"integer", "Impact on the scale of the analyses"},
	"likelihood":              {"integer", "Probability of the threat times qualification of the vulnerability"},
	"risks":                   {"number", "Mean number of risks of an analysis in this cell"},
	"referential":             {"string", "UUID of the referential"},
	"referential_label":       {"string", "Name of the referential"},
	"category":                {"string", "Name of the category of controls"},
	"current":                 {"number", "Mean compliance now"},
	"target":                  {"number", "Mean compliance aimed at"},
	"latitude":                {"number", "Degrees north, rounded"},
	"longitude":               {"number", "Degrees east, rounded"},
	"organisations":           {"integer", "Organisations behind the figures of the row, counted like analyses"},
	"top_threat":              {"string", "UUID of the threat with the highest mean rate there"},
	"top_threat_label":        {"string", "Name of this threat"},
	"top_vulnerability":       {"string", "UUID of the vulnerability with the highest mean rate there"},
	"top_vulnerability_label": {"string", "Name of this vulnerability"},
	"high_risk_share":         {"number", "Share of high risks among the current risks there"},
	"medium_risk_share":       {"number", "Share of medium risks among the current risks there"},
	"low_risk_share":          {"number", "Share of low risks among the current risks there"},
}

// describe returns the dictionary's entry for a column. The cartography of operational
// risks has probabilities instead of likelihoods, and risks by level have current ones.
func (d dataset) describe(column string) (term, bool) {
	if d.page == pageCartography && column == byProbability {
		return term{"integer", "Probability on the scale of the analyses"}, true
	}
	if d.page == pageStats && column == "current" {
		return term{"number", "Mean number of risks of this level now"}, true
	}
	t, known := dictionary[column]
	return t, known
}

// Datasets returns the tables of the archive.
func (p *page) Datasets() []dataset { return p.pages.datasets() }

func (p *Pages) datasets() []dataset {
	return slices.DeleteFunc(slices.Clone(datasets), func(d dataset) bool {
		return !p.opts.isActive(d.page)
	})
}

// About returns the name of the dataset on the page.
func (p *page) About(d dataset) string {
	switch {
	case d.all != nil:
		return p.T("data_period", "Subject", p.T("subject_"+d.all.of))
	case d.page == pageStats:
		return p.T("data_period", "Subject", p.T("risks_title_"+strings.TrimPrefix(d.id, "risks-")))
	case d.page == pageEvolution:
		return p.T("subject_" + d.id)
	}
	if d.page == pageCartography {
		return p.T("cartography_title_" + strings.ReplaceAll(strings.TrimPrefix(d.id, "cartography-"), "-", "_"))
	}
	return p.T("nav_" + d.page)
}

// Archive returns the address of all public figures of the page's period.
func (p *page) Archive() string { return p.prefix + archivePath + "?" + p.View.common().Encode() }

// Feed returns the address of the weekly changes, or "" if the data page is turned off.
func (p *page) Feed() string {
	if !p.pages.opts.isActive(pageData) {
		return ""
	}
	return p.prefix + feedPath + "?" + paramLang + "=" + p.Code
}

// Licence returns the address of the licence of the figures, or "" if the operator has
// set none.
func (p *page) Licence() string { return p.pages.opts.Licence }

// The parameters of the archive and of the feed.
var (
	archiveParameters = []string{paramDays, paramFrom, paramTo, paramLocal, paramLang}
	feedParameters    = []string{paramLocal, paramLang}
)

// registerData adds the routes for downloads other than single charts.
func (p *Pages) registerData(g registrar, kind pageKind) {
	g.add(archivePath, func(c echo.Context) error {
		request, query := c.Request(), c.QueryParams()
		if err := refuseUnknown(query, archiveParameters); err != nil {
			return err
		}
		r, err := p.read(request.Context(), request.Header, query, yearPeriod)
		if err != nil {
			return err
		}
		return p.serveCached(c, r, kind, archivePath, func(r *requestContext) (*answer.Encoded, error) { return p.archive(r, request.Header, query) })
	})
	g.add(feedPath, func(c echo.Context) error {
		request := c.Request()
		if err := refuseUnknown(c.QueryParams(), feedParameters); err != nil {
			return err
		}
		r, err := p.read(request.Context(), request.Header, c.QueryParams(), defaultPeriod)
		if err != nil {
			return err
		}
		return p.serveCached(c, r, kind, feedPath, p.feed)
	})
}

// archive packs all datasets of a period as CSV and JSON, with the data dictionary.
func (p *Pages) archive(r *requestContext, header http.Header, query url.Values) (*answer.Encoded, error) {
	var buffer bytes.Buffer
	a := archiver{zip.NewWriter(&buffer), r.opts.Figures.Today()}
	behind, err := r.contributions(r.view)
	if err != nil {
		return nil, err
	}
	described := p.metadata(r)
	for _, d := range p.datasets() {
		tables, err := p.tablesOf(r.ctx, header, query, d)
		if err != nil {
			return nil, err
		}
		body, err := jsonOf(r, d.id, tables)
		if err != nil {
			return nil, err
		}
		a.add(d.Name+".csv", csvOf(tables))
		a.add(d.Name+".json", body)
		if len(tables) > 0 {
			described.Tables = append(described.Tables, d.metadata(tables[0]))
		}
	}
	metadata, err := json.MarshalIndent(described, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the data dictionary: %w", err)
	}
	a.add("csv-metadata.json", append(metadata, '\n'))
	a.add("README.txt", []byte(p.readme(r, behind)))
	if err := a.Close(); err != nil {
		return nil, fmt.Errorf("write the archive: %w", err)
	}
	name := fmt.Sprintf("monarc-stats-%s-%s.zip", r.view.From.Format(time.DateOnly), r.view.To.Format(time.DateOnly))
	return document(buffer.Bytes(), "application/zip", `attachment; filename="`+name+`"`), nil
}

// tablesOf reads a dataset as its own export would, of a year unless the query asks
// for another period.
func (p *Pages) tablesOf(ctx context.Context, header http.Header, query url.Values, d dataset) ([]table, error) {
	kinds := p.active()
	kind := kinds[slices.IndexFunc(kinds, func(kind pageKind) bool { return kind.name == d.page })]
	adapted, _ := d.adapt(maps.Clone(query))
	r, err := p.read(ctx, header, adapted, yearPeriod)
	if err != nil {
		return nil, err
	}
	if d.all != nil {
		all, err := r.ranking(*d.all, r.view, disclosure.Undivided)
		return []table{r.objectTable(*d.all, all, nil)}, err
	}
	page := p.newPage(kind, r)
	if err := kind.build(r, page); err != nil {
		return nil, fmt.Errorf("dataset %s: %w", d.Name, err)
	}
	return page.tables(d.id), nil
}

// archiver writes files that all have the same date, so that equal figures of a day
// give equal bytes.
type archiver struct {
	*zip.Writer
	modified time.Time
}

func (a archiver) add(name string, content []byte) {
	file, err := a.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: a.modified})
	if err == nil {
		_, _ = file.Write(content) // a buffer never fails
	}
}

// The data dictionary is as CSV on the Web describes it: https://www.w3.org/TR/tabular-metadata/
type (
	csvw struct {
		Context     []any       `json:"@context"`
		Title       string      `json:"dc:title"`
		Description string      `json:"dc:description"`
		Source      string      `json:"dc:source,omitzero"`
		Licence     *csvwLink   `json:"dc:license,omitzero"`
		Temporal    string      `json:"dc:temporal"`
		Language    string      `json:"dc:language"`
		Tables      []csvwTable `json:"tables"`
	}
	csvwLink struct {
		ID string `json:"@id"`
	}
	csvwTable struct {
		URL         string     `json:"url"`
		Description string     `json:"dc:description"`
		Schema      csvwSchema `json:"tableSchema"`
	}
	csvwSchema struct {
		Columns []csvwColumn `json:"columns"`
	}
	csvwColumn struct {
		Name        string `json:"name"`
		Titles      string `json:"titles"`
		Datatype    string `json:"datatype"`
		Description string `json:"dc:description"`
	}
)

func (p *Pages) metadata(r *requestContext) csvw {
	m := csvw{
		Context:     []any{"http://www.w3.org/ns/csvw", map[string]string{"@language": "en"}},
		Title:       r.T("product"),
		Description: "Averages over risk analyses made with MONARC." + p.suppressed(),
		Source:      p.opts.InstanceURL,
		Temporal:    r.view.From.Format(time.DateOnly) + "/" + r.view.To.Format(time.DateOnly),
		Language:    r.Code,
		Tables:      []csvwTable{},
	}
	if p.opts.Licence != "" {
		m.Licence = &csvwLink{p.opts.Licence}
	}
	return m
}

func (p *Pages) suppressed() string {
	if !p.opts.Figures.Active() {
		return ""
	}
	return fmt.Sprintf(" Only complete weeks count, and figures from fewer than %d organisations are left out.", p.opts.Figures.MinClients())
}

func (d dataset) metadata(t table) csvwTable {
	m := csvwTable{URL: d.Name + ".csv", Description: d.about}
	for _, column := range t.Columns {
		of, _ := d.describe(column.Name) // a test shows that all are described
		m.Schema.Columns = append(m.Schema.Columns, csvwColumn{column.Name, column.Name, of.datatype, of.about})
	}
	return m
}

// readme returns the README of the archive.
func (p *Pages) readme(r *requestContext, behind disclosure.Contributions) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s to %s\n\n", r.T("product"), r.view.From.Format(time.DateOnly), r.view.To.Format(time.DateOnly))
	fmt.Fprintf(&b, "Averages over risk analyses made with MONARC.%s\n", p.suppressed())
	if r.view.Local {
		b.WriteString("Only organisations of this instance count.\n")
	}
	fmt.Fprintf(&b, "Analyses: %d. Organisations: %d. Statistics received: %d.\n", behind.Analyses, behind.Clients, behind.Stats)
	if p.opts.Figures.Active() {
		b.WriteString("Analyses and organisations are those of the week with the most.\n")
	}
	b.WriteString("\nEach table is there as CSV (UTF-8, comma, header) and as JSON. csv-metadata.json is the\ndata dictionary, as CSV on the Web.\n\n")
	for _, d := range p.datasets() {
		fmt.Fprintf(&b, "%s: %s.\n", d.Name, d.about)
	}
	if p.opts.InstanceURL != "" {
		fmt.Fprintf(&b, "\nSource: %s\n", p.opts.InstanceURL)
	}
	if p.opts.Licence != "" {
		fmt.Fprintf(&b, "\nLicence: %s\n", p.opts.Licence)
	} else {
		b.WriteString("\nNo licence is set: ask the operator before you publish these figures.\n")
	}
	return b.String()
}
