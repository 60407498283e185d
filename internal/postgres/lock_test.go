// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
)

// lockWaiters counts the sessions of the database that wait for others.
var lockWaiters = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`

// waitForLock returns when a session of the database waits for another.
func waitForLock(t *testing.T, url string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for waiting := 0; waiting == 0; {
		if err := conn.QueryRow(t.Context(), lockWaiters).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
	}
}
