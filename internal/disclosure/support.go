// SPDX-License-Identifier: AGPL-3.0-or-later

package disclosure

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/monarc-project/stats-service/internal/cache"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/rollup"
	"github.com/monarc-project/stats-service/internal/stats"
)

// Contributors counts distinct analyses and clients.
type Contributors = rollup.Contributors

// Quartiles are the quartiles of the values of analyses, interpolated as spreadsheets
// do (QUARTILE.INC).
type Quartiles struct{ Low, Median, High float64 }

// Support describes the contributors behind the figures of a key in a period.
type Support struct {
	Contributors
	Parts map[time.Time]Contributors // by first day
	// Spread has the quartiles of the means of the analyses, for each value of the
	// type. It is nil where figures are suppressed, since a quartile can be the value
	// of one analysis.
	Spread *[3]Quartiles
}

// Supports maps keys to their support. The key of risks of all kinds together has no
// kind.
type Supports map[stats.Key]Support

// Size returns an estimate of the bytes that the supports take.
func (s Supports) Size() (size int64) {
	const ofKey, ofPart = 400, 80 // includes free slots of maps
	for _, one := range s {
		size += ofKey + ofPart*int64(len(one.Parts))
	}
	return size
}

// Parts divides a period.
type Parts struct {
	Name  string                    // unique
	Start func(time.Time) time.Time // the first day of the part that a day belongs to
}

// Undivided has the whole period as its only part.
var Undivided = Parts{"undivided", func(time.Time) time.Time { return time.Time{} }}

// Support returns the contributors behind the figures that filter selects. The type and
// both dates of filter are required; its ANRs must be empty. It reads all stats of the
// period, so the result is cached.
//
// Where figures are suppressed, only weeks that may be shown count, and the numbers are
// those of the week with the most, as in Contributions.
func (c *Control) Support(ctx context.Context, filter stats.Filter, parts Parts) (Supports, error) {
	if c.Active() {
		filter = c.limit(filter)
	}
	key := cache.KeyOf("support", string(filter.Type), filter.DateFrom.Format(time.DateOnly), filter.DateTo.Format(time.DateOnly),
		strconv.FormatBool(filter.LocalStatsOnly), parts.Name, strconv.Itoa(c.MinClients()))
	return cache.Get(ctx, c.cache, key, Topics(filter.Type), func(ctx context.Context) (Supports, error) {
		supports, err := c.support(ctx, filter, parts)
		if err != nil {
			return nil, fmt.Errorf("read the contributors behind %s figures: %w", filter.Type, err)
		}
		return supports, nil
	})
}

func (c *Control) support(ctx context.Context, filter stats.Filter, parts Parts) (Supports, error) {
	if c.Active() {
		return c.disclosedSupport(ctx, filter, parts)
	}
	shares, err := c.store.SharesOfAnalyses(ctx, filter, parts.Start)
	if err != nil {
		return nil, err
	}
	if filter.Type == stats.Risk {
		addAllKinds(shares)
	}
	supports := make(Supports, len(shares))
	for key, share := range shares {
		one := Support{Contributors: share.Contributors, Parts: make(map[time.Time]Contributors, len(share.Parts)), Spread: spreadOf(share.Means)}
		for day, counted := range share.Parts {
			one.Parts[day.Date()] = counted
		}
		supports[key] = one
	}
	return supports, nil
}

func (c *Control) disclosedSupport(ctx context.Context, filter stats.Filter, parts Parts) (Supports, error) {
	shares, err := c.store.SharesOfAnalyses(ctx, filter, monday)
	if err != nil {
		return nil, err
	}
	visible, err := c.disclosed(ctx, filter)
	if err != nil {
		return nil, err
	}
	zeros, err := c.publishedZeros(ctx, filter)
	if err != nil {
		return nil, err
	}
	supports := Supports{}
	for key, share := range shares {
		one := Support{Parts: map[time.Time]Contributors{}}
		for day, counted := range share.Parts {
			in := visible[key][day.Date()]
			shown := in.all && (in.local || !filter.LocalStatsOnly)
			if !shown && !zeros[postgres.Figure{Start: day.Date(), Key: key}] {
				continue
			}
			part := parts.Start(day.Date())
			one.Parts[part] = most(one.Parts[part], counted)
			one.Contributors = most(one.Contributors, counted)
		}
		if one.Analyses > 0 {
			supports[key] = one
			if filter.Type == stats.Risk {
				key.Kind = ""
				supports[key] = Support{Contributors: most(supports[key].Contributors, one.Contributors)}
			}
		}
	}
	return supports, nil
}

// publishedZeros returns the figures of risks that are shown as 0. Nobody is behind them in
// the decisions on what may be shown, but analyses have sent them.
func (c *Control) publishedZeros(ctx context.Context, filter stats.Filter) (map[postgres.Figure]bool, error) {
	if filter.Type != stats.Risk && filter.Type != stats.Cartography {
		return nil, nil
	}
	sums, err := c.DailySums(ctx, filter)
	if err != nil {
		return nil, err
	}
	zeros := map[postgres.Figure]bool{}
	for _, sum := range sums {
		if sum.Sums[0].IsZero() {
			zeros[postgres.Figure{Start: sum.Date, Key: sum.Key}] = true
		}
	}
	return zeros, nil
}

func most(a, b Contributors) Contributors {
	return Contributors{Analyses: max(a.Analyses, b.Analyses), Clients: max(a.Clients, b.Clients)}
}

// addAllKinds adds a key for the risks of both kinds together, analysis by analysis.
func addAllKinds(shares map[stats.Key]rollup.Shares) {
	for _, state := range stats.States() {
		for _, level := range stats.Levels() {
			total := map[int]rollup.AnalysisMean{}
			var together rollup.Shares
			for _, kind := range stats.Kinds() {
				share := shares[stats.Key{State: state, Kind: kind, Level: level}]
				together.Contributors = most(together.Contributors, share.Contributors)
				for _, mean := range share.Means {
					mean.Values[0] += total[mean.Analysis].Values[0]
					total[mean.Analysis] = mean
				}
			}
			for _, mean := range total {
				together.Means = append(together.Means, mean)
			}
			if len(together.Means) > 0 {
				shares[stats.Key{State: state, Level: level}] = together
			}
		}
	}
}

func spreadOf(means []rollup.AnalysisMean) *[3]Quartiles {
	if len(means) == 0 {
		return nil
	}
	var spread [3]Quartiles
	values := make([]float64, len(means))
	for i := range spread {
		for n := range means {
			values[n] = means[n].Values[i]
		}
		slices.Sort(values)
		spread[i] = Quartiles{quantile(values, 0.25), quantile(values, 0.5), quantile(values, 0.75)}
	}
	return &spread
}

// quantile returns the quantile at share, 0 to 1, of sorted values, with linear
// interpolation.
func quantile(sorted []float64, share float64) float64 {
	below, rest := math.Modf(share * float64(len(sorted)-1))
	i := int(below)
	if rest == 0 {
		return sorted[i]
	}
	return sorted[i] + rest*(sorted[i+1]-sorted[i])
}

// MeansOfAnalyses returns the means of a key for each analysis in a period, in an order
// that does not identify the analyses. It returns nil where figures are suppressed.
func (c *Control) MeansOfAnalyses(ctx context.Context, filter stats.Filter, key stats.Key) ([][3]float64, error) {
	if c.Active() {
		return nil, nil
	}
	shares, err := c.store.SharesOfAnalyses(ctx, filter, Undivided.Start)
	if err != nil {
		return nil, fmt.Errorf("read the %s figures of each analysis: %w", filter.Type, err)
	}
	means := make([][3]float64, len(shares[key].Means))
	for i, mean := range shares[key].Means {
		means[i] = mean.Values
	}
	slices.SortFunc(means, func(a, b [3]float64) int { return slices.Compare(a[:], b[:]) })
	return means, nil
}

// Freshness describes how recent the public figures are today.
type Freshness struct {
	// Newest is the day of the newest stats or, where figures are suppressed, the last
	// day of the newest week that is shown. It is zero if there are none.
	Newest time.Time
	// Recent counts the clients that sent stats in the last seven days or, where
	// figures are suppressed, in the last complete week. Clients counts those of the
	// last year.
	Recent, Clients int64
}

// clientLifetime is how many days a client counts after its last stats.
const clientLifetime = 365

// Freshness returns the freshness for all clients or for the local ones.
func (c *Control) Freshness(ctx context.Context, localOnly bool) (f Freshness, err error) {
	today := c.Today()
	since := today.AddDate(0, 0, -6)
	if c.Active() {
		today = c.lastDay()
		since = monday(today)
	}
	week := stats.Filter{DateFrom: since, DateTo: today, LocalStatsOnly: localOnly}
	year := week
	year.DateFrom = today.AddDate(0, 0, -clientLifetime)
	recent, err := c.Contributions(ctx, week)
	if err != nil {
		return f, err
	}
	all, err := c.Contributions(ctx, year)
	if err != nil {
		return f, err
	}
	f = Freshness{Recent: recent.Clients, Clients: all.Clients}
	if c.Active() {
		if recent.Clients > 0 {
			f.Newest = today
		}
		return f, nil
	}
	f.Newest, err = c.store.NewestCountedDay(ctx, today, localOnly)
	return f, err
}
