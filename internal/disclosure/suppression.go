// SPDX-License-Identifier: AGPL-3.0-or-later

package disclosure

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// threshold is the k of k-anonymity: how many clients must be behind a figure.
type threshold int

// identifies reports whether a figure of this many clients reveals too much about them.
// A figure of no clients reveals nothing.
func (k threshold) identifies(clients int) bool { return clients > 0 && clients < int(k) }

// visibility says in which views a figure may be shown.
type visibility struct{ all, local bool }

// primary decides on a figure with this many local and other clients behind it. The
// local figure is also suppressed if the difference to all, the figure of the others,
// identifies them.
func (k threshold) primary(locals, others int) visibility {
	return visibility{
		all:   locals+others >= int(k),
		local: locals >= int(k) && !k.identifies(others),
	}
}

func (k threshold) primaryOf(c postgres.Clients) visibility {
	return k.primary(len(c.Local), len(c.Others))
}

// disclosed has the figures that may be shown, by key and Monday. All others may not.
//
// For risks and their cartography, a key with only state and kind means that zeros,
// which have no clients behind them, may be shown.
type disclosed map[stats.Key]map[time.Time]visibility

// Size returns an estimate of the bytes that the decisions take.
func (d disclosed) Size() (size int64) {
	const ofKey, ofWeek = 300, 48 // includes free slots of maps
	for _, weeks := range d {
		size += ofKey + ofWeek*int64(len(weeks))
	}
	return size
}

func (d disclosed) of(f postgres.Figure) visibility { return d[f.Key][f.Start] }

func (d disclosed) set(f postgres.Figure, v visibility) {
	if d[f.Key] == nil {
		d[f.Key] = map[time.Time]visibility{}
	}
	d[f.Key][f.Start] = v
}

// allows reports whether the sum of a week may be shown.
func (d disclosed) allows(sum *processor.DailySum, localOnly bool) bool {
	figure := postgres.Figure{Start: sum.Date, Key: sum.Key}
	in := d.of(figure)
	if sum.Sums[0].IsZero() {
		total := d.of(totalOf(figure))
		in = visibility{in.all || total.all, in.local || total.local}
	}
	return in.all && (in.local || !localOnly)
}

// only returns the sums of weeks that may be shown.
func (d disclosed) only(sums []processor.DailySum, localOnly bool) []processor.DailySum {
	return slices.DeleteFunc(sums, func(sum processor.DailySum) bool { return !d.allows(&sum, localOnly) })
}

// disclose decides which figures of a type may be shown.
func (k threshold) disclose(t stats.Type, behind postgres.Behind) disclosed {
	result := disclosed{}
	if t == stats.Risk || t == stats.Cartography {
		k.discloseRisks(result, behind)
	} else {
		for figure, clients := range behind.Figures {
			result.set(figure, k.primaryOf(clients))
		}
	}
	result.prune()
	return result
}

// prune removes figures that may not be shown: a missing entry means the same.
func (d disclosed) prune() {
	for key, weeks := range d {
		maps.DeleteFunc(weeks, func(_ time.Time, v visibility) bool { return !v.all })
		if len(weeks) == 0 {
			delete(d, key)
		}
	}
}

// riskCount is a number of risks and the clients that have such risks.
type riskCount struct {
	figure  postgres.Figure
	clients postgres.Clients
}

// discloseRisks decides on numbers of risks. Their total by state and kind may be
// known, since the levels of the risk stats and the cells of the cartography have the
// same total. So the suppressed numbers of a total must together have enough clients
// behind them too.
func (k threshold) discloseRisks(result disclosed, behind postgres.Behind) {
	counts := map[postgres.Figure][]riskCount{}
	for figure, clients := range behind.Figures {
		of := totalOf(figure)
		counts[of] = append(counts[of], riskCount{figure, clients})
	}
	for monday, senders := range behind.Senders {
		atMost := k.primaryOf(senders) // the clients with such risks are among them
		for _, state := range stats.States() {
			for _, kind := range stats.Kinds() {
				of := postgres.Figure{Start: monday, Key: stats.Key{State: state, Kind: kind}}
				result.set(of, k.discloseTotal(result, counts[of], atMost))
			}
		}
	}
}

// totalOf returns the state and kind to whose total a number of risks belongs.
func totalOf(f postgres.Figure) postgres.Figure {
	f.Key = stats.Key{State: f.Key.State, Kind: f.Key.Kind}
	return f
}

// discloseTotal decides on the numbers of one total, and returns the views in which
// zeros may be shown.
func (k threshold) discloseTotal(result disclosed, counts []riskCount, atMost visibility) visibility {
	var suppressed postgres.Clients
	for _, c := range counts {
		own := k.primaryOf(c.clients)
		result.set(c.figure, visibility{own.all, own.local && atMost.local})
		if !own.all {
			suppressed = union(suppressed, c.clients)
		}
	}
	if k.identifies(len(suppressed.Local) + len(suppressed.Others)) {
		suppressLowest(result, counts)
	}
	suppressed = suppressedLocally(result, counts)
	if k.identifies(len(suppressed.Local)) || k.identifies(len(suppressed.Others)) {
		atMost.local = false
		for _, c := range counts {
			result.set(c.figure, visibility{all: result.of(c.figure).all})
		}
	}
	return atMost
}

// suppressLowest is complementary suppression: it suppresses the shown number with the
// lowest level or cell, which readers miss least.
func suppressLowest(result disclosed, counts []riskCount) {
	slices.SortFunc(counts, func(a, b riskCount) int { return compareRisks(a.figure.Key, b.figure.Key) })
	for _, c := range counts {
		if result.of(c.figure).all {
			result.set(c.figure, visibility{})
			return
		}
	}
}

// suppressedLocally returns the clients behind numbers whose local part, or the rest, is
// unknown to readers. If no local client has such risks, the local part is known to be 0.
func suppressedLocally(result disclosed, counts []riskCount) (suppressed postgres.Clients) {
	for _, c := range counts {
		if in := result.of(c.figure); !in.all || !in.local && len(c.clients.Local) > 0 {
			suppressed = union(suppressed, c.clients)
		}
	}
	return suppressed
}

func union(a, b postgres.Clients) postgres.Clients {
	return postgres.Clients{Local: unite(a.Local, b.Local), Others: unite(a.Others, b.Others)}
}

func unite(a, b []int64) []int64 {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// compareRisks orders numbers of risks from the lowest level or cell on.
func compareRisks(a, b stats.Key) int {
	levels := stats.Levels()
	return cmp.Or(
		cmp.Compare(slices.Index(levels, a.Level), slices.Index(levels, b.Level)),
		cmp.Compare(scaleValue(a.Impact), scaleValue(b.Impact)),
		cmp.Compare(scaleValue(a.Likelihood), scaleValue(b.Likelihood)),
	)
}

func scaleValue(name string) int {
	n, _ := strconv.Atoi(name) // names of scale values are numbers
	return n
}
