// SPDX-License-Identifier: AGPL-3.0-or-later

package disclosure

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/cache"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// Owner says whose stats are compared: those of a client, of these analyses or of all
// that it has.
type Owner struct {
	ClientID int64
	ANRs     []uuid.UUID
}

// Comparison has the means of a client beside those that the public sees. Why a band and
// nothing finer is in docs/adr/0028-mine-against-all.md.
type Comparison struct {
	From, To time.Time // the period
	// RankedFrom is the first day of the stats that positions are of: From or, where
	// figures are suppressed, the first day of the last week.
	RankedFrom time.Time
	Figures    []Compared // in the order of their keys
}

// Compared is what a client has of a key, beside what everybody has.
type Compared struct {
	Key stats.Key
	// Labels are those that the client sent, Referential those of what a category is of.
	Labels, Referential stats.Labels
	Own                 [3]float64  // as the sums of processor.DailySum
	All                 *[3]float64 // nil: too few stand behind it
	Contributors                    // behind All, as Support has them
	Positions           [3]Position // of Own
}

// Position is where a mean of a client is among those of the other organisations.
type Position struct {
	Band     Band     // empty: it is not known
	Unranked Unranked // why Band is empty
}

// Band is a quarter of the other organisations, by their means.
type Band string

// The bands. A limit between two of them belongs to the lower one.
const (
	Lowest      Band = "lowest"
	LowerMiddle Band = "lower_middle"
	UpperMiddle Band = "upper_middle"
	Highest     Band = "highest"
)

var bands = [...]Band{Lowest, LowerMiddle, UpperMiddle, Highest}

// Unranked is why there is no band.
type Unranked string

// The reasons.
const (
	FewAnalyses      Unranked = "few_analyses"      // stand behind what everybody has
	FewOrganisations Unranked = "few_organisations" // stand behind it, or would in a band
	AllAlike         Unranked = "alike"             // all bands would have the same means
	NothingRecent    Unranked = "nothing_recent"    // the client sent nothing of it in the last week
	SingleCell       Unranked = "single_cell"       // organisations are not ranked by cells of a map
)

// Compare compares what a client sent with what filter asks for. The type and both dates
// of filter are required, its ANRs and OfClient must be empty. Only what the client has
// is in the comparison; of a muted client that is nothing.
func (c *Control) Compare(ctx context.Context, filter stats.Filter, whose Owner) (Comparison, error) {
	if c.Active() {
		filter = c.limit(filter)
	}
	ranked := c.rankedPart(filter)
	comparison := Comparison{From: filter.DateFrom, To: filter.DateTo, RankedFrom: ranked.DateFrom}
	mine := filter
	mine.ANRs, mine.OfClient, mine.LocalStatsOnly = whose.ANRs, whose.ClientID, false
	days, err := c.store.DailySums(ctx, mine)
	if err != nil || len(days) == 0 {
		return comparison, err
	}
	all, err := c.DailySums(ctx, filter)
	if err != nil {
		return comparison, err
	}
	supports, err := c.Support(ctx, filter, Undivided)
	if err != nil {
		return comparison, err
	}
	others, err := c.organisations(ctx, ranked)
	if err != nil {
		return comparison, err
	}
	comparison.Figures = c.compare(filter.Type, side{
		own: days, all: processor.Averages(filter.Type, all), supports: supports, others: others, whose: whose.ClientID, since: ranked.DateFrom,
	})
	return comparison, nil
}

// side is what a comparison is made of.
type side struct {
	own      []processor.DailySum
	all      map[stats.Key]processor.Average
	supports Supports
	others   organisations
	whose    int64
	since    time.Time // first day of what others have
}

func (c *Control) compare(t stats.Type, s side) []Compared {
	recent := slices.DeleteFunc(slices.Clone(s.own), func(sum processor.DailySum) bool { return sum.Date.Before(s.since) })
	ranked := processor.Averages(t, addUp(recent, Undivided.Start))
	referentials := map[string]stats.Labels{}
	for _, sum := range s.own {
		if t == stats.Compliance && sum.Key.State == "" && !sum.Labels.Empty() {
			referentials[sum.Key.Object] = sum.Labels
		}
	}
	if c.Active() {
		s.own = weeklySums(s.own) // as what everybody has
	}
	var figures []Compared
	for key, own := range processor.Averages(t, s.own) {
		one := Compared{Key: key, Labels: own.Labels, Referential: referentials[key.Object], Own: own.Values}
		one.Contributors = s.supports[supportedBy(t, key)].Contributors
		all, shown := s.all[key]
		enough := one.Analyses >= c.minAnalyses
		if shown && enough {
			one.All = &all.Values
		}
		for i := range one.Positions {
			latest, sent := ranked[key]
			position := &one.Positions[i]
			switch {
			case t == stats.Cartography:
				position.Unranked = SingleCell
			case !shown:
				position.Unranked = FewOrganisations
			case !enough:
				position.Unranked = FewAnalyses
			case !sent:
				position.Unranked = NothingRecent
			default:
				*position = c.threshold.position(latest.Values[i], s.others[key].without(s.whose, i))
			}
		}
		figures = append(figures, one)
	}
	slices.SortFunc(figures, func(a, b Compared) int { return compareKeys(a.Key, b.Key) })
	return figures
}

// supportedBy is the key whose support is that of a figure: a cell without risks is left
// out by the sender, so that those who sent the map stand behind it.
func supportedBy(t stats.Type, key stats.Key) stats.Key {
	if t == stats.Cartography {
		return stats.Key{State: key.State, Kind: key.Kind}
	}
	return key
}

func compareKeys(a, b stats.Key) int {
	return cmp.Or(
		strings.Compare(a.Object, b.Object), strings.Compare(a.Category, b.Category),
		strings.Compare(a.State, b.State), strings.Compare(a.Kind, b.Kind), compareRisks(a, b),
	)
}

// organisations are the means that clients have of each key.
type organisations map[stats.Key]peers

type peers []peer

type peer struct {
	client int64
	values [3]float64
}

// Size estimates how many bytes it takes.
func (o organisations) Size() (size int64) {
	const ofKey, ofPeer = 300, 32 // with what maps leave free
	for _, of := range o {
		size += ofKey + ofPeer*int64(len(of))
	}
	return size
}

// without has one of the values of all but a client.
func (p peers) without(client int64, value int) []float64 {
	values := make([]float64, 0, len(p))
	for i := range p {
		if p[i].client != client {
			values = append(values, p[i].values[value])
		}
	}
	return values
}

// rankedPart asks for the stats that positions are of. Where figures are suppressed,
// those of a single week: else the bands of one period less those of another would be of
// few, and each question would have limits of its own.
func (c *Control) rankedPart(filter stats.Filter) stats.Filter {
	if c.Active() {
		filter.DateFrom = monday(filter.DateTo)
	}
	return filter
}

// organisations reads the means of all clients over what filter asks for. Where figures
// are suppressed, filter asks for a week, and only the keys are there whose figures are
// shown; of the local ones only those that no others have, as the difference to all would
// be of few.
func (c *Control) organisations(ctx context.Context, filter stats.Filter) (organisations, error) {
	key := cache.KeyOf("organisations", string(filter.Type), filter.DateFrom.Format(time.DateOnly), filter.DateTo.Format(time.DateOnly),
		strconv.FormatBool(filter.LocalStatsOnly), strconv.Itoa(c.MinClients()))
	return cache.Get(ctx, c.cache, key, Topics(filter.Type), func(ctx context.Context) (organisations, error) {
		means, err := c.meansOfClients(ctx, filter)
		if err == nil && c.Active() {
			err = c.suppressOrganisations(ctx, filter, means)
		}
		if err != nil {
			return nil, fmt.Errorf("read %s figures of organisations: %w", filter.Type, err)
		}
		return means, nil
	})
}

func (c *Control) meansOfClients(ctx context.Context, filter stats.Filter) (organisations, error) {
	clients, err := c.store.SumsByClient(ctx, filter, nil)
	if err != nil {
		return nil, err
	}
	means := organisations{}
	for _, client := range clients {
		for key, average := range processor.Averages(filter.Type, client.Sums) {
			means[key] = append(means[key], peer{client.ClientID, average.Values})
		}
	}
	return means, nil
}

func (c *Control) suppressOrganisations(ctx context.Context, filter stats.Filter, means organisations) error {
	visible, err := c.disclosed(ctx, filter)
	if err != nil {
		return err
	}
	ofAll := means
	if filter.LocalStatsOnly {
		if ofAll, err = c.meansOfClients(ctx, ofAllClients(filter)); err != nil {
			return err
		}
	}
	for key, of := range means {
		if !visible[key][filter.DateFrom].all || len(of) != len(ofAll[key]) {
			delete(means, key)
		}
	}
	return nil
}

// section is some of the organisations in the order of their means.
type section struct{ from, to int } // without to

// between are the organisations whose mean is the limit between two bands, and whether so
// many organisations are enough for bands.
func (k threshold) between(organisations int) (at [len(bands) - 1]section, enough bool) {
	size := max(int(k), 1)
	// Those that are in no limit are known from the total, less the limits.
	if organisations < len(bands)*size || k.identifies(organisations-len(bands)*size) {
		return at, false
	}
	for i := range at {
		middle := (i + 1) * organisations / len(bands)
		at[i] = section{middle - size, middle + size}
	}
	return at, true
}

// position ranks a mean among those of other organisations, in quarters. The limit
// between two quarters is the mean of the k organisations on either side of it: who
// moves an own value step by step finds that, and nothing of fewer.
func (k threshold) position(own float64, others []float64) Position {
	between, enough := k.between(len(others))
	if !enough {
		return Position{Unranked: FewOrganisations}
	}
	slices.Sort(others)
	var limits [len(between)]float64
	above := 0
	for i, at := range between {
		sum, others := 0.0, others[at.from:at.to]
		zeros := 0 // which add nothing to hide behind
		for _, value := range others {
			sum += value
			if value == 0 {
				zeros++
			}
		}
		if k.identifies(len(others) - zeros) {
			return Position{Unranked: FewOrganisations}
		}
		limits[i] = sum / float64(len(others))
		if own > limits[i] {
			above++
		}
	}
	if limits[0] == limits[len(limits)-1] {
		return Position{Unranked: AllAlike}
	}
	return Position{Band: bands[above]}
}
