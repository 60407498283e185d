// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/internal/localpg"
	"github.com/monarc-project/stats-service/tools/loadgen/load"
	"github.com/monarc-project/stats-service/tools/loadgen/service"
)

const (
	adminToken  = service.AdminToken
	stopTimeout = time.Minute
)

// bench is a run: the built service, a PostgreSQL and the figures so far.
type bench struct {
	options
	log     *slog.Logger
	dir     string
	db      *localpg.Server
	machine machine
	report  report
}

// setUp creates a folder, builds the service and starts PostgreSQL with the settings of
// the service's private one, including fsync.
func setUp(ctx context.Context, o options, log *slog.Logger) (*bench, error) {
	dir, err := os.MkdirTemp("", "stats-service-loadgen-")
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, log: log, dir: dir}
	if err := b.start(ctx); err != nil {
		return nil, errors.Join(err, b.tearDown())
	}
	return b, nil
}

func (b *bench) start(ctx context.Context) error {
	if err := os.Chmod(b.dir, 0o711); err != nil { // under root, PostgreSQL runs as another user
		return err
	}
	if b.binary == "" {
		b.log.Info("building the service")
		b.binary = filepath.Join(b.dir, "stats-service")
		if err := service.Build(ctx, b.binary); err != nil {
			return err
		}
	}
	var err error
	b.db, err = localpg.Start(ctx, localpg.Options{Dir: filepath.Join(b.dir, "db"), NoSync: true, DieWithParent: true})
	if err != nil {
		return err
	}
	b.machine, err = b.describe(ctx)
	return err
}

// environment returns the whole environment of the service and its commands.
func (b *bench) environment(settings ...string) []string {
	return service.Environment(append(settings, "DATA_DIR="+filepath.Join(b.dir, "data"))...)
}

// serve starts the service with settings and waits for an answer that needed
// the database.
func (b *bench) serve(ctx context.Context, settings ...string) (*service.Process, error) {
	s, err := service.Start(service.Options{Binary: b.binary, Env: b.environment(settings...), Log: filepath.Join(b.dir, "service.log")})
	if err != nil {
		return nil, err
	}
	if err := s.AwaitReady(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// serveOn starts the service on a database of the bench's PostgreSQL.
func (b *bench) serveOn(ctx context.Context, databaseURL string) (*service.Process, error) {
	return b.serve(ctx, "DATABASE_URL="+databaseURL)
}

func (b *bench) tearDown() error {
	var err error
	if b.db != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		err = b.db.Stop(ctx)
	}
	return errors.Join(err, os.RemoveAll(b.dir))
}

// database creates and initializes a database for a scenario and returns its URL.
func (b *bench) database(ctx context.Context, name string) (string, error) {
	err := b.query(ctx, b.db.URL(), func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "CREATE DATABASE "+name)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("create the database of %s: %w", name, err)
	}
	url := b.db.URLFor(name)
	command := exec.CommandContext(ctx, b.binary, "db_init")
	command.Env = b.environment("DATABASE_URL=" + url)
	if err := service.Output(command); err != nil {
		return "", fmt.Errorf("initialize the database of %s: %w", name, err)
	}
	return url, nil
}

// query runs statements on a connection of their own.
func (b *bench) query(ctx context.Context, url string, run func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return run(conn)
}

// analyzed gathers the planner's statistics, as autovacuum would do within a minute.
func (b *bench) analyzed(ctx context.Context, url string) error {
	return b.query(ctx, url, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "VACUUM (ANALYZE)")
		return err
	})
}

// fill posts the dataset of a plan to an instance and logs that.
func (b *bench) fill(ctx context.Context, s *service.Process, plan load.Plan, writers int, prepared bool) (*load.Dataset, load.Result, error) {
	dataset, err := load.New(plan)
	if err != nil {
		return nil, load.Result{}, err
	}
	result, err := b.post(ctx, s, dataset, writers, prepared)
	return dataset, result, err
}

// post posts a dataset to an instance and logs that.
func (b *bench) post(ctx context.Context, s *service.Process, dataset *load.Dataset, writers int, prepared bool) (load.Result, error) {
	filler := load.Filler{Server: s.URL, AdminToken: adminToken, Writers: writers, Prepared: prepared}
	result, err := filler.Fill(ctx, dataset)
	b.log.Info("filled", "stats", result.Stats, "writers", writers, "seconds", int(result.Elapsed.Seconds()),
		"stats_per_second", int(result.StatsPerSecond()), "busy", result.Busy)
	return result, err
}
