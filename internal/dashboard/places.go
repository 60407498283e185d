package dashboard

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/processor"
)

// spot is where clients are, with coordinates as precise as they are published.
type spot struct{ latitude, longitude float64 }

// placesFigures are what is known of the places that are shown.
type placesFigures struct {
	clients        map[spot][]int64
	threats, vulns map[int64][]processor.DailySum // by client
}

func (r *reading) places() ([]chart, error) {
	located, err := r.store.LocatedClients(r.ctx, r.view.Local)
	if err != nil {
		return nil, err
	}
	f := placesFigures{clients: r.spots(located)}
	shown := slices.Concat(slices.Collect(maps.Values(f.clients))...)
	var group errgroup.Group
	group.Go(func() (err error) { f.threats, err = r.sumsByClient(processor.Threat, shown); return err })
	group.Go(func() (err error) { f.vulns, err = r.sumsByClient(processor.Vulnerability, shown); return err })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return []chart{r.placesChart(f)}, nil
}

func (r *reading) sumsByClient(t processor.Type, ids []int64) (map[int64][]processor.DailySum, error) {
	clients, err := r.store.SumsByClient(r.ctx, r.view.filter(t), ids)
	if err != nil {
		return nil, err
	}
	byClient := make(map[int64][]processor.DailySum, len(clients))
	for _, c := range clients {
		byClient[c.ClientID] = c.Sums
	}
	return byClient, nil
}

func (r *reading) placesChart(f placesFigures) chart {
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
	for _, at := range slices.SortedFunc(maps.Keys(f.clients), spot.compare) {
		ids := f.clients[at]
		total += len(ids)
		r.addPlace(&c, at, ids, f)
	}
	if total > 0 {
		c.Summary = r.T("map_summary", "Count", total, "Places", r.Integer(len(c.Table.Rows)))
	}
	return c
}

func (r *reading) addPlace(c *chart, at spot, ids []int64, f placesFigures) {
	threat, hasThreat := r.topOf(ids, f.threats)
	vuln, hasVuln := r.topOf(ids, f.vulns)
	p := place{
		Latitude: at.latitude, Longitude: at.longitude, Clients: len(ids),
		Lines: []string{r.T("organisations", "Count", len(ids))},
	}
	row := []cell{num(at.latitude), num(at.longitude), num(float64(len(ids))), {}, {}, {}, {}}
	if hasThreat {
		row[3], row[4] = text(threat.object), cell{Text: threat.name, Href: r.objectLink(threat.object)}
		p.Lines = append(p.Lines, r.T("map_top_threat", "Name", threat.name))
	}
	if hasVuln {
		row[5], row[6] = text(vuln.object), cell{Text: vuln.name, Href: r.objectLink(vuln.object)}
		p.Lines = append(p.Lines, r.T("map_top_vulnerability", "Name", vuln.name))
	}
	c.Drawing.Places = append(c.Drawing.Places, p)
	c.Table.Rows = append(c.Table.Rows, row)
}

// spots puts clients whose published coordinates are the same into one place,
// and leaves out places that too few clients stand behind.
func (r *reading) spots(clients []postgres.LocatedClient) map[spot][]int64 {
	bySpot := map[spot][]int64{}
	for _, c := range clients {
		at := spot{r.publish(c.Latitude), r.publish(c.Longitude)}
		bySpot[at] = append(bySpot[at], c.ID)
	}
	maps.DeleteFunc(bySpot, func(_ spot, ids []int64) bool { return len(ids) < r.guard.minClients })
	return bySpot
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

func (s spot) compare(other spot) int {
	return cmp.Or(cmp.Compare(other.latitude, s.latitude), cmp.Compare(s.longitude, other.longitude))
}

// named is an object with its name.
type named struct{ object, name string }

// topOf is the object with the highest value over all stats of some clients.
func (r *reading) topOf(ids []int64, byClient map[int64][]processor.DailySum) (top named, found bool) {
	merged, behind := map[string]processor.DailySum{}, map[string]int{}
	for _, id := range ids {
		for _, sum := range byClient[id] {
			merged[sum.Key.Object] = add(merged[sum.Key.Object], sum)
			behind[sum.Key.Object]++
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
		if value > highest && behind[object] >= r.guard.minClients {
			highest = value
			top, found = named{object, r.Label(labelSet(sum.Labels), object)}, true
		}
	}
	return top, found
}

func add(a, b processor.DailySum) processor.DailySum {
	for i := range a.Sums {
		b.Sums[i] = b.Sums[i].Add(a.Sums[i])
	}
	b.Count += a.Count
	if b.Labels.Empty() {
		b.Labels = a.Labels
	}
	return b
}

func labelSet(l processor.Labels) processor.LabelSet {
	return processor.LabelSet{Label1: l[0], Label2: l[1], Label3: l[2], Label4: l[3]}
}
