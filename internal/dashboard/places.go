// SPDX-License-Identifier: AGPL-3.0-or-later

package dashboard

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/monarc-project/stats-service/internal/chart"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// placeFigures has the figures of a place, and of how many organisations and analyses
// they are at most.
type placeFigures struct {
	at                    disclosure.Place
	clients, analyses     int
	threats, vulns, risks disclosure.PlaceSums
}

func (r *requestContext) places() ([]figure, error) {
	located, err := r.opts.Figures.Places(r.ctx, r.view.Local, r.publish)
	if err != nil {
		return nil, err
	}
	var threats, vulns, risks map[disclosure.Place]disclosure.PlaceSums
	var group errgroup.Group
	for t, sums := range map[stats.Type]*map[disclosure.Place]disclosure.PlaceSums{
		stats.Threat: &threats, stats.Vulnerability: &vulns, stats.Risk: &risks,
	} {
		group.Go(func() (err error) {
			*sums, err = r.opts.Figures.SumsByPlace(r.ctx, r.view.filter(t), located)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var places []placeFigures
	for _, at := range slices.SortedFunc(maps.Keys(located), comparePlaces) {
		if n := max(threats[at].Clients, vulns[at].Clients, risks[at].Clients); n > 0 {
			one := placeFigures{at, n, 0, threats[at], vulns[at], risks[at]}
			for _, sums := range []disclosure.PlaceSums{one.threats, one.vulns, one.risks} {
				one.analyses = slices.Max(append(slices.Collect(maps.Values(sums.Analyses)), one.analyses))
			}
			places = append(places, one)
		}
	}
	slices.SortStableFunc(places, func(a, b placeFigures) int { return cmp.Compare(b.clients, a.clients) })
	outline, err := world()
	if err != nil {
		return nil, err
	}
	return []figure{r.placesFigure(places, outline)}, nil
}

// world is the outline of the countries, read when a map first needs it.
var world = sync.OnceValues(func() (*chart.World, error) {
	document, err := files.ReadFile(worldFile)
	if err != nil {
		return nil, fmt.Errorf("read the outline of the world: %w", err)
	}
	return chart.ParseWorld(document)
})

func (r *requestContext) placesFigure(places []placeFigures, outline *chart.World) figure {
	f := figure{
		ID:    "map",
		Title: r.T("map_title"),
		Note:  r.T("map_note", "Measure", r.measureName(ofBoth)),
		Table: table{Columns: []column{
			{Name: "latitude", Title: r.T("column_latitude"), Numeric: true},
			{Name: "longitude", Title: r.T("column_longitude"), Numeric: true},
			{Name: "organisations", Title: r.T("column_organisations"), Numeric: true},
			{Name: "analyses", Title: r.T("column_analyses"), Numeric: true},
			{Name: "top_threat"},
			{Name: "top_threat_label", Title: r.T("column_top_threat")},
			{Name: "top_vulnerability"},
			{Name: "top_vulnerability_label", Title: r.T("column_top_vulnerability")},
			{Name: "high_risk_share", Title: r.T("column_high_risks"), Numeric: true},
			{Name: "medium_risk_share"},
			{Name: "low_risk_share"},
		}},
	}
	m := chart.Map{World: outline, Whole: r.view.World, Name: r.country, Levels: map[chart.Level]string{}}
	for _, l := range levelCodes {
		m.Levels[riskLevels[l.code]] = r.T("level_" + l.code)
	}
	total := 0
	for _, figures := range places {
		total += figures.clients
		f.Notes = append(f.Notes, r.addPlace(&f.Table, &m, figures))
	}
	if total > 0 {
		f.Summary = r.T("map_summary", "Count", total, "Places", r.Integer(len(f.Table.Rows)))
	}
	f.Chart, f.Few = m, r.fewOf(slices.ContainsFunc(m.Places, func(p chart.Place) bool { return p.Few }))
	return f
}

// addPlace adds a place to the table and the map, and returns its note for an image.
func (r *requestContext) addPlace(t *table, m *chart.Map, f placeFigures) chart.Label {
	threat, hasThreat := r.topOf(threats, f.threats)
	vuln, hasVuln := r.topOf(vulnerabilities, f.vulns)
	shares := sharesOf(f.risks.Sums)
	m.Places = append(m.Places, chart.Place{Latitude: f.at.Latitude, Longitude: f.at.Longitude, Weight: f.clients, Few: r.few(f.analyses), Risks: shares})
	row := []cell{num(f.at.Latitude), num(f.at.Longitude), num(float64(f.clients)), num(float64(f.analyses)), {}, {}, {}, {}, {}, {}, {}}
	if shares != nil {
		for i, l := range levelCodes {
			share := shares[riskLevels[l.code]]
			row[8+i] = cell{Number: &share, Text: r.Percent(share)}
		}
	}
	if hasThreat {
		row[4], row[5] = text(threat.object), threat.name
	}
	if hasVuln {
		row[6], row[7] = text(vuln.object), vuln.name
	}
	t.Rows = append(t.Rows, row)
	known := func(top, vulnerability string) string {
		texts := []string{strconv.Itoa(len(m.Places)), r.T("organisations", "Count", f.clients), r.T("analyses", "Count", f.analyses)}
		if shares != nil {
			texts = append(texts, r.T("map_high_risks", "Share", r.Percent(shares[chart.High])))
		}
		if hasThreat {
			texts = append(texts, r.T("map_top_threat", "Name", top))
		}
		if hasVuln {
			texts = append(texts, r.T("map_top_vulnerability", "Name", vulnerability))
		}
		return strings.Join(texts, " · ")
	}
	// Where an image cannot draw a name, it has the UUIDs.
	return chart.Label{known(threat.name.Text, vuln.name.Text), known(threat.object, vuln.object)}
}

// sharesOf divides the current risks of a place, of both kinds, by level, or returns
// nil if there are none. It counts only days and kinds with figures for all levels,
// since suppressed figures would make the others look larger.
func sharesOf(sums []processor.DailySum) *chart.Shares {
	type part struct {
		date time.Time
		kind string
	}
	levels := map[part]map[string]float64{}
	for _, sum := range sums {
		if sum.Key.State != stats.Current {
			continue
		}
		of := part{sum.Date, sum.Key.Kind}
		if levels[of] == nil {
			levels[of] = map[string]float64{}
		}
		levels[of][sum.Key.Level] += sum.Sums[0].InexactFloat64()
	}
	var shares chart.Shares
	total := 0.0
	for _, of := range slices.SortedFunc(maps.Keys(levels), func(a, b part) int { return cmp.Or(a.date.Compare(b.date), cmp.Compare(a.kind, b.kind)) }) {
		if len(levels[of]) < len(levelCodes) {
			continue
		}
		for _, l := range levelCodes {
			shares[riskLevels[l.code]] += levels[of][l.level]
			total += levels[of][l.level]
		}
	}
	if total == 0 {
		return nil
	}
	for level := range shares {
		shares[level] /= total
	}
	return &shares
}

// publish rounds a coordinate to the decimals that are published.
func (r *requestContext) publish(degrees float64) float64 {
	text := strconv.FormatFloat(degrees, 'f', r.opts.CoordinateDecimals, 64)
	short, err := strconv.ParseFloat(text, 64)
	if err != nil || short == 0 {
		return 0 // not -0
	}
	return short
}

// comparePlaces orders places from north to south, then from west to east.
func comparePlaces(a, b disclosure.Place) int {
	return cmp.Or(cmp.Compare(b.Latitude, a.Latitude), cmp.Compare(a.Longitude, b.Longitude))
}

// named is an object with its name.
type named struct {
	object string
	name   cell
}

// topOf returns the object with the highest value over all sums, among those found in
// enough analyses of the place.
func (r *requestContext) topOf(kind objectKind, of disclosure.PlaceSums) (top named, found bool) {
	merged := map[string]processor.DailySum{}
	for _, sum := range of.Sums {
		if !r.few(of.Analyses[sum.Key]) {
			merged[sum.Key.Object] = merged[sum.Key.Object].Plus(sum)
		}
	}
	highest := math.Inf(-1)
	for _, object := range slices.Sorted(maps.Keys(merged)) {
		sum := merged[object]
		value := measureOf(processor.Measure{
			Count:       processor.Mean(sum.Sums[0], sum.Count),
			MaxRisk:     processor.Mean(sum.Sums[1], sum.Count),
			AverageRate: processor.Mean(sum.Sums[2], sum.Count),
		}, r.view.By)
		if value > highest {
			highest = value
			labels := labelSet(sum.Labels)
			top, found = named{object, r.objectCell(kind, labels, object)}, true
		}
	}
	return top, found
}

func labelSet(l stats.Labels) processor.LabelSet {
	return processor.LabelSet{Label1: l[0], Label2: l[1], Label3: l[2], Label4: l[3]}
}
