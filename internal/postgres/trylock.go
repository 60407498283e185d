package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/gen/db"
)

// unlockTimeout bounds how long giving a lock back may take.
const unlockTimeout = 5 * time.Second

// keepIdleSession turns the server's limit on idle sessions off where there is
// one (PostgreSQL 14): a lock's connection is idle for as long as it is held.
const keepIdleSession = `SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'`

// TryLock takes the lock called name if nobody holds it in this database; ok
// reports whether it did. release gives it back and must be called then.
//
// The lock is held by a connection of its own, outside the pool, and so ends
// with the process whatever happens to it. A pooler that shares sessions, as
// PgBouncer does in transaction mode, does not keep it.
func (s *Store) TryLock(ctx context.Context, name string) (release func(), ok bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return nil, false, fmt.Errorf("take the lock %q: %w", name, translate(ctx, err))
	}
	release = func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTimeout)
		defer cancel()
		// The server notices a closed connection only after a while; who asks for
		// the lock next should not have to wait. If this fails, the lock ends then.
		_, _ = conn.Exec(ctx, "SELECT pg_advisory_unlock_all()")
		_ = conn.Close(ctx)
	}
	if ok, err = tryLock(ctx, conn, name); err != nil || !ok {
		release()
		return nil, false, err
	}
	return release, true, nil
}

func tryLock(ctx context.Context, conn *pgx.Conn, name string) (ok bool, err error) {
	if _, err = conn.Exec(ctx, keepIdleSession); err == nil {
		ok, err = db.New(conn).TryLock(ctx, lockKey(name))
	}
	if err != nil {
		return false, fmt.Errorf("take the lock %q: %w", name, translate(ctx, err))
	}
	return ok, nil
}

// lockKey makes the number that PostgreSQL knows a lock by.
func lockKey(name string) int64 {
	digest := sha256.Sum256([]byte(name))
	return int64(binary.BigEndian.Uint64(digest[:8]))
}
