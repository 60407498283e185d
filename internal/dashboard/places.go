package dashboard

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// placeFigures are what is known of a place: how many organisations have sent
// something, and the sums of it.
type placeFigures struct {
	at             disclosure.Place
	clients        int
	threats, vulns []processor.DailySum
}

func (r *reading) places() ([]chart, error) {
	located, err := r.opts.Figures.Places(r.ctx, r.view.Local, r.publish)
	if err != nil {
		return nil, err
	}
	var threats, vulns map[disclosure.Place]disclosure.PlaceSums
	var group errgroup.Group
	group.Go(func() (err error) {
		threats, err = r.opts.Figures.SumsByPlace(r.ctx, r.view.filter(stats.Threat), located)
		return err
	})
	group.Go(func() (err error) {
		vulns, err = r.opts.Figures.SumsByPlace(r.ctx, r.view.filter(stats.Vulnerability), located)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var places []placeFigures
	for _, at := range slices.SortedFunc(maps.Keys(located), comparePlaces) {
		if n := max(threats[at].Clients, vulns[at].Clients); n > 0 {
			places = append(places, placeFigures{at, n, threats[at].Sums, vulns[at].Sums})
		}
	}
	slices.SortStableFunc(places, func(a, b placeFigures) int { return cmp.Compare(b.clients, a.clients) })
	return []chart{r.placesChart(places)}, nil
}

func (r *reading) placesChart(places []placeFigures) chart {
	c := chart{
		ID:      "map",
		Title:   r.T("map_title"),
		Note:    r.T("map_note", "Measure", r.T("measure_"+r.view.By)),
		Drawing: drawing{Kind: "map"},
		Tall:    true,
		Table: table{Columns: []column{
			{Name: "latitude", Title: r.T("column_latitude"), Numeric: true},
			{Name: "longitude", Title: r.T("column_longitude"), Numeric: true},
			{Name: "organisations", Title: r.T("column_organisations"), Numeric: true},
			{Name: "top_threat"},
			{Name: "top_threat_label", Title: r.T("column_top_threat")},
			{Name: "top_vulnerability"},
			{Name: "top_vulnerability_label", Title: r.T("column_top_vulnerability")},
		}},
	}
	total := 0
	for _, figures := range places {
		total += figures.clients
		r.addPlace(&c, figures)
	}
	if total > 0 {
		c.Summary = r.T("map_summary", "Count", total, "Places", r.Integer(len(c.Table.Rows)))
	}
	return c
}

func (r *reading) addPlace(c *chart, f placeFigures) {
	threat, hasThreat := r.topOf(f.threats)
	vuln, hasVuln := r.topOf(f.vulns)
	p := place{
		Latitude: f.at.Latitude, Longitude: f.at.Longitude, Clients: f.clients,
		Lines: []string{r.T("organisations", "Count", f.clients)},
	}
	row := []cell{num(f.at.Latitude), num(f.at.Longitude), num(float64(f.clients)), {}, {}, {}, {}}
	if hasThreat {
		row[3], row[4] = text(threat.object), threat.name
		p.Lines = append(p.Lines, r.T("map_top_threat", "Name", threat.name.Text))
	}
	if hasVuln {
		row[5], row[6] = text(vuln.object), vuln.name
		p.Lines = append(p.Lines, r.T("map_top_vulnerability", "Name", vuln.name.Text))
	}
	c.Drawing.Places = append(c.Drawing.Places, p)
	c.Table.Rows = append(c.Table.Rows, row)
}

// publish rounds a coordinate to the decimals that are published.
func (r *reading) publish(degrees float64) float64 {
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

// topOf is the object with the highest value over all sums.
func (r *reading) topOf(sums []processor.DailySum) (top named, found bool) {
	merged := map[string]processor.DailySum{}
	for _, sum := range sums {
		merged[sum.Key.Object] = merged[sum.Key.Object].Plus(sum)
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
			top, found = named{object, r.objectCell(labelSet(sum.Labels), object)}, true
		}
	}
	return top, found
}

func labelSet(l stats.Labels) processor.LabelSet {
	return processor.LabelSet{Label1: l[0], Label2: l[1], Label3: l[2], Label4: l[3]}
}
