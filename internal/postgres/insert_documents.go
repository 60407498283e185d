// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/monarc-project/stats-service/gen/db"
)

// chunkBytes and chunkRows bound the data that is sent to the server at once, and so the
// memory that the driver and the server need besides the batch itself.
const (
	chunkBytes = 1 << 20
	chunkRows  = 2_000
)

// outbox queues statements and sends them together, about chunkBytes at once.
type outbox struct {
	w     *writing
	batch pgx.Batch
}

func (o *outbox) flush(ctx context.Context) error {
	batch := o.batch
	o.batch = pgx.Batch{}
	return o.w.send(ctx, &batch)
}

// queueDocuments queues the documents of rows that are not stored, and the fingerprints
// of the others. It sends all full chunks.
func (o *outbox) queueDocuments(ctx context.Context, rows []newRow) error {
	var fresh, reworded []*content
	for _, c := range contentsOf(rows) {
		switch {
		case !c.stored:
			fresh = append(fresh, c)
		case c.reworded:
			reworded = append(reworded, c)
			c.reworded = false
		}
	}
	for len(fresh) > 0 {
		n := chunkLen(fresh)
		o.queueInsert(fresh[:n])
		if fresh = fresh[n:]; len(fresh) > 0 {
			if err := o.flush(ctx); err != nil {
				return err
			}
		}
	}
	if len(reworded) > 0 {
		p := documentColumns(reworded)
		o.batch.Queue(db.SetFingerprints, p.ANRs, p.Digests, p.Fingerprints)
	}
	return nil
}

func (o *outbox) queueInsert(contents []*content) {
	p := documentColumns(contents)
	query := o.batch.Queue(db.InsertDocuments, p.ANRs, p.Digests, p.Fingerprints, p.Types, p.Observations, documents(p.Data))
	query.Exec(func(inserted pgconn.CommandTag) error {
		if inserted.RowsAffected() < int64(len(contents)) {
			return errRaced // another release may have stored other observations
		}
		return nil
	})
	for _, c := range contents {
		c.stored, c.fresh, c.observations = true, true, c.packed
	}
}

func documentColumns(contents []*content) (p db.InsertDocumentsParams) {
	for _, c := range contents {
		p.ANRs, p.Digests = append(p.ANRs, c.key.ANR), append(p.Digests, uuid.UUID(c.key.Digest))
		p.Fingerprints, p.Types = append(p.Fingerprints, uuid.UUID(c.item.Fingerprint)), append(p.Types, string(c.item.Type))
		p.Data, p.Observations = append(p.Data, c.item.Data), append(p.Observations, c.packed)
	}
	return p
}

// contentsOf returns the contents of rows in the order of their keys, once each.
func contentsOf(rows []newRow) []*content {
	contents := make([]*content, len(rows))
	for i := range rows {
		contents[i] = rows[i].content
	}
	slices.SortFunc(contents, func(a, b *content) int { return compareKeys(a.key, b.key) })
	return slices.Compact(contents)
}

// chunkLen returns the number of contents for one statement, at least one.
func chunkLen(contents []*content) int {
	size := 0
	for i, c := range contents {
		size += len(c.item.Data) + len(c.packed)
		if i > 0 && (size > chunkBytes || i == chunkRows) {
			return i
		}
	}
	return len(contents)
}
