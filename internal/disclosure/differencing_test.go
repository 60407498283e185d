// SPDX-License-Identifier: AGPL-3.0-or-later

package disclosure_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/cache"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/servicetest"
	"github.com/monarc-project/stats-service/internal/stats"
)

func TestMain(m *testing.M) { servicetest.Main(m) }

// noon is the time of the tests.
func noon() time.Time { return time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC) }

// atom is a number that a client sent.
type atom struct {
	client int
	local  bool
	date   time.Time
	figure string // type, and the key within it
	value  float64
}

// world has the stats of random clients, and the store with them.
type world struct {
	*rand.Rand
	t          *testing.T
	store      *postgres.Store
	control    *disclosure.Control
	minClients int
	atoms      []atom
	senders    []atom // of each stat; figure is the type
}

const (
	fire  = "14c790a2-ed95-48f0-9827-746415c4aacf"
	flood = "aa789da6-caee-4d35-8597-a79bfa8aff2f"
	theft = "f76dfc94-1613-4565-8ddc-e4443e88f7e1"
)

// weeksOfWorld has the Mondays of the weeks in which clients may send. The last week is
// not complete.
var weeksOfWorld = []time.Time{
	time.Date(2026, 2, 2, 0, 0, 0, 0, time.UTC), time.Date(2026, 2, 9, 0, 0, 0, 0, time.UTC),
	time.Date(2026, 2, 16, 0, 0, 0, 0, time.UTC), time.Date(2026, 2, 23, 0, 0, 0, 0, time.UTC),
	time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC),
}

// newWorld has this many local and other clients send random stats.
func newWorld(t *testing.T, seed uint64, minimum, locals, others int) *world {
	t.Helper()
	store := servicetest.Open(t, postgres.Options{MaxConns: 4})
	w := &world{Rand: rand.New(rand.NewPCG(seed, 5)), t: t, store: store, minClients: minimum}
	w.control = disclosure.New(disclosure.Options{
		Store: store.SumStore, Now: noon, Location: time.UTC, MinClients: minimum,
		Cache: cache.New(cache.Options{MaxBytes: 1 << 20, MaxAge: time.Minute, Now: noon}),
	})
	for client := range locals + others {
		local := client < locals
		account := servicetest.CreateClient(t, store, stats.Client{Name: fmt.Sprint("Client ", client), Local: local, IsActive: true})
		var all []stats.Stat
		for _, monday := range weeksOfWorld {
			for range w.IntN(3) { // also several times a week, on different days
				all = append(all, w.send(client, local, monday.AddDate(0, 0, w.IntN(7)))...)
			}
		}
		servicetest.Insert(t, store, account, all...)
	}
	return w
}

// send returns random stats of an analysis on a day and records their atoms.
func (w *world) send(client int, local bool, date time.Time) (all []stats.Stat) {
	note := func(t stats.Type, of string, value float64) {
		w.atoms = append(w.atoms, atom{client, local, date, string(t) + " " + of, value})
	}
	add := func(t stats.Type, data string) {
		if data == "" {
			return
		}
		w.senders = append(w.senders, atom{client: client, local: local, date: date, figure: string(t)})
		all = append(all, stats.Stat{ANR: uuid.New(), Type: t, Date: date, Data: []byte(data)})
	}
	var objects []string
	for _, object := range []string{fire, flood, theft} {
		if w.IntN(3) > 0 {
			value := float64(w.IntN(1000))
			note(stats.Threat, object, value)
			objects = append(objects, fmt.Sprintf(`{"uuid":%q,"label1":"%[1]s","count":%[2]v,"maxRisk":1,"averageRate":1}`, object, value))
		}
	}
	add(stats.Threat, "["+strings.Join(objects, ",")+"]")
	add(stats.Risk, w.risks(note))
	add(stats.Cartography, w.cells(note))
	return all
}

// some returns a random number that is often 0.
func (w *world) some() float64 { return float64(w.IntN(2) * w.IntN(1000)) }

// risks returns data with current informational risks only.
func (w *world) risks(note func(t stats.Type, of string, value float64)) string {
	if w.IntN(4) == 0 {
		return ""
	}
	var levels []string
	for _, level := range stats.Levels() {
		value := w.some()
		note(stats.Risk, level, value)
		levels = append(levels, fmt.Sprintf(`{"level":%q,"value":%v}`, level, value))
	}
	return `{"risks":{"current":{"informational":[` + strings.Join(levels, ",") + `]}}}`
}

func (w *world) cells(note func(t stats.Type, of string, value float64)) string {
	var rows []string
	for impact := range 3 {
		var row []string
		for likelihood := range 2 {
			value := w.some()
			note(stats.Cartography, fmt.Sprint(impact, "/", likelihood), value)
			row = append(row, fmt.Sprint(value))
		}
		rows = append(rows, "["+strings.Join(row, ",")+"]")
	}
	return `{"scales":[],"risks":{"current":{"informational":[` + strings.Join(rows, ",") + `]}}}`
}

// period is a range of days, for all clients or the local ones.
type period struct {
	from, to time.Time
	local    bool
}

// figure is a shown number and the number of stats in its sum.
type figure struct {
	sum   float64
	count int64
}

// shownIn returns the shown figures of a type in a period, by week and key.
func (w *world) shownIn(t stats.Type, p period) map[time.Time]map[string]figure {
	w.t.Helper()
	sums, err := w.control.DailySums(w.t.Context(), stats.Filter{Type: t, DateFrom: p.from, DateTo: p.to, LocalStatsOnly: p.local})
	if err != nil {
		w.t.Fatal(err)
	}
	shown := map[time.Time]map[string]figure{}
	for _, sum := range sums {
		if t != stats.Threat && (sum.Key.State != stats.Current || sum.Key.Kind != stats.Informational) {
			continue // all other risks are 0
		}
		if t == stats.Cartography && sum.Key.Impact == "" {
			continue // the number of maps
		}
		if shown[sum.Date] == nil {
			shown[sum.Date] = map[string]figure{}
		}
		of := sum.Key.Object + sum.Key.Level
		if t == stats.Cartography {
			of = sum.Key.Impact + "/" + sum.Key.Likelihood
		}
		if _, twice := shown[sum.Date][of]; twice {
			w.t.Errorf("%s of %s has several sums in the week of %s", t, of, sum.Date)
		}
		shown[sum.Date][of] = figure{sum.Sums[0].InexactFloat64(), sum.Count}
	}
	return shown
}

// of returns the atoms behind a figure of a week, and the senders of the week's stats.
func (w *world) of(t stats.Type, of string, monday time.Time, localOnly bool) (atoms, senders []atom) {
	within := func(a atom) bool {
		return !a.date.Before(monday) && a.date.Before(monday.AddDate(0, 0, 7)) && (a.local || !localOnly)
	}
	for _, a := range w.atoms {
		if a.figure == string(t)+" "+of && within(a) {
			atoms = append(atoms, a)
		}
	}
	for _, a := range w.senders {
		if a.figure == string(t) && within(a) {
			senders = append(senders, a)
		}
	}
	return atoms, senders
}

// clientsOf counts the clients behind atoms. Clients with 0 risks only count if withNone is
// set.
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

// typesOfWorld lists the types that clients send.
var typesOfWorld = []stats.Type{stats.Threat, stats.Risk, stats.Cartography}

// TestNoDifferenceOfAnswersIdentifies requests every figure of single weeks, and checks
// that enough clients are behind each of them and behind the difference of both views.
// Then it requests random longer periods, and checks that their figures are sums of these
// weeks. So no difference of two answers has too few clients behind it.
func TestNoDifferenceOfAnswersIdentifies(t *testing.T) {
	t.Parallel()
	worlds := []struct{ minimum, locals, others int }{{3, 3, 1}, {2, 3, 1}, {2, 1, 3}, {3, 4, 4}, {2, 4, 3}, {3, 7, 0}, {2, 8, 6}}
	shown := map[string]int{}
	for seed, size := range worlds {
		w := newWorld(t, uint64(seed), size.minimum, size.locals, size.others)
		for _, of := range typesOfWorld {
			weeks := map[period]map[string]figure{}
			for _, monday := range weeksOfWorld {
				all, local := period{monday, monday, false}, period{monday, monday, true}
				weeks[all], weeks[local] = w.shownIn(of, all)[monday], w.shownIn(of, local)[monday]
				w.checkWeek(of, monday, weeks[all], weeks[local])
				shown[string(of)] += len(weeks[all])
				shown[string(of)+" local"] += len(weeks[local])
			}
			for range 12 {
				w.checkPeriod(of, weeks)
			}
		}
	}
	for _, of := range typesOfWorld {
		if shown[string(of)] < 20 || shown[string(of)+" local"] < 10 {
			t.Errorf("hardly anything is shown: %v", shown)
		}
	}
}

// checkWeek checks the answers about a week, of all clients and of local ones.
func (w *world) checkWeek(t stats.Type, monday time.Time, all, local map[string]figure) {
	w.t.Helper()
	if monday.Equal(weeksOfWorld[len(weeksOfWorld)-1]) && len(all)+len(local) > 0 {
		w.t.Errorf("%s shows an incomplete week", t)
	}
	var total, unknown, unknownOfLocals, unknownOfOthers []atom // unknown has the suppressed atoms
	for _, of := range w.namesOf(t) {
		atoms, senders := w.of(t, of, monday, false)
		locals, localSenders := w.of(t, of, monday, true)
		_, shownAll := all[of]
		_, shownLocally := local[of]
		w.checkShown(t, of, monday, all, atoms, senders)
		w.checkShown(t, of, monday, local, locals, localSenders)
		if shownAll && shownLocally {
			w.checkEnough(string(t)+" "+of+" of all less local ones", monday, atoms, true, t == stats.Threat)
		}
		if t == stats.Threat && !shownAll && clientsOf(atoms, true, false) >= w.minClients && !monday.Equal(weeksOfWorld[5]) {
			w.t.Errorf("%s of %s in %s is suppressed for no reason", t, of, monday)
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
	if t == stats.Threat {
		return
	}
	// The other one of these two types may reveal the total, unless the total itself has too
	// few clients: then only zeros are shown there.
	if clientsOf(total, false, false) >= w.minClients {
		w.checkEnough(string(t)+" that is left of the total", monday, unknown, false, false)
	}
	if len(local) > 0 {
		w.checkEnough(string(t)+" that is left of the local total", monday, unknownOfLocals, false, false)
		w.checkEnough(string(t)+" that is left of the others' total", monday, unknownOfOthers, true, false)
	}
}

// checkShown checks that a shown figure is the mean over all stats of the week.
func (w *world) checkShown(t stats.Type, of string, monday time.Time, shown map[string]figure, atoms, senders []atom) {
	w.t.Helper()
	got, known := shown[of]
	if !known {
		return
	}
	n := len(senders)
	if t == stats.Threat {
		n = len(atoms)
	}
	if t == stats.Cartography {
		n = int(got.count) // the number of maps is a separate figure
	}
	if want := (figure{sumOf(atoms), int64(n)}); math.Abs(got.sum-want.sum) > 1e-9 || got.count != want.count {
		w.t.Errorf("%s of %s in %s is %v, want %v", t, of, monday, got, want)
	}
	if clients := clientsOf(senders, true, false); clients < w.minClients {
		w.t.Errorf("%s in %s is shown of %d clients", t, monday, clients)
	}
	w.checkEnough(string(t)+" "+of, monday, atoms, false, t == stats.Threat)
}

func (w *world) checkEnough(what string, monday time.Time, atoms []atom, onlyOthers, withNone bool) {
	w.t.Helper()
	if n := clientsOf(atoms, withNone, onlyOthers); n > 0 && n < w.minClients {
		w.t.Errorf("%s in %s can be derived for %d clients, fewer than %d", what, monday.Format(time.DateOnly), n, w.minClients)
	}
}

// namesOf lists the keys of the figures of a type.
func (w *world) namesOf(t stats.Type) []string {
	var names []string
	for _, a := range w.atoms {
		if of, own := strings.CutPrefix(a.figure, string(t)+" "); own && !slices.Contains(names, of) {
			names = append(names, of)
		}
	}
	return names
}

// checkPeriod requests a random period and checks that its figures are sums of the single
// weeks.
func (w *world) checkPeriod(t stats.Type, weeks map[period]map[string]figure) {
	w.t.Helper()
	p := period{from: weeksOfWorld[0].AddDate(0, 0, w.IntN(42)), local: w.IntN(2) == 0}
	p.to = p.from.AddDate(0, 0, w.IntN(42))
	got := w.shownIn(t, p)
	want := map[time.Time]map[string]figure{}
	for _, monday := range weeksOfWorld {
		outside := monday.AddDate(0, 0, 6).Before(p.from) || monday.After(p.to)
		if week := weeks[period{monday, monday, p.local}]; !outside && week != nil {
			want[monday] = week
		}
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(figure{})); diff != "" {
		w.t.Errorf("%s from %s to %s (-single weeks +period):\n%s", t, p.from, p.to, diff)
	}
}
