package postgres

import (
	"context"
	"fmt"
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
// their ids. The type and both dates of filter are required.
func (s *Store) SumsByClient(ctx context.Context, filter stats.Filter) ([]ClientSums, error) {
	var sums []ClientSums
	err := s.read(ctx, func(source db.DBTX) (err error) {
		sums, err = s.sumsByClient(ctx, source, filter)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("add up %s stats by client: %w", filter.Type, err)
	}
	return sums, nil
}

func (s *Store) sumsByClient(ctx context.Context, source db.DBTX, filter stats.Filter) ([]ClientSums, error) {
	var clients []int64
	var folds []*fold
	err := eachObservation(ctx, source, filter, func(client int64, _ time.Time, packed []byte) {
		if n := len(clients); n == 0 || clients[n-1] != client {
			clients, folds = append(clients, client), append(folds, newFold())
		}
		// What is damaged is left out here as in DailySums, which warns.
		_ = folds[len(folds)-1].add(time.Time{}, observed, packed)
	})
	if err != nil {
		return nil, err
	}
	result := make([]ClientSums, len(clients))
	for i, f := range folds {
		f.endDay()
		variants, err := s.subjectsByID(ctx, source, f.subjects)
		if err != nil {
			return nil, err
		}
		result[i] = ClientSums{ClientID: clients[i], Sums: f.dailySums(variants)}
	}
	return result, nil
}

// Figure names what was measured of a key in a part of a period.
type Figure struct {
	Start time.Time // as the period function of ClientsBehind gave it
	Key   processor.Key
}

// ClientsBehind counts the clients whose stats measured each figure. The
// function start gives the part of the period that a day belongs to; the type
// and both dates of filter are required.
func (s *Store) ClientsBehind(ctx context.Context, filter stats.Filter, start func(time.Time) time.Time) (map[Figure]int, error) {
	var counts map[Figure]int
	err := s.read(ctx, func(source db.DBTX) (err error) {
		counts, err = s.clientsBehind(ctx, source, filter, start)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count the clients behind %s stats: %w", filter.Type, err)
	}
	return counts, nil
}

func (s *Store) clientsBehind(ctx context.Context, source db.DBTX, filter stats.Filter, start func(time.Time) time.Time) (map[Figure]int, error) {
	behind := make(map[mark][]int64)
	var buffer []measure
	err := eachObservation(ctx, source, filter, func(client int64, date time.Time, packed []byte) {
		measures, err := unpack(observed, packed, buffer[:0])
		if err != nil {
			return // left out, as in DailySums
		}
		buffer = measures
		part := start(date)
		for i := range measures {
			at := mark{part, measures[i].subject}
			// Rows come by client, so that the last one tells whether it is known.
			if known := behind[at]; len(known) == 0 || known[len(known)-1] != client {
				behind[at] = append(known, client)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return s.countByKey(ctx, source, behind)
}

// mark is a Figure whose key is still the id of a subject.
type mark struct {
	start   time.Time
	subject int64
}

// countByKey counts each client once where several subjects have one key.
func (s *Store) countByKey(ctx context.Context, source db.DBTX, behind map[mark][]int64) (map[Figure]int, error) {
	var subjects []int64
	for at := range behind {
		subjects = append(subjects, at.subject)
	}
	slices.Sort(subjects)
	variants, err := s.subjectsByID(ctx, source, slices.Compact(subjects))
	if err != nil {
		return nil, err
	}
	clients := make(map[Figure][]int64, len(behind))
	for at, ids := range behind {
		if v, ok := variants[at.subject]; ok {
			figure := Figure{at.start, v.Key}
			clients[figure] = append(clients[figure], ids...)
		}
	}
	counts := make(map[Figure]int, len(clients))
	for figure, ids := range clients {
		slices.Sort(ids)
		counts[figure] = len(slices.Compact(ids))
	}
	return counts, nil
}

// eachObservation calls fn for the packed observations that filter asks for, by
// client and then by date. The bytes are only valid during the call.
func eachObservation(ctx context.Context, source db.DBTX, filter stats.Filter, fn func(client int64, date time.Time, packed []byte)) error {
	rows, err := source.Query(ctx, db.ObservationsByClient,
		string(filter.Type), filter.DateFrom, filter.DateTo, filter.LocalStatsOnly)
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
