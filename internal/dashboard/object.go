// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/monarc-project/stats-service/internal/answer"
	"github.com/monarc-project/stats-service/internal/chart"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// objectPage has the data of the page of one threat or vulnerability.
type objectPage struct {
	Name   cell
	Names  []languageName
	MOSP   string // its entry on the object platform; may be empty
	Facts  []fact
	Values table // of each measure
}

// languageName is the name of an object in a language.
type languageName struct {
	Language, Code string
	Name           string // empty: it has none there
}

// fact is a figure with its name.
type fact struct{ Title, Value, Note string }

// path returns the path of an object.
func (k objectKind) path(object string) string { return "/stats/" + k.of + "/" + object }

// serveObject answers with the page of an object, or with its JSON if the address ends
// in .json.
func (p *Pages) serveObject(of objectKind) echo.HandlerFunc {
	return func(c echo.Context) error {
		name, isJSON := strings.CutSuffix(c.Param("object"), ".json")
		kind, err := p.objectPage(of, name)
		switch {
		case err != nil:
			return err
		case isJSON:
			return p.serveObjectJSON(c, kind, of, path.Base(kind.path))
		case !p.opts.isActive(pageStats):
			return echo.ErrNotFound
		}
		return p.servePage(kind)(c)
	}
}

// compareObject answers with the page of an object and a client's own figures of it.
func (p *Pages) compareObject(of objectKind, identify identify) echo.HandlerFunc {
	return func(c echo.Context) error {
		kind, err := p.objectPage(of, c.Param("object"))
		if err != nil || !p.opts.isActive(pageStats) {
			return echo.ErrNotFound
		}
		return p.serveComparison(kind, identify)(c)
	}
}

// objectPage returns the page of an object by its UUID.
func (p *Pages) objectPage(of objectKind, name string) (pageKind, error) {
	id, err := uuid.Parse(name)
	if err != nil || id.String() != strings.ToLower(name) {
		return pageKind{}, echo.ErrNotFound
	}
	object := id.String()
	return pageKind{
		name: of.page, path: of.path(object),
		build: func(r *requestContext, page *page) error { return r.buildObject(page, of, object) },
	}, nil
}

// find returns the ranking of a period and the object in it. The error is
// echo.ErrNotFound if there have never been figures of the object. If there are none in
// the period, the object has only its names.
func (r *requestContext) find(of objectKind, object string, parts disclosure.Parts) (ranking, *ranked, error) {
	all, err := r.ranking(of, r.view, parts)
	if err != nil {
		return nil, nil, err
	}
	if found := all.find(object); found != nil {
		return all, found, nil
	}
	ever := r.view
	ever.To = r.opts.Figures.Today()
	ever.From = ever.To.AddDate(0, 0, -maxDays)
	sums, err := r.sums(of.statsType, ever)
	if err != nil {
		return nil, nil, err
	}
	objects, err := processed[processor.Series](of.processor, sums)
	if err != nil {
		return nil, nil, err
	}
	for _, one := range objects {
		if one.Object == object {
			return all, &ranked{ObjectSeries: processor.ObjectSeries{Object: object, Labels: one.Labels}}, nil
		}
	}
	return nil, nil, echo.ErrNotFound
}

func (r *requestContext) buildObject(p *page, of objectKind, object string) error {
	r.view.Of, r.view.Objects, r.view.Invert = of.of, nil, false
	p.View = r.view
	all, found, err := r.find(of, object, r.steps())
	if err != nil {
		return err
	}
	p.Object = objectPage{Name: r.LabelCell(found.Labels, object), MOSP: r.mospLink(object)}
	for _, language := range pageLanguages {
		p.Object.Names = append(p.Object.Names, languageName{language.Name, language.Code, strings.TrimSpace(language.label(found.Labels))})
	}
	lines, err := r.linesOf(of, all)
	if err != nil {
		return err
	}
	mine, err := r.own(of.statsType)
	if err != nil {
		return err
	}
	var shown []line
	for _, l := range lines {
		if l.Code == object {
			shown = append(shown, l)
		}
	}
	history, err := r.evolutionFigure(shown, lines, len(lines), nil)
	if err != nil {
		return err
	}
	history.Title, history.Object = r.T("object_history"), object
	history.Behind = r.behindText(int64(found.support.Analyses), int64(found.support.Clients))
	p.Figures = []figure{history}
	if len(found.Values) == 0 {
		return nil
	}
	before, err := r.ranking(of, r.view.compared(), disclosure.Undivided)
	if err != nil {
		return err
	}
	p.Object.Facts = r.objectFacts(of, found, all, before)
	if figure, known := mine[stats.Key{Object: object}]; known {
		measure := measureIndex[r.view.By]
		p.Object.Facts = append(p.Object.Facts, fact{r.T("own"), r.Number(figure.Own[measure]), r.position(figure.Positions[measure])})
	}
	p.Object.Values = r.objectValues(of, found, mine)
	means, err := r.opts.Figures.MeansOfAnalyses(r.ctx, r.view.filter(of.statsType), stats.Key{Object: object})
	if err != nil {
		return err
	}
	if len(means) > 1 {
		p.Figures = append(p.Figures, r.distribution(of, means))
	}
	return nil
}

// objectFacts returns the rank of the object, its change, and how many analyses have it.
func (r *requestContext) objectFacts(of objectKind, found *ranked, all, before ranking) []fact {
	rank := fact{Title: r.T("object_rank"), Value: "–", Note: r.T("object_unranked", "Number", r.Integer(r.opts.MinAnalyses))}
	if !found.few {
		rank.Value = r.Integer(found.rank)
		rank.Note = r.T("object_rank_of", "All", r.Integer(len(all.ranked(orderHighest))), "Measure", r.measureName(of.of))
	}
	change := fact{Title: r.T("object_change"), Value: "–", Note: r.T("trend_none")}
	switch then := before.find(found.Object); {
	case then == nil:
	case then.few || found.few:
		change.Note = r.T("trend_few", "Number", r.Integer(r.opts.MinAnalyses))
	default:
		c := r.change(of, found, then)
		change.Value, change.Note = c.Sign, c.Text
	}
	return []fact{
		rank, change,
		{Title: r.T("column_analyses"), Value: r.Integer(found.support.Analyses), Note: r.T("headline_organisations", "Organisations", r.T("organisations", "Count", found.support.Clients))},
	}
}

// objectValues returns a table with a row for each measure.
func (r *requestContext) objectValues(of objectKind, found *ranked, mine own) table {
	t := table{Columns: []column{
		{Name: "measure", Title: r.T("choose_measure")},
		{Name: "mean", Title: r.T("column_mean"), Numeric: true},
		{Name: "lower_quartile", Title: r.T("column_lower_quartile"), Numeric: true},
		{Name: "median", Title: r.T("column_median"), Numeric: true},
		{Name: "upper_quartile", Title: r.T("column_upper_quartile"), Numeric: true},
	}}
	for _, by := range measures {
		row := []cell{text(r.T("measure_" + measureID(by, of.of))), num(measureOf(found.Averages, by)), {}, {}, {}}
		if s := found.spread(by); s != nil {
			row[2], row[3], row[4] = num(s.Low), num(s.Median), num(s.High)
		}
		t.Rows = append(t.Rows, append(row, r.ownCells(mine, stats.Key{Object: found.Object}, measureIndex[by])...))
	}
	t.Columns = append(t.Columns, r.ownColumns("column_own")...)
	return t
}

// distribution counts analyses by their mean for the object.
func (r *requestContext) distribution(of objectKind, means [][3]float64) figure {
	measure := measureIndex[r.view.By]
	highest, lowest := 0.0, 0.0
	for _, mean := range means {
		lowest, highest = min(lowest, mean[measure]), max(highest, mean[measure])
	}
	edges := chart.Edges(lowest, highest)
	counts := make([]int, len(edges)-1)
	for _, mean := range means {
		bin := len(counts) - 1 // what is at the upper edge of the last one belongs to it
		for bin > 0 && mean[measure] < edges[bin] {
			bin--
		}
		counts[bin]++
	}
	f := figure{
		ID: "distribution", Unexported: true,
		Title:   r.T("object_distribution"),
		Note:    r.T("object_distribution_note", "Measure", r.measureName(of.of)),
		Summary: r.T("object_distribution_summary", "Count", len(means)),
		Table: table{Columns: []column{
			{Name: "from", Title: r.measureName(of.of)}, {Name: "analyses", Title: r.T("column_analyses"), Numeric: true},
		}},
	}
	var bars chart.Bars
	for i, n := range counts {
		label := r.T("range", "From", r.axis(edges[i]), "To", r.axis(edges[i+1]))
		bars.Items = append(bars.Items, chart.Item{Label: chart.Label{label}, Values: [2]*float64{new(float64(n))}})
		f.Table.Rows = append(f.Table.Rows, []cell{text(label), num(float64(n))})
	}
	f.Chart = bars
	return f
}

// objectDocument is the JSON of an object.
type objectDocument struct {
	UUID          string             `json:"uuid"`
	Type          stats.Type         `json:"type"`
	Labels        processor.LabelSet `json:"labels"`
	From          string             `json:"from"`
	To            string             `json:"to"`
	LocalOnly     bool               `json:"local_stats_only"`
	HiddenFor     int                `json:"hidden_below_clients,omitzero"`
	Analyses      int                `json:"analyses"`
	Organisations int                `json:"organisations"`
	Rank          *objectRank        `json:"rank"` // null: too few analyses have it
	Averages      processor.Measure  `json:"averages"`
	Quartiles     *objectQuartiles   `json:"quartiles"` // null: too few, or figures are suppressed
	History       []objectDay        `json:"history"`
}

type objectRank struct {
	Position int    `json:"position"`
	Of       int    `json:"of"`
	By       string `json:"by"`
}

type objectQuartiles struct {
	Lower  processor.Measure `json:"lower"`
	Median processor.Measure `json:"median"`
	Upper  processor.Measure `json:"upper"`
}

type objectDay struct {
	processor.DatedMeasure
	Analyses int `json:"analyses"`
}

// objectParameters are the parameters of the JSON of an object.
var objectParameters = []string{paramDays, paramFrom, paramTo, paramLocal, paramBy}

func (p *Pages) serveObjectJSON(c echo.Context, kind pageKind, of objectKind, object string) error {
	request, query := c.Request(), c.QueryParams()
	if err := refuseUnknown(query, objectParameters); err != nil {
		return err
	}
	r, err := p.read(request.Context(), request.Header, query, yearPeriod)
	if err != nil {
		return err
	}
	return p.serveCached(c, r, kind, object+".json", func(r *requestContext) (*answer.Encoded, error) {
		d, err := r.objectDocument(of, object)
		if err != nil {
			return nil, fmt.Errorf("figures of %s %s: %w", of.statsType, object, err)
		}
		body, err := answer.Encode(d, nil)
		if err != nil {
			return nil, err
		}
		return answer.NewDocument(body, http.Header{"Content-Type": {echo.MIMEApplicationJSON}, "Vary": {"Accept-Encoding"}}), nil
	})
}

func (r *requestContext) objectDocument(of objectKind, object string) (objectDocument, error) {
	r.view.Group = groupDay
	all, found, err := r.find(of, object, r.steps())
	if err != nil {
		return objectDocument{}, err
	}
	d := objectDocument{
		UUID: object, Type: of.statsType, Labels: found.Labels,
		From: r.view.From.Format(time.DateOnly), To: r.view.To.Format(time.DateOnly), LocalOnly: r.view.Local,
		Analyses: found.support.Analyses, Organisations: found.support.Clients, Averages: found.Averages, History: []objectDay{},
	}
	if figures := r.opts.Figures; figures.Active() {
		d.HiddenFor = figures.MinClients()
	}
	if found.rank > 0 {
		d.Rank = &objectRank{Position: found.rank, Of: len(all.ranked(orderHighest)), By: r.view.By}
	}
	if s := found.support.Spread; s != nil && !found.few {
		measure := func(of func(disclosure.Quartiles) float64) processor.Measure {
			return processor.Measure{Count: of(s[0]), MaxRisk: of(s[1]), AverageRate: of(s[2])}
		}
		d.Quartiles = &objectQuartiles{
			Lower:  measure(func(q disclosure.Quartiles) float64 { return q.Low }),
			Median: measure(func(q disclosure.Quartiles) float64 { return q.Median }),
			Upper:  measure(func(q disclosure.Quartiles) float64 { return q.High }),
		}
	}
	for _, value := range found.Values {
		day, err := time.Parse(time.DateOnly, value.Date)
		if err != nil {
			return objectDocument{}, err
		}
		d.History = append(d.History, objectDay{value, found.support.Parts[day].Analyses})
	}
	return d, nil
}
