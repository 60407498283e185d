// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/internal/localpg"
)

func cut(ctx context.Context, s *stage, with *dice) (time.Time, error) {
	s.proxy.Cut()
	err := with.last(ctx)
	s.proxy.Pass()
	return time.Now(), err
}

func drop(ctx context.Context, s *stage, with *dice) (time.Time, error) {
	s.proxy.Stall()
	err := pause(ctx, with.untilTimeout())
	s.proxy.Resume()
	return time.Now(), err
}

func delay(ctx context.Context, s *stage, with *dice) (time.Time, error) {
	s.proxy.Delay(time.Duration(10+with.IntN(290)) * time.Millisecond)
	err := with.last(ctx)
	s.proxy.Delay(0)
	return time.Now(), err
}

// freeze stops the processes of the database without ending them.
func freeze(ctx context.Context, s *stage, with *dice) (time.Time, error) {
	pids, err := s.db.processes()
	if err != nil {
		return time.Time{}, err
	}
	err = signalAll(pids, syscall.SIGSTOP)
	err = errors.Join(err, pause(ctx, with.untilTimeout()))
	return time.Now(), errors.Join(err, signalAll(pids, syscall.SIGCONT))
}

// timeOut limits statements to a few milliseconds: those that wait for others fail at
// times and, while all wait for a lock, always.
func timeOut(ctx context.Context, s *stage, with *dice) (since time.Time, err error) {
	set := fmt.Sprintf("ALTER DATABASE %s SET statement_timeout = '%dms'", localpg.Database, 2+with.IntN(20))
	if err := s.db.exec(ctx, set, terminate); err != nil {
		return since, err
	}
	err = with.moment(ctx)
	err = errors.Join(err, s.locked(ctx, func() error { return with.last(ctx) }))
	err = errors.Join(err, with.moment(ctx))
	// Sessions keep the settings from their start.
	err = errors.Join(err, s.db.exec(ctx, "ALTER DATABASE "+localpg.Database+" RESET statement_timeout", terminate))
	return time.Now(), err
}

// locked runs do while another session holds a lock on all stats.
func (s *stage) locked(ctx context.Context, do func() error) error {
	return s.db.query(ctx, func(conn *pgx.Conn) error {
		tx, err := conn.Begin(ctx)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "LOCK TABLE stats IN ACCESS EXCLUSIVE MODE"); err != nil {
			return err
		}
		return errors.Join(do(), tx.Rollback(ctx))
	})
}

func lock(ctx context.Context, s *stage, with *dice) (time.Time, error) {
	err := s.locked(ctx, func() error { return pause(ctx, with.untilTimeout()) })
	return time.Now(), err
}

// exhaust connects until the server accepts no more, and replaces the connections of the
// service.
func exhaust(ctx context.Context, s *stage, with *dice) (since time.Time, err error) {
	address, err := s.db.url(ctx, "")
	if err != nil {
		return since, err
	}
	var taken []*pgx.Conn
	defer func() {
		for _, conn := range taken {
			_ = conn.Close(context.WithoutCancel(ctx))
		}
		since = time.Now()
	}()
	take := func() {
		for {
			conn, err := pgx.Connect(ctx, address)
			if err != nil {
				return
			}
			taken = append(taken, conn)
		}
	}
	take()
	if len(taken) == 0 {
		return since, errors.New("the database accepted no connection")
	}
	err = s.db.query(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, terminate+" AND application_name = 'stats-service'")
		return err
	})
	take()
	return since, errors.Join(err, with.last(ctx))
}

// fillDisk fills the file system of the database until the server fails to write. If the
// server crashes, it is started again once there is free space.
func fillDisk(ctx context.Context, s *stage, with *dice) (time.Time, error) {
	before, err := s.db.occurrences("No space left on device")
	if err != nil {
		return time.Time{}, err
	}
	release, err := fill(s.mounted)
	if err != nil {
		return time.Time{}, err
	}
	err = errors.Join(s.awaitFull(ctx, before), with.last(ctx), release())
	since := time.Now()
	select {
	case <-s.db.server.Done():
		err = errors.Join(err, s.db.restart(ctx))
	default:
	}
	return since, err
}

// awaitFull waits until the database reports again that there is no space. It makes the
// database use up its preallocated log files.
func (s *stage) awaitFull(ctx context.Context, before int) error {
	limited, cancel := context.WithTimeout(ctx, hangLimit)
	defer cancel()
	for {
		now, err := s.db.occurrences("No space left on device")
		if err != nil || now > before {
			return err
		}
		if conn, err := s.db.connect(limited); err == nil {
			_, _ = conn.Exec(limited, "SELECT pg_switch_wal()") // fails when the disk is full
			_ = conn.Close(limited)
		}
		if err := pause(limited, 10*time.Millisecond); err != nil {
			return fmt.Errorf("the database does not notice that its disk is full: %w", err)
		}
	}
}

// jumps are the consecutive offsets of a clock.
var jumps = []time.Duration{26 * time.Hour, -2 * time.Hour, 0}

// putClockOfDatabase runs the database with a clock that jumps.
func putClockOfDatabase(ctx context.Context, s *stage, with *dice) (since time.Time, err error) {
	library, err := fakeTime()
	if err != nil {
		return since, err
	}
	file := filepath.Join(s.dir, "faketime")
	put := func(by time.Duration) error { return replace(file, fmt.Sprintf("%+d", int(by.Seconds()))) }
	if err := errors.Join(put(0), s.db.server.Stop(ctx)); err != nil {
		return since, err
	}
	if err := withFakeTime(library, file, func() error { return s.db.start(ctx) }); err != nil {
		return since, err
	}
	for _, by := range jumps {
		err = errors.Join(err, put(by), s.awaitClock(ctx, by, "SELECT now()"), with.last(ctx))
	}
	err = errors.Join(err, s.db.server.Stop(ctx))
	since = time.Now()
	return since, errors.Join(err, s.db.start(ctx))
}

// putClockOfService runs the service with a clock that jumps.
func putClockOfService(ctx context.Context, s *stage, with *dice) (since time.Time, err error) {
	file := filepath.Join(s.dir, "clock")
	put := func(by time.Duration) error { return replace(file, by.String()) }
	if err := errors.Join(put(0), s.process.Stop(), s.run(s.skewed, append(s.env, "CRASH_CLOCK="+file))); err != nil {
		return since, err
	}
	for _, by := range jumps {
		const newest = "SELECT created_at FROM stats ORDER BY xmin::text::bigint DESC LIMIT 1"
		err = errors.Join(err, put(by), s.awaitClock(ctx, by, newest), with.last(ctx))
	}
	err = errors.Join(err, s.process.Stop())
	since = time.Now()
	return since, errors.Join(err, s.serve())
}

// replace atomically writes a file that others are reading.
func replace(path, text string) error {
	if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// awaitClock waits until a query for the time shows that a clock has jumped.
func (s *stage) awaitClock(ctx context.Context, by time.Duration, question string) error {
	limited, cancel := context.WithTimeout(ctx, hangLimit)
	defer cancel()
	for {
		var there time.Time
		err := s.db.query(limited, func(conn *pgx.Conn) error { return conn.QueryRow(limited, question).Scan(&there) })
		if err == nil && (time.Until(there)-by).Abs() < time.Hour {
			return nil
		}
		if pause(limited, 20*time.Millisecond) != nil {
			return fmt.Errorf("the clock has not jumped by %s: it is %s: %w", by, there, err)
		}
	}
}
