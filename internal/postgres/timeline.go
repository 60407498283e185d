// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5/pgconn"
)

// timelines refuses connections to a former primary. After a failover, a former primary
// may keep running for a while, because its machine was frozen or unreachable, and answer
// with outdated data. Every failover starts a timeline with a higher number.
type timelines struct {
	mu     sync.Mutex
	system string // identifier of the cluster that newest belongs to
	newest string // eight hexadecimal digits
	// onLater is called when a later timeline is found: connections from before lead to
	// a former primary.
	onLater func()
}

// timelineStatement reads the cluster that a server belongs to and the timeline that it
// writes, none for a standby.
const timelineStatement = `SELECT system_identifier::text,
	CASE WHEN pg_is_in_recovery() THEN '' ELSE substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) END
FROM pg_control_system()`

// validate makes new connections check the server's timeline. If the URL has several
// hosts, the driver then tries the next one.
func (l *timelines) validate(config *pgconn.Config) {
	validate := config.ValidateConnect
	config.ValidateConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		if validate != nil {
			if err := validate(ctx, conn); err != nil {
				return err
			}
		}
		results, err := conn.Exec(ctx, timelineStatement).ReadAll()
		if _, refused := errors.AsType[*pgconn.PgError](err); refused {
			return nil // services without a write-ahead log have no former primaries
		}
		if err != nil {
			return err
		}
		if len(results) != 1 || len(results[0].Rows) != 1 {
			return nil
		}
		row := results[0].Rows[0]
		return l.check(string(row[0]), string(row[1]))
	}
}

func (l *timelines) check(system, timeline string) error {
	if timeline == "" {
		return nil
	}
	l.mu.Lock()
	before := l.newest
	if system == l.system && timeline < before {
		l.mu.Unlock()
		return fmt.Errorf("the server writes timeline %s and is a former primary, since %s exists; if an older backup was restored, restart the service", timeline, before)
	}
	later := before != "" && (system != l.system || timeline > before)
	l.system, l.newest = system, timeline
	l.mu.Unlock()
	if later {
		l.onLater()
	}
	return nil
}
