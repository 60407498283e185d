// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/internal/secret"
	"github.com/monarc-project/stats-service/internal/stats"
)

// oldRow is a row of the old table stats without its data.
type oldRow struct {
	id   uuid.UUID
	anr  uuid.UUID
	hash uuid.UUID // of type and data; equal for rows of an analysis with the same content
	kind stats.Type
	size int // of data, as it is stored
}

// contentKey identifies a content of the old table.
type contentKey struct{ anr, hash uuid.UUID }

func (r oldRow) key() contentKey { return contentKey{r.anr, r.hash} }

const oldRowsStatement = `
SELECT uuid, anr, md5(type || E'\n' || data::text)::uuid, type, pg_column_size(data)
FROM OLD.stats
WHERE $1::uuid IS NULL OR uuid > $1
ORDER BY uuid
LIMIT $2`

// oldRows returns the page after a UUID, the first page for nil.
func (a *adoption) oldRows(ctx context.Context, after *uuid.UUID) ([]oldRow, error) {
	rows, err := a.conn.Query(ctx, a.sql(oldRowsStatement), after, a.page)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r oldRow, err error) {
		err = row.Scan(&r.id, &r.anr, &r.hash, &r.kind, &r.size)
		return r, err
	})
}

// oldContent is a content that was read.
type oldContent struct {
	oldRow
	item   stats.Item
	digest stats.Digest
	reason *string // why it is left out of results, or nil
	packed []byte
}

// readContents reads the contents of rows in chunks, and calls each with every chunk.
func (a *adoption) readContents(ctx context.Context, rows []oldRow, each func([]*oldContent) error) error {
	for len(rows) > 0 {
		n, size := 0, 0
		for n < len(rows) && (n == 0 || size+rows[n].size <= oldChunkBytes) {
			size += rows[n].size
			n++
		}
		read, err := a.readSome(ctx, rows[:n])
		if err != nil {
			return err
		}
		if err := each(read); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

func (a *adoption) readSome(ctx context.Context, rows []oldRow) ([]*oldContent, error) {
	byID, ids := map[uuid.UUID]oldRow{}, make([]uuid.UUID, len(rows))
	for i, row := range rows {
		byID[row.id], ids[i] = row, row.id
	}
	found, err := a.conn.Query(ctx, a.sql(`SELECT uuid, data::text FROM OLD.stats WHERE uuid = ANY ($1::uuid[])`), ids)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(found, func(row pgx.CollectableRow) (*oldContent, error) {
		var id uuid.UUID
		var data []byte
		if err := row.Scan(&id, &data); err != nil {
			return nil, err
		}
		return readContent(byID[id], data), nil
	})
}

func readContent(row oldRow, data []byte) *oldContent {
	c := &oldContent{oldRow: row, item: stats.Item{
		ANR: row.anr, Type: row.kind, Data: data, Fingerprint: stats.FingerprintOf(row.kind, data),
	}}
	if err := c.item.Read(); err != nil {
		reason := leftOutBecause(err)
		c.reason, c.digest = &reason, stats.DigestOf(row.kind, data)
		return c
	}
	c.digest = c.item.Digest
	return c
}

var placeInList = regexp.MustCompile(`\.-?[0-9]+`)

// leftOutBecause returns why a content is invalid. It leaves out positions in lists, so
// that many contents share a reason.
func leftOutBecause(err error) string {
	invalid, ok := errors.AsType[*stats.InvalidError](err)
	if !ok {
		return err.Error()
	}
	var reasons []string
	for field, reason := range invalid.Fields {
		reasons = append(reasons, placeInList.ReplaceAllString(field, ".N")+": "+reason)
	}
	slices.Sort(reasons)
	return strings.Join(reasons, "; ")
}

// copyPage copies a page of stats, and first the contents that no earlier page had.
func (a *adoption) copyPage(ctx context.Context, tx pgx.Tx, rows []oldRow) error {
	// Look rows up by key, although the planner has no statistics of the new tables.
	const byKey = `SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)`
	if _, err := tx.Exec(ctx, byKey); err != nil {
		return err
	}
	digests, err := knownContents(ctx, tx, rows)
	if err != nil {
		return err
	}
	err = a.readContents(ctx, unknownRows(rows, digests), func(contents []*oldContent) error {
		for _, c := range contents {
			digests[c.key()] = uuid.UUID(c.digest)
		}
		return a.insertContents(ctx, tx, contents)
	})
	if err != nil {
		return err
	}
	return a.insertRows(ctx, tx, rows, digests)
}

func knownContents(ctx context.Context, tx pgx.Tx, rows []oldRow) (map[contentKey]uuid.UUID, error) {
	anrs, hashes := make([]uuid.UUID, len(rows)), make([]uuid.UUID, len(rows))
	for i, row := range rows {
		anrs[i], hashes[i] = row.anr, row.hash
	}
	found, err := tx.Query(ctx, `SELECT DISTINCT c.anr, c.hash, c.digest FROM unnest($1::uuid[], $2::uuid[]) AS p (anr, hash)
		JOIN `+adoptionSchema+`.content AS c ON c.anr = p.anr AND c.hash = p.hash`, anrs, hashes)
	if err != nil {
		return nil, err
	}
	known := map[contentKey]uuid.UUID{}
	var key contentKey
	var digest uuid.UUID
	_, err = pgx.ForEachRow(found, []any{&key.anr, &key.hash, &digest}, func() error {
		known[key] = digest
		return nil
	})
	return known, err
}

// unknownRows returns one row for each content that has to be read.
func unknownRows[T any](rows []oldRow, known map[contentKey]T) (fresh []oldRow) {
	seen := map[contentKey]bool{}
	for _, row := range rows {
		if _, is := known[row.key()]; !is && !seen[row.key()] {
			seen[row.key()] = true
			fresh = append(fresh, row)
		}
	}
	return fresh
}

// insertOldDocuments copies data inside the database. Two contents can be one document:
// 1.0 and 1 are the same number.
const insertOldDocuments = `
WITH fresh AS (
	SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bytea[], $6::text[], $7::uuid[])
		AS f (anr, hash, digest, fingerprint, observations, reason, sample)
), noted AS (
	INSERT INTO ` + adoptionSchema + `.content (anr, hash, digest, reason) SELECT anr, hash, digest, reason FROM fresh
)
INSERT INTO ` + adoptionSchema + `.document (anr, digest, fingerprint, type, data, observations)
SELECT f.anr, f.digest, f.fingerprint, s.type, s.data, f.observations
FROM fresh AS f JOIN OLD.stats AS s ON s.uuid = f.sample
ON CONFLICT (anr, digest) DO NOTHING`

func (a *adoption) insertContents(ctx context.Context, tx pgx.Tx, read []*oldContent) error {
	if err := a.pack(ctx, read); err != nil {
		return err
	}
	n := len(read)
	anrs, hashes, digests, samples := make([]uuid.UUID, n), make([]uuid.UUID, n), make([]uuid.UUID, n), make([]uuid.UUID, n)
	fingerprints, packed, reasons := make([]*uuid.UUID, n), make([][]byte, n), make([]*string, n)
	for i, c := range read {
		anrs[i], hashes[i], digests[i], samples[i] = c.anr, c.hash, uuid.UUID(c.digest), c.id
		packed[i], reasons[i] = c.packed, c.reason
		if c.packed != nil {
			fingerprint := uuid.UUID(c.item.Fingerprint)
			fingerprints[i] = &fingerprint
		}
	}
	_, err := tx.Exec(ctx, a.sql(insertOldDocuments), anrs, hashes, digests, fingerprints, packed, reasons, samples)
	return err
}

// pack packs the observations of the valid contents.
func (a *adoption) pack(ctx context.Context, read []*oldContent) error {
	var contents []*content
	var of []*oldContent
	for _, c := range read {
		if c.reason == nil {
			contents = append(contents, &content{key: keyOf(c.anr, uuid.UUID(c.digest)), item: &c.item})
			of = append(of, c)
		}
	}
	if err := a.store.packContents(ctx, contents); err != nil {
		return err
	}
	for i, c := range contents {
		of[i].packed = c.packed
	}
	return nil
}

// insertOldRows only inserts rows whose document equals their data. OFFSET keeps the
// planner from comparing each row with all documents of its analysis.
const insertOldRows = `
INSERT INTO ` + adoptionSchema + `.stats (created_at, client_id, uuid, anr, digest, date, type)
SELECT created_at, client_id, uuid, anr, digest, date, type
FROM (
	SELECT coalesce(s.created_at, s.date::timestamp) AT TIME ZONE 'UTC' AS created_at, s.client_id, s.uuid, s.anr, p.digest, s.date, s.type,
		s.data, d.type AS stored_type, d.data AS stored_data
	FROM unnest($1::uuid[], $2::uuid[]) AS p (uuid, digest)
	JOIN OLD.stats AS s ON s.uuid = p.uuid
	JOIN ` + adoptionSchema + `.document AS d ON d.anr = s.anr AND d.digest = p.digest
	OFFSET 0
) AS found
WHERE stored_type = type AND stored_data = data`

func (a *adoption) insertRows(ctx context.Context, tx pgx.Tx, rows []oldRow, digests map[contentKey]uuid.UUID) error {
	ids, of := make([]uuid.UUID, len(rows)), make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i], of[i] = row.id, digests[row.key()]
	}
	inserted, err := tx.Exec(ctx, a.sql(insertOldRows), ids, of)
	if err != nil {
		return err
	}
	if n := inserted.RowsAffected(); n != int64(len(rows)) {
		return fmt.Errorf("%d of the %d stats from uuid %s on would not have the content that they had: nothing was dropped", int64(len(rows))-n, len(rows), ids[0])
	}
	_, err = tx.Exec(ctx, `UPDATE `+adoptionSchema+`.progress SET after = $1, copied = copied + $2`, ids[len(ids)-1], len(ids))
	return err
}

// oldClient is a row of the old table client.
type oldClient struct {
	id    int64
	uuid  uuid.UUID
	token *string
}

// insertOldClient replaces NULL with the Python service's default. On a second run,
// perhaps with another secret key, it seals the token again.
const insertOldClient = `
INSERT INTO ` + adoptionSchema + `.client (id, uuid, name, token_digest, token_sealed, role, latitude, longitude, last_seen,
	local, is_sharing_enabled, created_at, updated_at, is_active)
SELECT c.id, c.uuid, c.name, $2, $3, CASE WHEN c.role = 2 THEN 2 ELSE 1 END, LATITUDE, LONGITUDE, c.last_seen AT TIME ZONE 'UTC',
	coalesce(c.local, true), coalesce(SHARING, true), coalesce(c.created_at AT TIME ZONE 'UTC', c.updated_at AT TIME ZONE 'UTC', $4),
	coalesce(c.updated_at AT TIME ZONE 'UTC', c.created_at AT TIME ZONE 'UTC', $4), coalesce(c.is_active, true)
FROM OLD.client AS c WHERE c.id = $1
ON CONFLICT (id) DO UPDATE SET token_sealed = EXCLUDED.token_sealed`

// forRevision inserts the columns that the revision has into a statement.
func (a *adoption) forRevision(statement string) string {
	columns := []string{"LATITUDE", "NULL", "LONGITUDE", "NULL", "SHARING", "NULL"}
	if a.Revision >= 1 {
		columns[5] = "c.is_sharing_enabled"
	}
	if a.Revision >= 2 {
		columns[1], columns[3] = "c.latitude", "c.longitude"
	}
	return a.sql(strings.NewReplacer(columns...).Replace(statement))
}

func (a *adoption) copyClients(ctx context.Context, opts Options) error {
	rows, err := a.conn.Query(ctx, a.sql(`SELECT id, uuid, token FROM OLD.client ORDER BY id`))
	if err != nil {
		return err
	}
	clients, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c oldClient, err error) {
		err = row.Scan(&c.id, &c.uuid, &c.token)
		return c, err
	})
	if err != nil {
		return err
	}
	now := time.Now
	if opts.Now != nil {
		now = opts.Now
	}
	statement, at := a.forRevision(insertOldClient), now().UTC()
	return pgx.BeginFunc(ctx, a.conn, func(tx pgx.Tx) error {
		for _, c := range clients {
			var digest, sealed []byte
			if c.token != nil && *c.token != "" {
				digest, sealed = secret.Digest(*c.token), opts.Secret.Seal(*c.token, c.uuid[:])
			}
			if _, err := tx.Exec(ctx, statement, c.id, digest, sealed, at); err != nil {
				return err
			}
		}
		return a.continueSequence(ctx, tx)
	})
}

// continueSequence makes new clients get ids that no client has had.
func (a *adoption) continueSequence(ctx context.Context, tx pgx.Tx) error {
	var last *int64
	const statement = `SELECT max(v) FROM (SELECT max(id)::bigint AS v FROM OLD.client UNION ALL
		SELECT last_value FROM pg_sequences WHERE format('%I.%I', schemaname, sequencename) = pg_get_serial_sequence('OLD.client', 'id')) AS used WHERE v > 0`
	if err := tx.QueryRow(ctx, a.sql(statement)).Scan(&last); err != nil || last == nil {
		return err
	}
	_, err := tx.Exec(ctx, `SELECT setval(pg_get_serial_sequence('`+adoptionSchema+`.client', 'id'), $1)`, *last)
	return err
}
