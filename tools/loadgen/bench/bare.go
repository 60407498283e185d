// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/monarc-project/stats-service/tools/loadgen/load"
)

// insertRows inserts the rows of a batch in one statement, as columns.
const insertRows = `
INSERT INTO %s (uuid, anr, type, date, data, created_at, client_id, content_id, observations)
SELECT content_id, anr, type, date, data::jsonb, now(), $5, content_id, observations
FROM unnest($1::uuid[], $2::text[], $3::date[], $4::text[], $6::uuid[], $7::bytea[])
	AS row (anr, type, date, data, content_id, observations)`

// The tables of the baselines: full rows, each with its document and with all indexes that
// the service once had for such rows. The second table compresses documents as the
// service does where it can.
const (
	plainTable = "bare"
	lz4Table   = "bare_lz4"
)

const createBare = `
CREATE TABLE %[1]s (
	uuid         uuid PRIMARY KEY,
	anr          uuid NOT NULL,
	type         text NOT NULL CHECK (type IN ('risk', 'vulnerability', 'threat', 'cartography', 'compliance')),
	date         date NOT NULL,
	data         jsonb NOT NULL,
	created_at   timestamptz NOT NULL,
	client_id    bigint NOT NULL REFERENCES client (id),
	content_id   uuid,
	observations bytea
);
CREATE INDEX ON %[1]s (date DESC, uuid);
CREATE INDEX ON %[1]s (client_id, date DESC, uuid);
CREATE INDEX ON %[1]s (type, date DESC, uuid);
CREATE INDEX ON %[1]s (anr, type, date DESC, created_at DESC, uuid);
CREATE INDEX ON %[1]s (client_id, anr, type, date DESC, created_at DESC, uuid);
CREATE INDEX ON %[1]s (content_id);
CREATE INDEX ON %[1]s (type) WHERE observations IS NULL`

// createBaselines creates the tables; lz4 reports whether it could create the second one.
func createBaselines(ctx context.Context, conn *pgx.Conn) (lz4 bool, err error) {
	if _, err := conn.Exec(ctx, fmt.Sprintf(createBare, plainTable)); err != nil {
		return false, err
	}
	const offered = `SELECT count(*) > 0 FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)`
	if err := conn.QueryRow(ctx, offered).Scan(&lz4); err != nil || !lz4 {
		return false, err
	}
	if _, err := conn.Exec(ctx, fmt.Sprintf(createBare, lz4Table)); err != nil {
		return false, err
	}
	_, err = conn.Exec(ctx, "ALTER TABLE "+lz4Table+" ALTER COLUMN data SET COMPRESSION lz4")
	return true, err
}

// columns has the rows of a batch by column.
type columns struct {
	client       int64
	anrs         []uuid.UUID
	types        []string
	dates        []time.Time
	data         []string
	contentIDs   []uuid.UUID
	observations [][]byte
}

// columnsOf parses a batch.
func columnsOf(b load.Batch) (c columns, err error) {
	var items []struct {
		ANR  uuid.UUID       `json:"anr"`
		Type string          `json:"type"`
		Date string          `json:"date"`
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(b.Body, &items); err != nil {
		return c, err
	}
	for _, item := range items {
		date, err := time.Parse(time.DateOnly, item.Date)
		if err != nil {
			return c, err
		}
		c.anrs, c.types = append(c.anrs, item.ANR), append(c.types, item.Type)
		c.dates, c.data = append(c.dates, date), append(c.data, string(item.Data))
	}
	return c, nil
}

// storedBatches returns the batches of a dataset as the rows that the service stored.
func (b *bench) storedBatches(ctx context.Context, database string, dataset *load.Dataset) ([]columns, error) {
	batches := make([]columns, dataset.Len())
	for i := range batches {
		batch, err := dataset.Batch(i)
		if err != nil {
			return nil, err
		}
		if batches[i], err = columnsOf(batch); err != nil {
			return nil, err
		}
	}
	err := b.query(ctx, database, func(conn *pgx.Conn) error {
		for i := range batches {
			if err := batches[i].complete(ctx, conn); err != nil {
				return fmt.Errorf("read the rows of batch %d: %w", i, err)
			}
		}
		return nil
	})
	return batches, err
}

// complete adds the columns that the service derives.
func (c *columns) complete(ctx context.Context, conn *pgx.Conn) error {
	const derived = `
SELECT s.client_id, s.uuid, d.observations
FROM unnest($1::uuid[], $2::text[], $3::date[]) WITH ORDINALITY AS row (anr, type, date, place)
JOIN stats AS s ON s.anr = row.anr AND s.type = row.type AND s.date = row.date
JOIN document AS d ON d.anr = s.anr AND d.digest = s.digest
ORDER BY place`
	rows, err := conn.Query(ctx, derived, c.anrs, c.types, c.dates)
	if err != nil {
		return err
	}
	var contentID uuid.UUID
	var observations []byte
	_, err = pgx.ForEachRow(rows, []any{&c.client, &contentID, &observations}, func() error {
		c.contentIDs = append(c.contentIDs, contentID)
		c.observations = append(c.observations, bytes.Clone(observations))
		return nil
	})
	if err == nil && len(c.contentIDs) != len(c.anrs) {
		err = fmt.Errorf("%d rows are stored of %d", len(c.contentIDs), len(c.anrs))
	}
	return err
}

// insertBare inserts batches into a table and returns how long that took. Each
// writer has a connection, and each batch is a transaction.
func insertBare(ctx context.Context, database, table string, batches []columns, writers int) (time.Duration, error) {
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	started := time.Now()
	for range writers {
		group.Go(func() error { return insertBatches(ctx, database, table, batches, &next) })
	}
	err := group.Wait()
	return time.Since(started), err
}

func insertBatches(ctx context.Context, database, table string, batches []columns, next *atomic.Int64) error {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	insert := fmt.Sprintf(insertRows, table)
	for {
		i := int(next.Add(1) - 1)
		if i >= len(batches) {
			return nil
		}
		c := batches[i]
		if _, err := conn.Exec(ctx, insert, c.anrs, c.types, c.dates, c.data, c.client, c.contentIDs, c.observations); err != nil {
			return err
		}
	}
}

// copyRows reads the rows of the list.
const copyRows = "COPY (SELECT uuid, anr, type, date, data, created_at FROM stats_with_data ORDER BY date DESC, uuid) TO STDOUT"

// copyOut returns how many bytes COPY sends and how long that takes, with psql if it is
// installed.
func (b *bench) copyOut(ctx context.Context, database string) (bytes int64, took time.Duration, err error) {
	if b.machine.psql != "" {
		return copyByPsql(ctx, b.machine.psql, database)
	}
	err = b.query(ctx, database, func(conn *pgx.Conn) error {
		var sink counter
		started := time.Now()
		_, err := conn.PgConn().CopyTo(ctx, &sink, copyRows)
		bytes, took = int64(sink), time.Since(started)
		return err
	})
	return bytes, took, err
}

func copyByPsql(ctx context.Context, psql, database string) (int64, time.Duration, error) {
	command := exec.CommandContext(ctx, psql, "--no-psqlrc", "--dbname", database, "--command", copyRows)
	out, err := command.StdoutPipe()
	if err != nil {
		return 0, 0, err
	}
	started := time.Now()
	if err := command.Start(); err != nil {
		return 0, 0, err
	}
	var sink counter
	_, copyErr := io.Copy(&sink, out)
	if err := command.Wait(); err != nil {
		return 0, 0, err
	}
	return int64(sink), time.Since(started), copyErr
}

// counter counts the bytes written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
