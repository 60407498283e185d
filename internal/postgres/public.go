package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// What the public pages ask about who stands behind a figure.

// Contributions tell what stands behind the figures of a period.
type Contributions struct {
	Stats    int64
	Analyses int64
	Clients  int64
}

// Contributions counts what filter asks for. Both of its dates are required,
// its type is not, and its ANRs are not looked at.
func (s *Store) Contributions(ctx context.Context, filter stats.Filter) (Contributions, error) {
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

// Totals counts the stats of all times and the clients that have any. Its
// number of analyses is not filled in.
func (s *Store) Totals(ctx context.Context) (Contributions, error) {
	var total Contributions
	err := s.read(ctx, func(source db.DBTX) (err error) {
		queries := db.New(source)
		if total.Clients, err = queries.CountContributors(ctx); err != nil {
			return err
		}
		total.Stats, err = queries.CountStats(ctx)
		return err
	})
	if err != nil {
		return Contributions{}, fmt.Errorf("count stats and contributors: %w", translate(ctx, err))
	}
	return total, nil
}

// ClientSums are the sums of the stats of one client over a whole period; their
// dates are zero.
type ClientSums struct {
	ClientID int64
	Sums     []processor.DailySum
}

// SumsByClient adds up what filter asks for, client by client in the order of
// their ids, of these clients alone. The type and both dates of filter are
// required. It reads every stats of theirs in the period.
func (s *Store) SumsByClient(ctx context.Context, filter stats.Filter, clients []int64) ([]ClientSums, error) {
	if len(clients) == 0 {
		return nil, nil
	}
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

func (s *Store) sumsByClient(ctx context.Context, source db.DBTX, filter stats.Filter, clients []int64) ([]ClientSums, error) {
	folds := map[int64]*fold{}
	err := eachObservation(ctx, source, filter, clients, func(client int64, _ time.Time, packed []byte) {
		if folds[client] == nil {
			folds[client] = newFold()
		}
		// What is damaged is left out here as in DailySums, which warns.
		_ = folds[client].add(time.Time{}, observed, packed)
	})
	if err != nil {
		return nil, err
	}
	var result []ClientSums
	for _, client := range slices.Sorted(maps.Keys(folds)) {
		f := folds[client]
		f.endDay()
		variants, err := s.subjectsByID(ctx, source, f.subjects)
		if err != nil {
			return nil, err
		}
		result = append(result, ClientSums{ClientID: client, Sums: f.dailySums(variants)})
	}
	return result, nil
}

// Figure names what was measured of a key in a part of a period.
type Figure struct {
	Start time.Time // as the period function of ClientsBehind gave it
	Key   processor.Key
}

// ClientsBehind counts the clients whose stats measured each figure, up to
// enough of them. The function start gives the part of the period that a day
// belongs to; the type and both dates of filter are required. It reads every
// stats of the period.
func (s *Store) ClientsBehind(ctx context.Context, filter stats.Filter, enough int, start func(time.Time) time.Time) (map[Figure]int, error) {
	var counts map[Figure]int
	err := s.read(ctx, func(source db.DBTX) (err error) {
		counts, err = s.clientsBehind(ctx, source, filter, newContributors(enough, start))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count the clients behind %s stats: %w", filter.Type, err)
	}
	return counts, nil
}

func (s *Store) clientsBehind(ctx context.Context, source db.DBTX, filter stats.Filter, c *contributors) (map[Figure]int, error) {
	var buffer []measure
	err := eachObservation(ctx, source, filter, nil, func(client int64, date time.Time, packed []byte) {
		measures, err := unpack(observed, packed, buffer[:0])
		if err != nil {
			return // left out, as in DailySums
		}
		buffer = measures
		c.add(client, date, measures)
	})
	if err != nil {
		return nil, err
	}
	variants, err := s.subjectsByID(ctx, source, c.subjects)
	if err != nil {
		return nil, err
	}
	return c.counts(variants), nil
}

// eachObservation calls fn for the packed observations that filter asks for, of
// these clients or, when they are nil, of all, in any order. The bytes are only
// valid during the call.
func eachObservation(ctx context.Context, source db.DBTX, filter stats.Filter, clients []int64, fn func(client int64, date time.Time, packed []byte)) error {
	p := db.ObservationsByClientParams{
		Type: string(filter.Type), DateFrom: filter.DateFrom, DateTo: filter.DateTo, Clients: clients, LocalOnly: filter.LocalStatsOnly,
	}
	rows, err := source.Query(ctx, db.ObservationsByClient, p.Type, p.DateFrom, p.DateTo, p.Clients, p.LocalOnly)
	if err != nil {
		return translate(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		var client int64
		var date time.Time
		var packed pgtype.DriverBytes
		if err := rows.Scan(&client, &date, &packed); err != nil {
			return translate(ctx, err)
		}
		fn(client, date, packed)
	}
	return translate(ctx, rows.Err())
}

// LocatedClient is an active client whose coordinates, in degrees, are known.
type LocatedClient struct {
	ID                  int64
	Latitude, Longitude float64
}

// LocatedClients lists the active clients that have coordinates, or only the
// local ones of them, in the order of their ids.
func (s *Store) LocatedClients(ctx context.Context, localOnly bool) ([]LocatedClient, error) {
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
