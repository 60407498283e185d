// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/monarc-project/stats-service/gen/db"
)

// Change names what a transaction changed: stats of a type (its name),
// ChangeClients or ChangeEverything.
type Change string

const (
	// ChangeEverything reports that anything may have changed.
	ChangeEverything Change = ""
	// ChangesUnheard reports that notifications are interrupted until the next
	// ChangeEverything.
	ChangesUnheard Change = "unheard"
	// ChangeClients reports that clients were created, changed or deleted.
	ChangeClients Change = "client"
)

const (
	channel     = "stats_changed"
	changeTable = "change_version"

	listenPause    = 100 * time.Millisecond
	maxListenPause = 2 * time.Second
)

// announce is notify for a database without the table that poll reads.
func announce(ctx context.Context, tx pgx.Tx, change Change) error {
	_, err := tx.Exec(ctx, `SELECT pg_notify($1, $2)`, channel, string(change))
	return err
}

// notify announces changes; listeners receive them after the commit.
func notify(ctx context.Context, queries *db.Queries, changes []Change) error {
	if len(changes) == 0 {
		return nil
	}
	texts := make([]string, len(changes))
	for i, change := range changes {
		texts[i] = string(change)
	}
	return queries.Notify(ctx, db.NotifyParams{Channel: channel, Changes: texts})
}

// Listen calls fn with the committed changes of all processes until ctx ends, and
// returns the error of ctx. It calls fn from one goroutine; fn should return soon.
//
// Behind a pooler, without a direct connection to listen on, it polls every second.
// Otherwise it uses a dedicated connection, and a new one whenever that is lost or
// stalls: fn then gets ChangesUnheard, and stalled connections of queries are closed
// too. Changes may have been missed before a connection, so fn gets ChangeEverything
// after each connect, including the first.
func (s *Store) Listen(ctx context.Context, fn func(Change)) error {
	wait := listenPause
	for lost := false; ; lost = true {
		heard, err := s.follow(ctx, lost, fn)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if heard {
			wait = listenPause
		}
		s.log.WarnContext(ctx, "listening for database changes was interrupted", slog.Any("error", err))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
			wait = min(2*wait, maxListenPause)
		}
	}
}

// follow passes changes to fn until that fails. heard reports whether it got started.
func (s *shared) follow(ctx context.Context, lost bool, fn func(Change)) (heard bool, err error) {
	if s.listenConfig == nil {
		return s.poll(ctx, lost, fn)
	}
	return s.listen(ctx, lost, fn)
}

// pollInterval is how often poll checks for changes.
const pollInterval = time.Second

// poll checks for changes periodically, on connections of the pool.
func (s *shared) poll(ctx context.Context, lost bool, fn func(Change)) (heard bool, err error) {
	begun := time.Now()
	var before map[Change]int64
	for {
		now, err := s.changeVersions(ctx)
		if err == nil && !maps.Equal(before, now) {
			err = s.replicas.Follow(ctx, s.pool)
		}
		if err != nil {
			if before != nil {
				fn(ChangesUnheard)
			}
			return before != nil, fmt.Errorf("poll for changes: %w", translate(ctx, err))
		}
		if before == nil {
			if lost {
				s.dropStalled(begun)
			}
			s.tell(ChangeEverything, fn)
		} else {
			s.reportDifferences(before, now, fn)
		}
		before = now
		select {
		case <-ctx.Done():
			return true, ctx.Err()
		case <-time.After(pollInterval):
		}
	}
}

func (s *shared) changeVersions(ctx context.Context) (map[Change]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, s.stall)
	defer cancel()
	rows, err := s.queries.ChangeVersions(ctx)
	versions := map[Change]int64{}
	for _, row := range rows {
		versions[Change(row.Change)] = row.Version
	}
	return versions, err
}

// reportDifferences passes on the changes between two polls.
func (s *shared) reportDifferences(before, now map[Change]int64, fn func(Change)) {
	if before[ChangeEverything] != now[ChangeEverything] {
		s.tell(ChangeEverything, fn)
		return
	}
	for change, version := range now {
		if before[change] != version {
			s.tell(change, fn)
		}
	}
}

// listen listens on one connection; lost reports whether an earlier one was lost. heard
// reports whether the connection was established.
func (s *shared) listen(ctx context.Context, lost bool, fn func(Change)) (heard bool, err error) {
	begun := time.Now()
	conn, err := pgx.ConnectConfig(ctx, s.listenConfig)
	if err != nil {
		return false, translate(ctx, err)
	}
	defer closeSoon(ctx, conn)
	for _, statement := range []string{keepIdleSession, "LISTEN " + channel} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return false, fmt.Errorf("listen to changes: %w", translate(ctx, err))
		}
	}
	if lost {
		s.dropStalled(begun)
	}
	change := ChangeEverything
	for {
		if err = s.replicas.Follow(ctx, conn); err == nil {
			s.tell(change, fn)
			change, err = s.nextChange(ctx, conn)
		}
		if err != nil {
			fn(ChangesUnheard)
			return true, fmt.Errorf("listen to changes: %w", translate(ctx, err))
		}
	}
}

// dropStalled closes the idle connections, and those whose queries have been waiting
// since before the last successful connect: packets may have been lost.
func (s *shared) dropStalled(connected time.Time) {
	s.pool.Reset()
	before := time.Now().Add(-s.stall)
	if connected.Before(before) {
		before = connected
	}
	s.conns.CloseStalled(before)
}

// nextChange waits for a change, and pings the database meanwhile, since a stalled
// database keeps its connections open.
func (s *shared) nextChange(ctx context.Context, conn *pgx.Conn) (Change, error) {
	for {
		limited, cancel := context.WithTimeout(ctx, s.stall/2)
		notification, err := conn.WaitForNotification(limited)
		cancel()
		if err == nil {
			return Change(notification.Payload), nil
		}
		if ctx.Err() != nil || !pgconn.Timeout(err) {
			return "", err
		}
		if err := s.ping(ctx, conn); err != nil {
			return "", err
		}
	}
}

func (s *shared) ping(ctx context.Context, conn *pgx.Conn) error {
	limited, cancel := context.WithTimeout(ctx, s.stall)
	defer cancel()
	if err := conn.Ping(limited); err != nil {
		return fmt.Errorf("ping: %w", err)
	}
	return nil
}

// tell passes a change on. After ChangeEverything the database may be a different one,
// with other ids of subjects.
func (s *shared) tell(change Change, fn func(Change)) {
	if change == ChangeEverything {
		s.subjects.forget()
		s.complete.Store(false)
		s.spread.Store(nil)
	}
	fn(change)
}

// closeSoon closes a connection even if ctx has ended.
func closeSoon(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTimeout)
	defer cancel()
	_ = conn.Close(ctx) // the server ends the session anyway
}
