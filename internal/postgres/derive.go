package postgres

import (
	"bytes"
	"context"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/stats"
)

// deriveBatch bounds the documents in memory while observations are made.
const deriveBatch = 100

// derive makes observations and content ids of all stats.
func (r *rebuilding) derive(ctx context.Context) error {
	for after := uuid.Nil; ; {
		rows, err := r.queries.StatsToDerive(ctx, db.StatsToDeriveParams{After: after, MaxRows: deriveBatch})
		if err != nil || len(rows) == 0 {
			return err
		}
		if err := r.deriveBatch(ctx, rows); err != nil {
			return err
		}
		r.advance(int64(len(rows)))
		after = rows[len(rows)-1].UUID
	}
}

func (r *rebuilding) deriveBatch(ctx context.Context, rows []db.StatsToDeriveRow) error {
	contents := missingContents(rows)
	packed, err := r.observe(ctx, rows)
	if err != nil {
		return err
	}
	var wrong []derivation
	for i := range rows {
		if !bytes.Equal(rows[i].Observations, packed[i]) || (rows[i].Observations == nil) != (packed[i] == nil) {
			wrong = append(wrong, derivation{&rows[i], packed[i]})
		}
	}
	if len(contents.UUIDs) == 0 && len(wrong) == 0 {
		return nil
	}
	var changed []derivation
	err = r.transact(ctx, func(w *writing) error {
		if err := w.queries.SetContentIDs(ctx, contents); err != nil {
			return err
		}
		changed, err = w.setObservations(ctx, wrong)
		return err
	})
	if err != nil {
		return err
	}
	for _, d := range changed {
		if d.row.Observations == nil {
			r.Completed++
		} else {
			r.Corrected++
		}
	}
	return nil
}

// derivation is a row that should have other observations, nil for none.
type derivation struct {
	row          *db.StatsToDeriveRow
	observations []byte
}

func (d derivation) observed(packed []byte) observedRow {
	return observedRow{Type: d.row.Type, Date: d.row.Date, ClientID: d.row.ClientID, Observations: packed}
}

// setObservations returns those that nobody has changed or deleted meanwhile, and
// which were changed therefore.
func (w *writing) setObservations(ctx context.Context, wrong []derivation) (changed []derivation, err error) {
	if len(wrong) == 0 {
		return nil, nil
	}
	var params db.SetObservationsParams
	for _, d := range wrong {
		params.UUIDs = append(params.UUIDs, d.row.UUID)
		params.Before = append(params.Before, d.row.Observations)
		params.Observations = append(params.Observations, d.observations)
	}
	ids, err := w.queries.SetObservations(ctx, params)
	if err != nil {
		return nil, err
	}
	set := make(map[uuid.UUID]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	var before, after []observedRow
	for _, d := range wrong {
		if set[d.row.UUID] {
			changed = append(changed, d)
			before, after = append(before, d.observed(d.row.Observations)), append(after, d.observed(d.observations))
		}
	}
	if err := w.removed(ctx, before); err != nil {
		return nil, err
	}
	return changed, w.added(ctx, after)
}

// missingContents are the content ids of the rows that have none.
func missingContents(rows []db.StatsToDeriveRow) (params db.SetContentIDsParams) {
	for i := range rows {
		if rows[i].ContentID != nil {
			continue
		}
		contentID, err := stats.ContentID(rows[i].ClientUuid, derivable(&rows[i]))
		if err != nil {
			contentID = rows[i].UUID // what has no canonical form is equal to nothing
		}
		params.UUIDs = append(params.UUIDs, rows[i].UUID)
		params.ContentIDs = append(params.ContentIDs, contentID)
	}
	return params
}

// observe returns the packed observations of each row, nil of one that does not
// validate.
func (r *rebuilding) observe(ctx context.Context, rows []db.StatsToDeriveRow) ([][]byte, error) {
	var items []Item
	var places []int
	for i := range rows {
		stat := derivable(&rows[i])
		observations, err := stats.Observations(stat.Type, stat.Data)
		if err == nil {
			items, places = append(items, Item{Stat: stat, Observations: observations}), append(places, i)
		}
	}
	packed, err := r.packItems(ctx, items)
	if err != nil {
		return nil, err
	}
	all := make([][]byte, len(rows))
	for i, place := range places {
		all[place] = packed[i]
	}
	return all, nil
}

func derivable(row *db.StatsToDeriveRow) stats.Stat {
	return stats.Stat{UUID: row.UUID, ANR: row.ANR, Type: stats.Type(row.Type), Date: row.Date, Data: row.Data}
}
