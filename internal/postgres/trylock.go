// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/monarc-project/stats-service/gen/db"
)

// unlockTimeout bounds the release of a lock.
const unlockTimeout = 5 * time.Second

// keepIdleSession turns the server's limit on idle sessions off where there is
// one (PostgreSQL 14): a connection that listens is idle for long.
const keepIdleSession = `SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'`

// TryLock takes the lock with this name if it is free in this database; ok reports
// whether it did. The caller must then call release.
//
// A transaction on a separate connection, outside the pool, holds the lock, so the lock
// ends with the process. A pooler reserves a session for it.
func (s *Store) TryLock(ctx context.Context, name string) (release func(), ok bool, err error) {
	conn, release, err := openLock(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return nil, false, fmt.Errorf("take the lock %q: %w", name, translate(ctx, err))
	}
	if ok, err = db.New(conn).TryLockExclusive(ctx, lockKey(name)); err != nil || !ok {
		release()
		if err != nil {
			err = fmt.Errorf("take the lock %q: %w", name, translate(ctx, err))
		}
		return nil, false, err
	}
	return release, true, nil
}

// lockKey returns the number of a lock in PostgreSQL.
func lockKey(name string) int64 {
	digest := sha256.Sum256([]byte(name))
	return int64(binary.BigEndian.Uint64(digest[:8]))
}
