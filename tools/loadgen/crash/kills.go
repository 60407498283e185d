// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

func killService(_ context.Context, s *stage, _ *dice) (time.Time, error) {
	s.process.Kill()
	return time.Now(), s.serve()
}

func killDatabase(ctx context.Context, s *stage, _ *dice) (time.Time, error) {
	if err := s.db.kill(); err != nil {
		return time.Time{}, err
	}
	return time.Now(), s.db.restart(ctx)
}

// killOne kills a process that serves a connection, or a background process. The server
// then restarts all its processes.
func killOne(ctx context.Context, s *stage, with *dice) (since time.Time, err error) {
	kind := "client backend"
	if with.IntN(4) == 0 {
		kind = []string{"checkpointer", "walwriter", "background writer"}[with.IntN(3)]
	}
	err = s.db.query(ctx, func(conn *pgx.Conn) error {
		const choose = `SELECT pid FROM pg_stat_activity WHERE backend_type = $1 AND pid <> pg_backend_pid()
			ORDER BY state = 'active' DESC NULLS LAST, pid OFFSET $2 % GREATEST(1, (SELECT count(*) FROM pg_stat_activity WHERE backend_type = $1 AND pid <> pg_backend_pid())) LIMIT 1`
		var pid int
		if err := conn.QueryRow(ctx, choose, kind, with.IntN(poolSize)).Scan(&pid); err != nil {
			return fmt.Errorf("choose a %s: %w", kind, err)
		}
		since = time.Now()
		return signalAll([]int{pid}, syscall.SIGKILL)
	})
	return since, err
}

func killBoth(ctx context.Context, s *stage, with *dice) (time.Time, error) {
	kills := []func() error{s.db.kill, func() error { s.process.Kill(); return nil }}
	starts := []func() error{s.serve, func() error { return s.db.restart(ctx) }}
	if with.coin() {
		kills[0], kills[1] = kills[1], kills[0]
	}
	if with.coin() {
		starts[0], starts[1] = starts[1], starts[0]
	}
	if err := errors.Join(kills[0](), with.moment(ctx), kills[1]()); err != nil {
		return time.Time{}, err
	}
	since := time.Now()
	return since, errors.Join(starts[0](), with.moment(ctx), starts[1]())
}

// killOwnDatabase kills the private database, at which the service exits, and restarts
// the service, as a supervisor does.
func killOwnDatabase(ctx context.Context, s *stage, _ *dice) (time.Time, error) {
	if err := s.db.kill(); err != nil {
		return time.Time{}, err
	}
	since := time.Now()
	select {
	case <-s.process.Ended():
		return since, s.serve()
	case <-time.After(hangLimit):
		return since, fmt.Errorf("the service continues without its database%s", s.process.LogTail())
	case <-ctx.Done():
		return since, ctx.Err()
	}
}

// killAll kills the service and all processes of its database, in either order.
func killAll(s *stage, with *dice) error {
	pids, err := s.db.processes()
	if err != nil {
		return err
	}
	pids = append(pids, s.process.PID)
	with.Shuffle(len(pids), func(i, j int) { pids[i], pids[j] = pids[j], pids[i] })
	err = signalAll(pids, syscall.SIGKILL)
	<-s.process.Ended()
	return err
}

func killEverything(_ context.Context, s *stage, with *dice) (time.Time, error) {
	if err := killAll(s, with); err != nil {
		return time.Time{}, err
	}
	return time.Now(), s.serve()
}

// cutPower leaves lock files of the database behind, as after a power cut: their process
// id belongs to another process, or they are empty because they never reached the disk.
func cutPower(_ context.Context, s *stage, with *dice) (time.Time, error) {
	if err := killAll(s, with); err != nil {
		return time.Time{}, err
	}
	for _, path := range s.db.lockFiles() {
		text, err := os.ReadFile(path)
		if err != nil {
			return time.Time{}, fmt.Errorf("look for the lock files of the database: %w", err)
		}
		_, rest, _ := bytes.Cut(text, []byte{'\n'})
		stale := append([]byte(strconv.Itoa(os.Getpid())+"\n"), rest...)
		if with.IntN(4) == 0 {
			stale = nil
		}
		if err := os.WriteFile(path, stale, 0o600); err != nil {
			return time.Time{}, err
		}
	}
	return time.Now(), s.serve()
}
