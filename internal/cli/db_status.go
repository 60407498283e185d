package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/processor"
)

func (p *program) dbStatus() *cli.Command {
	return &cli.Command{
		Name:     "db_status",
		Category: categoryDatabase,
		Usage:    "Show the version of the tables and what they hold.",
		Flags:    []cli.Flag{jsonOption()},
		Action:   p.task(logging.CommandsDatabase, showStatus),
	}
}

// statusRecord is the state of the database as programs read it.
type statusRecord struct {
	Database      string                   `json:"database"`
	PostgreSQL    string                   `json:"postgresql"`
	Bytes         int64                    `json:"bytes"`
	SchemaVersion int64                    `json:"schema_version"`
	Pending       []string                 `json:"pending"`
	Clients       int64                    `json:"clients"`
	Stats         map[processor.Type]int64 `json:"stats"`
	Unprocessable int64                    `json:"unprocessable"`
	Rollups       bool                     `json:"rollups_complete"`
	Deltas        int64                    `json:"deltas"`
}

func showStatus(ctx context.Context, t *task) error {
	return t.withStore(ctx, func(store *postgres.Store) error {
		status, err := store.Status(ctx)
		if err != nil {
			return err
		}
		record := statusRecord{
			Database:      t.databaseName(),
			PostgreSQL:    status.PostgresVersion,
			Bytes:         status.Size,
			SchemaVersion: status.SchemaVersion,
			Pending:       append([]string{}, status.Pending...),
			Clients:       status.Clients,
			Stats:         status.Stats,
			Unprocessable: status.Unprocessable,
			Rollups:       status.RollupsComplete,
			Deltas:        status.Deltas,
		}
		return t.print(record, record.write)
	})
}

func (s statusRecord) write(w io.Writer) {
	fmt.Fprintf(w, "Database: %s\nPostgreSQL: %s\nBytes: %d\nSchema version: %d\n",
		s.Database, s.PostgreSQL, s.Bytes, s.SchemaVersion)
	if len(s.Pending) > 0 {
		fmt.Fprintf(w, "Pending: %s (run db_upgrade)\n", strings.Join(s.Pending, ", "))
		return
	}
	fmt.Fprintf(w, "Clients: %d\n", s.Clients)
	for _, t := range processor.Types() {
		fmt.Fprintf(w, "Stats of type %s: %d\n", t, s.Stats[t])
	}
	if s.Unprocessable > 0 {
		fmt.Fprintf(w, "Left out of processing, because their data is malformed: %d\n", s.Unprocessable)
	}
	if s.Rollups {
		fmt.Fprintf(w, "Rollups: complete, with %d changes to be added\n", s.Deltas)
	} else {
		fmt.Fprintln(w, "Rollups: missing, which makes processing slow (run db_rebuild)")
	}
}
