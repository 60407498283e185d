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

// Owner selects the stats to compare: a client's stats of these analyses or of all its
// analyses.
type Owner struct {
	ClientID int64
	ANRs     []uuid.UUID
}

// Comparison has the means of a client beside the public ones. See
// docs/adr/0028-mine-against-all.md for why positions are no finer than a band.
type Comparison struct {
	From, To time.Time // the period
	// RankedFrom is the first day of the stats that the positions are computed from:
	// From or, where figures are suppressed, the first day of the last week.
	RankedFrom time.Time
	Figures    []Compared // in the order of their keys
}

// Compared has a client's own figure of a key beside everybody's.
type Compared struct {
	Key stats.Key
	// Labels are the ones that the client sent; Referential has those of a category's
	// referential.
	Labels, Referential stats.Labels
	Own                 [3]float64  // as the sums of processor.DailySum
	All                 *[3]float64 // nil: suppressed
	Contributors                    // behind All, as Support has them
	Positions           [3]Position // of Own
}

// Position ranks a client's mean among those of the other organisations.
type Position struct {
	Band     Band     // empty: unknown
	Unranked Unranked // why Band is empty
}

// Band is a quarter of the other organisations, ordered by their means.
type Band string

// The bands. The limit between two bands belongs to the lower one.
const (
	Lowest      Band = "lowest"
	LowerMiddle Band = "lower_middle"
	UpperMiddle Band = "upper_middle"
	Highest     Band = "highest"
)

var bands = [...]Band{Lowest, LowerMiddle, UpperMiddle, Highest}

// Unranked is the reason why there is no band.
type Unranked string

// The reasons.
const (
	FewAnalyses      Unranked = "few_analyses"      // too few behind everybody's figure
	FewOrganisations Unranked = "few_organisations" // too few behind it, or in a band
	AllAlike         Unranked = "alike"             // all limits between bands are the same
	NothingRecent    Unranked = "nothing_recent"    // the client sent nothing for it in the last week
	SingleCell       Unranked = "single_cell"       // organisations are not ranked by cells of a map
)

// Compare compares a client's stats with those that filter selects. The type and both
// dates of filter are required; its ANRs and OfClient must be empty. The comparison has
// only keys that the client measured, and none for a muted client.
func (c *Control) Compare(ctx context.Context, filter stats.Filter, whose Owner) (Comparison, error) {
	if c.Active() {
		filter = c.limit(filter)
	}
	ranked := c.rankedPart(filter)
	comparison := Comparison{From: filter.DateFrom, To: filter.DateTo, RankedFrom: ranked.DateFrom}
	own, err := c.OwnSums(ctx, filter, whose)
	if err != nil || len(own) == 0 {
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
	comparison.Figures = c.compare(filter.Type, comparisonInputs{
		own: own, all: processor.Averages(filter.Type, all), supports: supports, others: others, whose: whose.ClientID, since: ranked.DateFrom,
	})
	return comparison, nil
}

// OwnSums returns the daily sums of a client's own stats, weekly ones dated on the Monday
// where figures are suppressed, as DailySums has everybody's.
func (c *Control) OwnSums(ctx context.Context, filter stats.Filter, whose Owner) ([]processor.DailySum, error) {
	if c.Active() {
		filter = c.limit(filter)
	}
	filter.ANRs, filter.OfClient, filter.LocalStatsOnly = whose.ANRs, whose.ClientID, false
	sums, err := c.store.DailySums(ctx, filter)
	if err != nil {
		return nil, fmt.Errorf("read %s figures of a client: %w", filter.Type, err)
	}
	if c.Active() {
		return weeklySums(sums), nil
	}
	return sums, nil
}

// comparisonInputs are the inputs of a comparison.
type comparisonInputs struct {
	own      []processor.DailySum
	all      map[stats.Key]processor.Average
	supports Supports
	others   organisations
	whose    int64
	since    time.Time // first day of the others' stats
}

func (c *Control) compare(t stats.Type, in comparisonInputs) []Compared {
	recent := slices.DeleteFunc(slices.Clone(in.own), func(sum processor.DailySum) bool { return sum.Date.Before(in.since) })
	ranked := processor.Averages(t, addUp(recent, Undivided.Start))
	referentials := map[string]stats.Labels{}
	for _, sum := range in.own {
		if t == stats.Compliance && sum.Key.State == "" && !sum.Labels.Empty() {
			referentials[sum.Key.Object] = sum.Labels
		}
	}
	var figures []Compared
	for key, own := range processor.Averages(t, in.own) {
		one := Compared{Key: key, Labels: own.Labels, Referential: referentials[key.Object], Own: own.Values}
		one.Contributors = in.supports[supportedBy(t, key)].Contributors
		all, shown := in.all[key]
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
				*position = c.threshold.position(latest.Values[i], in.others[key].without(in.whose, i))
			}
		}
		figures = append(figures, one)
	}
	slices.SortFunc(figures, func(a, b Compared) int { return compareKeys(a.Key, b.Key) })
	return figures
}

// supportedBy returns the key whose contributors count for a figure. For a cell these
// are the senders of the map, since senders leave out cells without risks.
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

// organisations has the means of the clients for each key.
type organisations map[stats.Key]clientMeans

type clientMeans []clientMean

type clientMean struct {
	client int64
	values [3]float64
}

// Size returns an estimate of the bytes that the means take.
func (o organisations) Size() (size int64) {
	const ofKey, ofMean = 300, 32 // includes free slots of maps
	for _, of := range o {
		size += ofKey + ofMean*int64(len(of))
	}
	return size
}

// without returns one of the values of all clients except one.
func (m clientMeans) without(client int64, value int) []float64 {
	values := make([]float64, 0, len(m))
	for i := range m {
		if m[i].client != client {
			values = append(values, m[i].values[value])
		}
	}
	return values
}

// rankedPart returns the filter for the stats that positions are computed from. Where
// figures are suppressed, it selects a single week. Otherwise the difference between
// the bands of two periods could identify a few, and each query would have its own
// limits.
func (c *Control) rankedPart(filter stats.Filter) stats.Filter {
	if c.Active() {
		filter.DateFrom = monday(filter.DateTo)
	}
	return filter
}

// organisations reads the means of all clients over the stats that filter selects.
// Where figures are suppressed, filter must select one week, and the result has only
// keys whose figures are shown. For local clients it has only keys that no others have,
// since the difference to all could identify a few.
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
			means[key] = append(means[key], clientMean{client.ClientID, average.Values})
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

// section is a range of the organisations, ordered by their means. It excludes to.
type section struct{ from, to int }

// between returns the organisations whose mean is the limit between two bands, and
// reports whether there are enough organisations for bands.
func (k threshold) between(organisations int) (at [len(bands) - 1]section, enough bool) {
	size := max(int(k), 1)
	// The mean of the organisations in no limit follows from the total and the limits.
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
// between two quarters is the mean of the k organisations on either side of it. A
// client that varies its own value step by step finds that limit, but nothing about
// fewer organisations.
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
		zeros := 0 // they do not help anonymity
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
