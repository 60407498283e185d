package dashboard_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/stats"
)

// atom is a number that a client sent.
type atom struct {
	client int
	local  bool
	date   time.Time
	figure string // chart and what it is of there
	value  float64
}

// world is what random clients sent, and the service that they sent it to.
type world struct {
	*service
	*rand.Rand
	minClients int
	atoms      []atom
	senders    []atom // of each stats; figure is the chart
}

const (
	threatChart      = "top-threats"
	riskChart        = "risks-informational"
	cartographyChart = "cartography-informational-current"
)

// weeksOfWorld are the Mondays of weeks in which clients may send. The last week
// is not over.
var weeksOfWorld = []time.Time{
	time.Date(2026, 2, 2, 0, 0, 0, 0, time.UTC), time.Date(2026, 2, 9, 0, 0, 0, 0, time.UTC),
	time.Date(2026, 2, 16, 0, 0, 0, 0, time.UTC), time.Date(2026, 2, 23, 0, 0, 0, 0, time.UTC),
	time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC),
}

// newWorld lets so many local clients and others send at random.
func newWorld(t *testing.T, seed uint64, minimum, locals, others int) *world {
	w := &world{service: setup(t, minClients(minimum)), Rand: rand.New(rand.NewPCG(seed, 5)), minClients: minimum}
	for client := range locals + others {
		local := client < locals
		account := w.client(fmt.Sprint("Client ", client), 40+float64(client%2), 6, local)
		var all []stats.Stat
		for _, monday := range weeksOfWorld {
			for range w.IntN(3) { // also several times a week, on other days than others
				all = append(all, w.send(client, local, monday.AddDate(0, 0, w.IntN(7)))...)
			}
		}
		w.insert(account, all)
	}
	return w
}

// send makes up the stats of an analysis on a day and notes what is in them.
func (w *world) send(client int, local bool, date time.Time) (all []stats.Stat) {
	note := func(chart, of string, value float64) {
		w.atoms = append(w.atoms, atom{client, local, date, chart + " " + of, value})
	}
	add := func(t stats.Type, chart, data string) {
		if data == "" {
			return
		}
		w.senders = append(w.senders, atom{client: client, local: local, date: date, figure: chart})
		all = append(all, stats.Stat{ANR: uuid.New(), Type: t, Date: date, Data: []byte(data)})
	}
	var objects []string
	for _, object := range []string{fire, flood, theft} {
		if w.IntN(3) > 0 {
			value := float64(w.IntN(1000))
			note(threatChart, object, value)
			objects = append(objects, strings.Trim(objectOf(object, object, value, 1, 1), "[]"))
		}
	}
	add(stats.Threat, threatChart, "["+strings.Join(objects, ",")+"]")
	add(stats.Risk, riskChart, w.risks(note))
	add(stats.Cartography, cartographyChart, w.cells(note))
	return all
}

// some is often 0.
func (w *world) some() float64 { return float64(w.IntN(2) * w.IntN(1000)) }

// risks are those of the current risks to information; nobody has others.
func (w *world) risks(note func(chart, of string, value float64)) string {
	if w.IntN(4) == 0 {
		return ""
	}
	var levels []string
	for _, level := range stats.Levels() {
		value := w.some()
		note(riskChart, strings.TrimSuffix(level, " risks"), value)
		levels = append(levels, fmt.Sprintf(`{"level":%q,"value":%v}`, level, value))
	}
	return `{"risks":{"current":{"informational":[` + strings.Join(levels, ",") + `]}}}`
}

func (w *world) cells(note func(chart, of string, value float64)) string {
	var rows []string
	for impact := range 3 {
		var row []string
		for likelihood := range 2 {
			value := w.some()
			note(cartographyChart, fmt.Sprint(impact, "/", likelihood), value)
			row = append(row, fmt.Sprint(value))
		}
		rows = append(rows, "["+strings.Join(row, ",")+"]")
	}
	return `{"scales":[],"risks":{"current":{"informational":[` + strings.Join(rows, ",") + `]}}}`
}

// period is a question: from one day to another.
type period struct {
	from, to time.Time
	local    bool
}

func (p period) query() string {
	query := url.Values{"from": {p.from.Format(time.DateOnly)}, "to": {p.to.Format(time.DateOnly)}, "top": {"15"}, "by": {"occurrence"}}
	if p.local {
		query.Set("local_stats_only", "1")
	}
	return query.Encode()
}

// asked are the figures of a chart in a period, by what they are of.
func (w *world) asked(chart string, p period) map[string]float64 {
	w.t.Helper()
	var document struct{ Rows []map[string]any }
	body := w.get("/stats/" + chart + ".json?" + p.query()).body
	if err := json.Unmarshal([]byte(body), &document); err != nil {
		w.t.Fatalf("%s: %v: %s", chart, err, body)
	}
	figures := map[string]float64{}
	for _, row := range document.Rows {
		of, value := fmt.Sprint(row["object"]), row["occurrence"]
		switch chart {
		case riskChart:
			of, value = fmt.Sprint(row["level"]), row["current"]
		case cartographyChart:
			of, value = fmt.Sprint(row["impact"], "/", row["likelihood"]), row["risks"]
		}
		if number, known := value.(float64); known {
			figures[of] = number
		}
	}
	return figures
}

// of are the atoms of a week, and the senders of its stats, behind a figure.
func (w *world) of(chart, of string, monday time.Time, localOnly bool) (atoms, senders []atom) {
	within := func(a atom) bool {
		return !a.date.Before(monday) && a.date.Before(monday.AddDate(0, 0, 7)) && (a.local || !localOnly)
	}
	for _, a := range w.atoms {
		if a.figure == chart+" "+of && within(a) {
			atoms = append(atoms, a)
		}
	}
	for _, a := range w.senders {
		if a.figure == chart && within(a) {
			senders = append(senders, a)
		}
	}
	return atoms, senders
}

// clientsOf counts the clients behind atoms. Where risks are counted, those who
// have none do not stand behind the number of them.
func clientsOf(atoms []atom, withNone, onlyOthers bool) int {
	clients := map[int]bool{}
	for _, a := range atoms {
		if (a.value != 0 || withNone) && !(onlyOthers && a.local) {
			clients[a.client] = true
		}
	}
	return len(clients)
}

func sumOf(atoms []atom) (sum float64) {
	for _, a := range atoms {
		sum += a.value
	}
	return sum
}

// weekFigures are what is shown of one week.
type weekFigures map[string]float64

// TestPrivacyOfParts asks all there is of single weeks, and shows that enough
// clients stand behind each answer and behind the difference of both views. Then
// it asks at random for longer periods, and shows that their answers are made of
// these weeks and of nothing else. So no difference of two answers is of few.
func TestPrivacyOfParts(t *testing.T) {
	t.Parallel()
	worlds := []struct{ minimum, locals, others int }{{3, 3, 1}, {2, 3, 1}, {2, 1, 3}, {3, 4, 4}, {2, 4, 3}, {3, 7, 0}, {2, 8, 6}}
	shown := map[string]int{}
	for seed, size := range worlds {
		w := newWorld(t, uint64(seed), size.minimum, size.locals, size.others)
		for _, chart := range []string{threatChart, riskChart, cartographyChart} {
			weeks := map[period]weekFigures{}
			for _, monday := range weeksOfWorld {
				all, local := period{monday, monday, false}, period{monday, monday, true}
				weeks[all], weeks[local] = w.asked(chart, all), w.asked(chart, local)
				w.checkWeek(chart, monday, weeks[all], weeks[local])
				shown[chart] += len(weeks[all])
				shown[chart+" local"] += len(weeks[local])
			}
			for range 12 {
				w.checkPeriod(chart, weeks)
			}
		}
	}
	for _, chart := range []string{threatChart, riskChart, cartographyChart} {
		if shown[chart] < 20 || shown[chart+" local"] < 10 {
			t.Errorf("hardly anything is shown: %v", shown)
		}
	}
}

// checkWeek checks the answers about a week, of all clients and of local ones.
func (w *world) checkWeek(chart string, monday time.Time, all, local weekFigures) {
	w.t.Helper()
	if monday.Equal(weeksOfWorld[len(weeksOfWorld)-1]) && len(all)+len(local) > 0 {
		w.t.Errorf("%s shows a week that is not over", chart)
	}
	var total, unknown, unknownOfLocals, unknownOfOthers []atom // unknown is what is not shown
	for _, of := range w.namesOf(chart) {
		atoms, senders := w.of(chart, of, monday, false)
		locals, localSenders := w.of(chart, of, monday, true)
		_, shownAll := all[of]
		_, shownLocally := local[of]
		w.checkShown(chart, of, monday, all, atoms, senders)
		w.checkShown(chart, of, monday, local, locals, localSenders)
		if shownAll && shownLocally {
			w.checkEnough(chart+" "+of+" of all less local ones", monday, atoms, true, chart == threatChart)
		}
		if chart == threatChart && !shownAll && clientsOf(atoms, true, false) >= w.minClients && !monday.Equal(weeksOfWorld[5]) {
			w.t.Errorf("%s of %s in %s is hidden for no reason", chart, of, monday)
		}
		total = append(total, atoms...)
		if !shownAll {
			unknown = append(unknown, atoms...)
		}
		if !shownLocally {
			unknownOfLocals = append(unknownOfLocals, locals...)
		}
		if !(shownAll && shownLocally) && !(shownAll && sumOf(locals) == 0) {
			unknownOfOthers = append(unknownOfOthers, atoms...)
		}
	}
	if chart == threatChart {
		return
	}
	// The other one of these two charts may tell the total, unless that itself is
	// of few: then nothing else than 0 is shown there.
	if clientsOf(total, false, false) >= w.minClients {
		w.checkEnough(chart+" that is left of the total", monday, unknown, false, false)
	}
	if len(local) > 0 {
		w.checkEnough(chart+" that is left of the local total", monday, unknownOfLocals, false, false)
		w.checkEnough(chart+" that is left of the others' total", monday, unknownOfOthers, true, false)
	}
}

// checkShown checks that a figure which is shown is the mean of all of a week.
func (w *world) checkShown(chart, of string, monday time.Time, shown weekFigures, atoms, senders []atom) {
	w.t.Helper()
	got, known := shown[of]
	if !known {
		return
	}
	n := len(senders)
	if chart == threatChart {
		n = len(atoms)
	}
	if want := sumOf(atoms) / float64(n); math.Abs(got-want) > 1e-9 {
		w.t.Errorf("%s of %s in %s is %v, want %v", chart, of, monday, got, want)
	}
	if clients := clientsOf(senders, true, false); clients < w.minClients {
		w.t.Errorf("%s in %s is shown of %d clients", chart, monday, clients)
	}
	w.checkEnough(chart+" "+of, monday, atoms, false, chart == threatChart)
}

func (w *world) checkEnough(what string, monday time.Time, atoms []atom, onlyOthers, withNone bool) {
	w.t.Helper()
	if n := clientsOf(atoms, withNone, onlyOthers); n > 0 && n < w.minClients {
		w.t.Errorf("%s in %s can be known of %d clients where %d are to be protected", what, monday.Format(time.DateOnly), n, w.minClients)
	}
}

// namesOf lists what the figures of a chart are of.
func (w *world) namesOf(chart string) []string {
	var names []string
	for _, a := range w.atoms {
		if of, own := strings.CutPrefix(a.figure, chart+" "); own && !slices.Contains(names, of) {
			names = append(names, of)
		}
	}
	return names
}

// checkPeriod asks for a period at random and checks that the answer is made of
// the weeks that are shown by themselves.
func (w *world) checkPeriod(chart string, weeks map[period]weekFigures) {
	w.t.Helper()
	p := period{from: weeksOfWorld[0].AddDate(0, 0, w.IntN(42)), local: w.IntN(2) == 0}
	p.to = p.from.AddDate(0, 0, w.IntN(42))
	got := w.asked(chart, p)
	for _, of := range w.namesOf(chart) {
		want, known := w.expect(chart, of, p, weeks)
		shown, has := got[of]
		if has != known || math.Abs(shown-want) > 1e-9 {
			w.t.Errorf("%s of %s, %s: %v (%t), want %v (%t)", chart, of, p.query(), shown, has, want, known)
		}
	}
}

// expect puts weeks together as the pages say: the mean of weekly means for
// objects, and means of all stats for numbers of risks.
func (w *world) expect(chart, of string, p period, weeks map[period]weekFigures) (mean float64, known bool) {
	var sum, n, means float64
	for _, monday := range weeksOfWorld {
		if monday.AddDate(0, 0, 6).Before(p.from) || monday.After(p.to) {
			continue
		}
		week := weeks[period{monday, monday, p.local}]
		atoms, senders := w.of(chart, of, monday, p.local)
		value, shown := week[of]
		known = known || shown
		if shown {
			means, sum = means+value, sum+sumOf(atoms)
		}
		if chart == threatChart && shown {
			n++
		}
		if chart == riskChart && shown || chart == cartographyChart && len(week) > 0 {
			n += float64(len(senders))
		}
	}
	if !known {
		return 0, false
	}
	if chart == threatChart {
		return means / n, true
	}
	return sum / n, true
}
