// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"bytes"
	"context"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/rollup"
	"github.com/monarc-project/stats-service/internal/stats"
)

// deriveBatch bounds the documents in memory.
const deriveBatch = 100

// derive computes the observations of all documents.
func (r *rebuilding) derive(ctx context.Context) error {
	for page := (db.DocumentsToDeriveParams{MaxRows: deriveBatch}); ; {
		rows, err := r.queries.DocumentsToDerive(ctx, page)
		if err != nil || len(rows) == 0 {
			return err
		}
		if err := r.deriveBatch(ctx, rows); err != nil {
			return err
		}
		r.advance(int64(len(rows)))
		last := rows[len(rows)-1]
		page.AfterAnr, page.AfterDigest = last.ANR, last.Digest
	}
}

// derivation is a document whose stored observations are wrong, and the right ones, nil
// for none.
type derivation struct {
	row          *db.DocumentsToDeriveRow
	observations []byte
}

func (r *rebuilding) deriveBatch(ctx context.Context, rows []db.DocumentsToDeriveRow) error {
	packed, err := r.observe(ctx, rows)
	if err != nil {
		return err
	}
	wrong := map[stats.DocumentKey]derivation{}
	for i := range rows {
		if !bytes.Equal(rows[i].Observations, packed[i]) || (rows[i].Observations == nil) != (packed[i] == nil) {
			wrong[keyOf(rows[i].ANR, rows[i].Digest)] = derivation{&rows[i], packed[i]}
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	// Lock out writers: they count the old observations of these documents.
	var corrected []derivation
	err = r.transactLocked(ctx, db.LockExclusive, nil, func(w *writing) (err error) {
		corrected, err = w.setObservations(ctx, wrong)
		return err
	})
	for _, d := range corrected {
		if d.row.Observations == nil {
			r.Completed++
		} else {
			r.Corrected++
		}
	}
	return err
}

// observe returns the packed observations of each document, nil for one that does not
// validate.
func (r *rebuilding) observe(ctx context.Context, rows []db.DocumentsToDeriveRow) ([][]byte, error) {
	var contents []*content
	places := map[*content]int{}
	for i := range rows {
		item := stats.Item{ANR: rows[i].ANR, Type: stats.Type(rows[i].Type), Data: rows[i].Data}
		if item.Read() == nil {
			c := &content{key: keyOf(rows[i].ANR, rows[i].Digest), item: &item}
			contents, places[c] = append(contents, c), i
		}
	}
	if err := r.packContents(ctx, contents); err != nil {
		return nil, err
	}
	packed := make([][]byte, len(rows))
	for _, c := range contents {
		packed[places[c]] = c.packed
	}
	return packed, nil
}

// setObservations corrects documents and the rollups of their stats. It skips documents
// that were changed or deleted meanwhile, and returns the corrected ones.
func (w *writing) setObservations(ctx context.Context, wrong map[stats.DocumentKey]derivation) (corrected []derivation, err error) {
	var p db.SetObservationsParams
	for key, d := range wrong {
		p.ANRs, p.Digests = append(p.ANRs, key.ANR), append(p.Digests, uuid.UUID(key.Digest))
		p.Before, p.Observations = append(p.Before, d.row.Observations), append(p.Observations, d.observations)
	}
	set, err := w.queries.SetObservations(ctx, p)
	if err != nil {
		return nil, err
	}
	var of db.StatsOfDocumentsParams
	for _, row := range set {
		d := wrong[keyOf(row.ANR, row.Digest)]
		corrected = append(corrected, d)
		of.ANRs, of.Digests, of.Types = append(of.ANRs, row.ANR), append(of.Digests, row.Digest), append(of.Types, d.row.Type)
	}
	found, err := w.queries.StatsOfDocuments(ctx, of)
	if err != nil {
		return nil, err
	}
	clients := make([]int64, len(found))
	for i := range found {
		clients[i] = found[i].ClientID
	}
	if err := w.findClients(ctx, clients); err != nil {
		return nil, err
	}
	for _, row := range found {
		d, t, day := wrong[keyOf(row.ANR, row.Digest)], stats.Type(row.Type), rollup.DayOf(row.Date)
		w.count(row.ClientID, t, day, d.row.Observations, -1)
		w.count(row.ClientID, t, day, d.observations, 1)
	}
	return corrected, nil
}
