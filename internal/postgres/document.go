// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/stats"
)

// genericPlans makes the statements of a transaction use generic plans, made once for
// each connection. They insert rows or look them up by key, so a custom plan is no
// better, but takes as long as the statement. A generic plan may be older than the rows:
// sequential scans are off, so that it never reads a table that was small once. Citus
// cannot make generic plans.
const genericPlans = `SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),
	set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)`

// queueGenericPlans must come before the statements that it applies to.
func queueGenericPlans(batch *pgx.Batch, distributed bool) {
	if !distributed {
		batch.Queue(genericPlans)
	}
}

// KnownDocuments returns the digests of the documents that are stored with exactly
// these bytes and are valid. It implements stats.Known.
func (s StatStore) KnownDocuments(ctx context.Context, sent []stats.SentDocument) (map[stats.SentDocument]stats.Digest, error) {
	known := make(map[stats.SentDocument]stats.Digest, len(sent))
	if len(sent) == 0 {
		return known, nil
	}
	anrs, fingerprints := make([]uuid.UUID, len(sent)), make([]uuid.UUID, len(sent))
	for i := range sent {
		anrs[i], fingerprints[i] = sent[i].ANR, uuid.UUID(sent[i].Fingerprint)
	}
	err := s.batchOnce(ctx, func(batch *pgx.Batch) {
		batch.Queue(db.KnownDocuments, anrs, fingerprints).Query(func(rows pgx.Rows) error {
			var anr, fingerprint, digest uuid.UUID
			_, err := pgx.ForEachRow(rows, []any{&anr, &fingerprint, &digest}, func() error {
				known[stats.SentDocument{ANR: anr, Fingerprint: stats.Fingerprint(fingerprint)}] = stats.Digest(digest)
				return nil
			})
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("look for %d documents: %w", len(sent), translate(ctx, err))
	}
	return known, nil
}

// batchOnce runs the statements that queue queues. They look rows up by key. Errors are
// those of the driver.
func (s *shared) batchOnce(ctx context.Context, queue func(*pgx.Batch)) error {
	distributed, err := s.distributed(ctx)
	if err != nil {
		return err
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	var batch pgx.Batch
	queueGenericPlans(&batch, distributed) // until the end of the batch, which is one transaction
	queue(&batch)
	return conn.SendBatch(ctx, inForm(&batch, distributed)).Close()
}

// storedDocument is a row of document without its data.
type storedDocument struct {
	fingerprint  stats.Fingerprint
	observations []byte // nil: left out of results
}

// queueStored queues a lookup of documents that calls found for each one that exists.
func queueStored(batch *pgx.Batch, keys []stats.DocumentKey, found func(stats.DocumentKey, storedDocument)) {
	anrs, digests := keyColumns(keys)
	batch.Queue(db.StoredDocuments, anrs, digests).Query(func(rows pgx.Rows) error {
		var anr, digest, fingerprint uuid.UUID
		var observations []byte
		_, err := pgx.ForEachRow(rows, []any{&anr, &digest, &fingerprint, &observations}, func() error {
			found(keyOf(anr, digest), storedDocument{stats.Fingerprint(fingerprint), observations})
			return nil
		})
		return err
	})
}

// releaseLock, together with an analysis, is held while stats of the analysis and then
// documents are deleted.
var releaseLock = lockKey("which documents nothing refers to")

// queueUnreferenced queues the deletion of documents, given in order, that no stat
// refers to. If several transactions delete the last stats of a document at once, the
// last one finds it unreferenced. A transaction that adds a reference at this moment
// makes this one fail, and it is run again.
func queueUnreferenced(batch *pgx.Batch, keys []stats.DocumentKey) {
	anrs, digests := keyColumns(keys)
	var locks []int64
	for _, anr := range slices.Compact(slices.Clone(anrs)) {
		locks = append(locks, int64(binary.BigEndian.Uint64(anr[:8]))^releaseLock)
	}
	slices.Sort(locks)
	batch.Queue(db.LockAll, locks)
	batch.Queue(db.DeleteUnreferenced, anrs, digests)
}

func keyOf(anr, digest uuid.UUID) stats.DocumentKey {
	return stats.DocumentKey{ANR: anr, Digest: stats.Digest(digest)}
}

func compareKeys(a, b stats.DocumentKey) int {
	return cmp.Or(bytes.Compare(a.ANR[:], b.ANR[:]), bytes.Compare(a.Digest[:], b.Digest[:]))
}

// sortedKeys returns keys in the order in which all transactions change documents, so
// that they wait for each other instead of deadlocking.
func sortedKeys(keys iter.Seq[stats.DocumentKey]) []stats.DocumentKey {
	return slices.SortedFunc(keys, compareKeys)
}

func keyColumns(keys []stats.DocumentKey) (anrs, digests []uuid.UUID) {
	anrs, digests = make([]uuid.UUID, len(keys)), make([]uuid.UUID, len(keys))
	for i := range keys {
		anrs[i], digests[i] = keys[i].ANR, uuid.UUID(keys[i].Digest)
	}
	return anrs, digests
}
