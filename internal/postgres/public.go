// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/rollup"
	"github.com/monarc-project/stats-service/internal/stats"
)

// Contributions counts the contributors to the figures of a period.
type Contributions struct {
	Stats    int64
	Analyses int64
	Clients  int64
}

// Contributions counts the stats that filter selects, and who sent them. Both dates of
// filter are required, its type is optional, and its ANRs are ignored.
func (s SumStore) Contributions(ctx context.Context, filter stats.Filter) (Contributions, error) {
	params := db.ContributionsParams{
		DateFrom: filter.DateFrom, DateTo: filter.DateTo, LocalOnly: filter.LocalStatsOnly,
	}
	if filter.Type != "" {
		params.Type = (*string)(&filter.Type)
	}
	var row db.ContributionsRow
	err := s.read(ctx, func(source db.DBTX) (err error) {
		row, err = db.New(source).Contributions(ctx, params)
		return err
	})
	if err != nil {
		return Contributions{}, fmt.Errorf("count contributions: %w", translate(ctx, err))
	}
	return Contributions{Stats: row.Stats, Analyses: row.Analyses, Clients: row.Clients}, nil
}

// WeekContributions counts what local clients, or all others, sent of a type in a week.
// An analysis that two clients sent counts twice.
type WeekContributions struct {
	Type   stats.Type
	Monday time.Time
	Local  bool
	Contributions
}

// ContributionsByWeek counts contributions in a range of days, both included, by type,
// week and whether the clients are local, in this order.
func (s SumStore) ContributionsByWeek(ctx context.Context, from, to time.Time) ([]WeekContributions, error) {
	var rows []db.ContributionsByWeekRow
	err := s.read(ctx, func(source db.DBTX) (err error) {
		rows, err = db.New(source).ContributionsByWeek(ctx, db.ContributionsByWeekParams{DateFrom: from, DateTo: to})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count contributions by week: %w", translate(ctx, err))
	}
	weeks := make([]WeekContributions, len(rows))
	for i, row := range rows {
		weeks[i] = WeekContributions{
			Type: stats.Type(row.Type), Monday: row.Monday, Local: row.Local,
			Contributions: Contributions{Stats: row.Stats, Analyses: row.Analyses, Clients: row.Clients},
		}
	}
	return weeks, nil
}

// Totals counts the stats of all time and the clients that sent them, without those of
// muted clients. It leaves the number of analyses at 0.
func (s SumStore) Totals(ctx context.Context) (Contributions, error) {
	var total Contributions
	err := s.read(ctx, func(source db.DBTX) (err error) {
		queries := db.New(source)
		if total.Clients, err = queries.CountContributors(ctx); err != nil {
			return err
		}
		total.Stats, err = queries.CountProcessedStats(ctx)
		return err
	})
	if err != nil {
		return Contributions{}, fmt.Errorf("count stats and contributors: %w", translate(ctx, err))
	}
	return total, nil
}

// ClientSums are the sums of the stats of one client over a whole period; their dates
// are zero.
type ClientSums struct {
	ClientID int64
	Sums     []processor.DailySum
	Analyses map[stats.Key]int // number of analyses with the key; nil if all clients were requested
}

// SumsByClient adds up the stats that filter selects for each of these clients, or for
// each client if clients is nil, ordered by id. The type and both dates of filter are
// required. It reads every document of these clients in the period.
func (s SumStore) SumsByClient(ctx context.Context, filter stats.Filter, clients []int64) ([]ClientSums, error) {
	var sums []ClientSums
	err := s.read(ctx, func(source db.DBTX) (err error) {
		sums, err = s.sumsByClient(ctx, source, filter, clients)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("add up %s stats by client: %w", filter.Type, err)
	}
	return sums, nil
}

func (s *shared) sumsByClient(ctx context.Context, source db.DBTX, filter stats.Filter, clients []int64) ([]ClientSums, error) {
	byClient, tallies := map[int64]*rollup.Accumulator{}, map[int64]*rollup.Tally{}
	err := eachContribution(ctx, source, filter, clients, func(from sender, days []rollup.Day, packed []byte) {
		if byClient[from.client] == nil {
			byClient[from.client], tallies[from.client] = rollup.NewAccumulator(), rollup.NewTally()
		}
		// Leave damaged documents out, like DailySums, which warns of them.
		if err := byClient[from.client].Observe(0, packed, int64(len(days))); err == nil && clients != nil {
			_ = tallies[from.client].Observe(0, from.analysis, packed)
		}
	})
	if err != nil {
		return nil, err
	}
	var result []ClientSums
	for _, client := range slices.Sorted(maps.Keys(byClient)) {
		sums, err := s.sumsOf(ctx, source, filter.Type, byClient[client])
		if err != nil {
			return nil, err
		}
		for i := range sums {
			sums[i].Date = time.Time{}
		}
		analyses, err := s.analysesOf(ctx, source, tallies[client])
		if err != nil {
			return nil, err
		}
		result = append(result, ClientSums{ClientID: client, Sums: sums, Analyses: analyses[0]})
	}
	return result, nil
}

// analysesOf returns the numbers of analyses that measured a key, by part.
func (s *shared) analysesOf(ctx context.Context, source db.DBTX, tally *rollup.Tally) (map[rollup.Day]map[stats.Key]int, error) {
	subjects, err := s.subjectsByID(ctx, source, tally.Subjects())
	if err != nil {
		return nil, err
	}
	return tally.ByKey(subjects), nil
}

// SumsOfClients adds up the stats of these clients that filter selects, for each part of
// the period. start returns the first day of the part that a day belongs to, which is the
// date of the sum; it must be monotonic. analyses has the number of analyses behind each
// sum, by day and key. The type and both dates of filter are required. It reads every
// document of these clients in the period.
func (s SumStore) SumsOfClients(ctx context.Context, filter stats.Filter, clients []int64, start func(time.Time) time.Time) (sums []processor.DailySum, analyses map[rollup.Day]map[stats.Key]int, err error) {
	err = s.read(ctx, func(source db.DBTX) (err error) {
		sums, analyses, err = s.sumsOfClients(ctx, source, filter, clients, start)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("add up %s stats of %d clients: %w", filter.Type, len(clients), err)
	}
	return sums, analyses, nil
}

func (s *shared) sumsOfClients(ctx context.Context, source db.DBTX, filter stats.Filter, clients []int64, start func(time.Time) time.Time) ([]processor.DailySum, map[rollup.Day]map[stats.Key]int, error) {
	added, tally, parts := rollup.NewAccumulator(), rollup.NewTally(), partsOf(start)
	err := eachContribution(ctx, source, filter, clients, func(from sender, days []rollup.Day, packed []byte) {
		for part, n := range parts.count(days) {
			// Leave damaged documents out, like DailySums, which warns of them.
			if err := added.Observe(part, packed, n); err == nil {
				_ = tally.Observe(part, from.analysis, packed)
			}
		}
	})
	if err != nil {
		return nil, nil, err
	}
	sums, err := s.sumsOf(ctx, source, filter.Type, added)
	if err != nil {
		return nil, nil, err
	}
	analyses, err := s.analysesOf(ctx, source, tally)
	return sums, analyses, err
}

// parts maps days to the first day of their part of a period.
type parts struct {
	start func(time.Time) time.Time
	known map[rollup.Day]rollup.Day
}

func partsOf(start func(time.Time) time.Time) parts { return parts{start, map[rollup.Day]rollup.Day{}} }

// count returns the number of days in each part.
func (p parts) count(days []rollup.Day) map[rollup.Day]int64 {
	counts := map[rollup.Day]int64{}
	for _, day := range days {
		part, known := p.known[day]
		if !known {
			part = rollup.DayOf(p.start(day.Date()))
			p.known[day] = part
		}
		counts[part]++
	}
	return counts
}

// sender is a client and the analysis that it sent stats of.
type sender struct {
	client   int64
	local    bool
	analysis uuid.UUID
}

// eachContribution calls fn with the documents that filter selects of these clients, or
// of all if clients is nil: each document once, with its days in any order. The arguments
// are only valid during the call.
func eachContribution(ctx context.Context, source db.DBTX, filter stats.Filter, clients []int64, fn func(from sender, days []rollup.Day, packed []byte)) error {
	rows, err := source.Query(ctx, db.ObservationsByClient,
		string(filter.Type), filter.DateFrom, filter.DateTo, filter.LocalStatsOnly, clients)
	if err != nil {
		return translate(ctx, err)
	}
	var from sender
	err = eachDocument(rows, []any{&from.client, &from.local, &from.analysis}, func(days []rollup.Day, packed []byte) { fn(from, days, packed) })
	return translate(ctx, err)
}

// SharesOfAnalyses returns the contribution of each analysis to the figures that filter
// selects, by key. start returns the first day of the part of the period that a day
// belongs to. The type and both dates of filter are required, its ANRs are ignored. It
// reads every document of the period.
func (s SumStore) SharesOfAnalyses(ctx context.Context, filter stats.Filter, start func(time.Time) time.Time) (map[stats.Key]rollup.Shares, error) {
	var shares map[stats.Key]rollup.Shares
	err := s.read(ctx, func(source db.DBTX) error {
		rows, err := source.Query(ctx, db.ObservationsByAnalysis,
			string(filter.Type), filter.DateFrom, filter.DateTo, filter.LocalStatsOnly)
		if err != nil {
			return translate(ctx, err)
		}
		breakdown := rollup.NewBreakdown(func(day rollup.Day) rollup.Day { return rollup.DayOf(start(day.Date())) })
		var analysis uuid.UUID
		var client int64
		err = eachDocument(rows, []any{&analysis, &client}, func(days []rollup.Day, packed []byte) {
			// Leave damaged documents out, like DailySums, which warns of them.
			_ = breakdown.Observe(analysis, client, days, packed)
		})
		if err != nil {
			return translate(ctx, err)
		}
		subjects, err := s.subjectsByID(ctx, source, breakdown.Subjects())
		if err != nil {
			return err
		}
		shares = breakdown.ByKey(subjects)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("break %s stats down by analysis: %w", filter.Type, err)
	}
	return shares, nil
}

// NewestCountedDay returns the day of the newest stats up to a day, or the zero time if
// there are none.
func (s SumStore) NewestCountedDay(ctx context.Context, until time.Time, localOnly bool) (newest time.Time, err error) {
	err = s.read(ctx, func(source db.DBTX) (err error) {
		newest, err = db.New(source).NewestCountedDay(ctx, db.NewestCountedDayParams{Until: until, LocalOnly: localOnly})
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("find the newest stats: %w", translate(ctx, err))
	}
	return newest, nil
}

// LocatedClient is an active client with known coordinates, in degrees, that is not
// muted.
type LocatedClient struct {
	ID                  int64
	Latitude, Longitude float64
}

// LocatedClients returns the active clients that have coordinates, or only the local
// ones, ordered by id.
func (s SumStore) LocatedClients(ctx context.Context, localOnly bool) ([]LocatedClient, error) {
	var rows []db.LocatedClientsRow
	err := s.read(ctx, func(source db.DBTX) (err error) {
		rows, err = db.New(source).LocatedClients(ctx, localOnly)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the clients with coordinates: %w", translate(ctx, err))
	}
	clients := make([]LocatedClient, len(rows))
	for i, row := range rows {
		clients[i] = LocatedClient{ID: row.ID, Latitude: row.Latitude, Longitude: row.Longitude}
	}
	return clients, nil
}
