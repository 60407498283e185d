package dashboard

import (
	"cmp"
	"slices"
	"time"

	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// shownIn tells in which views a figure may be shown.
type shownIn struct{ all, local bool }

// shownParts are the parts that may be shown. What is not there may not.
//
// Of risks and their cartography a key of state and kind alone says that numbers
// of 0, which nobody stands behind, may be shown.
type shownParts map[postgres.Figure]shownIn

// shown tells whether the sum of a week may be shown.
func (p shownParts) shown(sum *processor.DailySum, localOnly bool) bool {
	figure := postgres.Figure{Start: sum.Date, Key: sum.Key}
	in := p[figure]
	if sum.Sums[0].IsZero() {
		of := p[riskMapOf(figure)]
		in = shownIn{in.all || of.all, in.local || of.local}
	}
	return in.all && (in.local || !localOnly)
}

// only returns the sums of weeks that may be shown.
func (p shownParts) only(sums []processor.DailySum, localOnly bool) []processor.DailySum {
	return slices.DeleteFunc(sums, func(sum processor.DailySum) bool { return !p.shown(&sum, localOnly) })
}

// addWeeks adds daily sums up to weekly ones, which have the date of the Monday.
func addWeeks(days []processor.DailySum) []processor.DailySum {
	at := map[postgres.Figure]int{}
	var weeks []processor.DailySum
	for _, sum := range days {
		sum.Date = weekOf(sum.Date)
		figure := postgres.Figure{Start: sum.Date, Key: sum.Key}
		if i, known := at[figure]; known {
			weeks[i] = add(weeks[i], sum)
			continue
		}
		at[figure] = len(weeks)
		weeks = append(weeks, sum)
	}
	return weeks
}

// enough tells whether a figure may be shown that so many local clients and
// others stand behind. That of the local ones may be not where the rest, which is
// the difference, is of few.
func (g guard) enough(locals, others int) (all, local bool) {
	all = locals+others >= g.minClients
	local = locals >= g.minClients && (others == 0 || others >= g.minClients)
	return all, local
}

func (g guard) enoughClients(c postgres.Clients) shownIn {
	all, local := g.enough(len(c.Local), len(c.Others))
	return shownIn{all, local}
}

// choose decides which parts of a type may be shown.
func (g guard) choose(t stats.Type, behind postgres.Behind) shownParts {
	parts := shownParts{}
	if t == stats.Risk || t == stats.Cartography {
		g.chooseRisks(parts, behind)
		return parts
	}
	for figure, clients := range behind.Figures {
		if shown := g.enoughClients(clients); shown.all {
			parts[figure] = shown
		}
	}
	return parts
}

// riskCount is a number of risks and who has such risks.
type riskCount struct {
	figure  postgres.Figure
	clients postgres.Clients
}

// chooseRisks decides about numbers of risks, whose total by state and kind can
// be known: the levels of the risk stats and the cells of the cartography have
// the same. So, of each total, what is kept back must be of enough clients too.
func (g guard) chooseRisks(parts shownParts, behind postgres.Behind) {
	counts := map[postgres.Figure][]riskCount{}
	for figure, clients := range behind.Figures {
		of := riskMapOf(figure)
		counts[of] = append(counts[of], riskCount{figure, clients})
	}
	for monday, senders := range behind.Senders {
		shown := g.enoughClients(senders) // who has such risks is among them
		for _, state := range stats.States() {
			for _, kind := range stats.Kinds() {
				of := postgres.Figure{Start: monday, Key: stats.Key{State: state, Kind: kind}}
				parts[of] = g.chooseCounts(parts, counts[of], shown)
			}
		}
	}
}

// riskMapOf is the state and kind that a number of risks is of.
func riskMapOf(f postgres.Figure) postgres.Figure {
	f.Key = stats.Key{State: f.Key.State, Kind: f.Key.Kind}
	return f
}

// chooseCounts decides about the numbers of one total of which shown says what
// may be shown at most, and returns what may.
func (g guard) chooseCounts(parts shownParts, counts []riskCount, shown shownIn) shownIn {
	var hidden postgres.Clients
	for _, c := range counts {
		own := g.enoughClients(c.clients)
		parts[c.figure] = shownIn{own.all, own.local && shown.local}
		if !own.all {
			hidden = union(hidden, c.clients)
		}
	}
	if g.few(len(hidden.Local) + len(hidden.Others)) {
		hideLowest(parts, counts)
	}
	hidden = hiddenLocally(parts, counts)
	if g.few(len(hidden.Local)) || g.few(len(hidden.Others)) {
		shown.local = false
		for _, c := range counts {
			parts[c.figure] = shownIn{all: parts[c.figure].all}
		}
	}
	return shown
}

// few tells whether there are clients to protect.
func (g guard) few(clients int) bool { return clients > 0 && clients < g.minClients }

// hideLowest keeps back one number more: of what is shown, that which readers
// miss least.
func hideLowest(parts shownParts, counts []riskCount) {
	slices.SortFunc(counts, func(a, b riskCount) int { return compareRisks(a.figure.Key, b.figure.Key) })
	for _, c := range counts {
		if parts[c.figure].all {
			parts[c.figure] = shownIn{}
			return
		}
	}
}

// hiddenLocally are the clients of the numbers of which those of the local
// clients, or of the others, cannot be known. Where no local client has any, the
// number is known to be 0.
func hiddenLocally(parts shownParts, counts []riskCount) (hidden postgres.Clients) {
	for _, c := range counts {
		if in := parts[c.figure]; !in.all || !in.local && len(c.clients.Local) > 0 {
			hidden = union(hidden, c.clients)
		}
	}
	return hidden
}

func union(a, b postgres.Clients) postgres.Clients {
	return postgres.Clients{Local: unite(a.Local, b.Local), Others: unite(a.Others, b.Others)}
}

func unite(a, b []int64) []int64 {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

func compareRisks(a, b stats.Key) int {
	levels := stats.Levels()
	return cmp.Or(
		cmp.Compare(slices.Index(levels, a.Level), slices.Index(levels, b.Level)),
		cmp.Compare(scaleValue(a.Impact), scaleValue(b.Impact)),
		cmp.Compare(scaleValue(a.Likelihood), scaleValue(b.Likelihood)),
	)
}

// shownKey is a key with the weeks, by number, in which it may be shown.
type shownKey struct {
	Key   stats.Key `json:"key"`
	All   []int     `json:"all"`
	Local []int     `json:"local,omitempty"`
}

// firstMonday starts week 0, before any date of stats.
var firstMonday = time.Date(1969, time.December, 29, 0, 0, 0, 0, time.UTC)

// keys puts parts into few words.
func (p shownParts) keys() []*shownKey {
	byKey, keys := map[stats.Key]*shownKey{}, []*shownKey{}
	for figure, in := range p {
		if !in.all {
			continue
		}
		k := byKey[figure.Key]
		if k == nil {
			k = &shownKey{Key: figure.Key}
			byKey[figure.Key], keys = k, append(keys, k)
		}
		week := int(figure.Start.Sub(firstMonday) / (7 * day))
		k.All = append(k.All, week)
		if in.local {
			k.Local = append(k.Local, week)
		}
	}
	return keys
}

// partsOf is the inverse of keys.
func partsOf(keys []*shownKey) shownParts {
	parts := shownParts{}
	for _, k := range keys {
		for _, week := range k.All {
			parts[postgres.Figure{Start: firstMonday.AddDate(0, 0, 7*week), Key: k.Key}] = shownIn{all: true}
		}
		for _, week := range k.Local {
			parts[postgres.Figure{Start: firstMonday.AddDate(0, 0, 7*week), Key: k.Key}] = shownIn{true, true}
		}
	}
	return parts
}
