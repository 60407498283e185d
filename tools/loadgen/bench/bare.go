package main

import (
	"context"
	"encoding/json"
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
INSERT INTO bare (uuid, anr, type, date, data, created_at, client_id)
SELECT gen_random_uuid(), anr, type, date, data::jsonb, now(), 1
FROM unnest($1::uuid[], $2::text[], $3::date[], $4::text[]) AS row (anr, type, date, data)`

// columns are the rows of a batch.
type columns struct {
	anrs  []uuid.UUID
	types []string
	dates []time.Time
	data  []string
}

// columnsOf takes a batch apart.
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

// insertBare inserts the rows of a dataset and returns how long that took. Each
// writer has a connection, and each batch is a transaction.
func insertBare(ctx context.Context, database string, dataset *load.Dataset, writers int) (time.Duration, error) {
	batches := make([]columns, dataset.Len())
	for i := range batches {
		batch, err := dataset.Batch(i)
		if err != nil {
			return 0, err
		}
		if batches[i], err = columnsOf(batch); err != nil {
			return 0, err
		}
	}
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	started := time.Now()
	for range writers {
		group.Go(func() error { return insertBatches(ctx, database, batches, &next) })
	}
	err := group.Wait()
	return time.Since(started), err
}

func insertBatches(ctx context.Context, database string, batches []columns, next *atomic.Int64) error {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for {
		i := int(next.Add(1) - 1)
		if i >= len(batches) {
			return nil
		}
		c := batches[i]
		if _, err := conn.Exec(ctx, insertRows, c.anrs, c.types, c.dates, c.data); err != nil {
			return err
		}
	}
}

// copyRows is what a list answers with.
const copyRows = "COPY (SELECT uuid, anr, type, date, data, created_at FROM stats ORDER BY date DESC, uuid) TO STDOUT"

// copyOut returns how many bytes COPY gives and how long that takes, from psql
// where there is one.
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

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
