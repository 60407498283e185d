package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/gen/db"
)

// Change names what a transaction changed: stats of a type (its name),
// ChangeClients or ChangeEverything.
type Change string

const (
	// ChangeEverything reports that anything may have changed.
	ChangeEverything Change = ""
	// ChangesUnheard reports whether nothing is heard of changes until the next
	// ChangeEverything.
	ChangesUnheard Change = "unheard"
	// ChangeClients reports whether clients were created, changed or deleted.
	ChangeClients Change = "client"
)

const (
	channel = "stats_changed"

	listenPause    = 100 * time.Millisecond
	maxListenPause = 10 * time.Second
)

// notify announces changes; those who listen hear of them after the commit.
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

// Listen calls fn with what any process changes in the database, after it was
// committed, until ctx ends, whose error it returns. fn is called from one
// goroutine and should return soon.
//
// It uses a connection of its own, and a new one whenever that is lost: fn then
// gets ChangesUnheard. As changes may have gone unheard before a connection, fn
// gets ChangeEverything once there is one: also at the very start.
func (s *Store) Listen(ctx context.Context, fn func(Change)) error {
	wait := listenPause
	for {
		heard, err := s.listen(ctx, fn)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if heard {
			wait = listenPause
		}
		s.log.WarnContext(ctx, "listening to changes of the database was interrupted", slog.Any("error", err))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
			wait = min(2*wait, maxListenPause)
		}
	}
}

// listen listens on one connection. heard reports whether it was established.
func (s *shared) listen(ctx context.Context, fn func(Change)) (heard bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return false, translate(ctx, err)
	}
	defer closeSoon(ctx, conn)
	for _, statement := range []string{keepIdleSession, "LISTEN " + channel} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return false, fmt.Errorf("listen to changes: %w", translate(ctx, err))
		}
	}
	change := ChangeEverything
	for {
		if err = s.replicas.Follow(ctx, conn); err == nil {
			s.tell(change, fn)
			change, err = nextChange(ctx, conn)
		}
		if err != nil {
			fn(ChangesUnheard)
			return true, fmt.Errorf("listen to changes: %w", translate(ctx, err))
		}
	}
}

func nextChange(ctx context.Context, conn *pgx.Conn) (Change, error) {
	notification, err := conn.WaitForNotification(ctx)
	if err != nil {
		return "", err
	}
	return Change(notification.Payload), nil
}

// tell passes a change on. The database may be another one when everything has
// changed, with other ids of subjects.
func (s *shared) tell(change Change, fn func(Change)) {
	if change == ChangeEverything {
		s.subjects.forget()
		s.complete.Store(false)
		s.spread.Store(nil)
	}
	fn(change)
}

// closeSoon closes a connection also when ctx has ended.
func closeSoon(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTimeout)
	defer cancel()
	_ = conn.Close(ctx) // the server ends the session anyway
}
