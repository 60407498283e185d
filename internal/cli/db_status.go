// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

func (p *program) dbStatus() *cli.Command {
	return &cli.Command{
		Name:     "db_status",
		Category: categoryDatabase,
		Usage:    "Show the version and the contents of the tables.",
		Description: "Compares the rollups, which results over all clients are computed from, with the\n" +
			"stats. This takes a few seconds for some hundred thousand stats.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "quick", Usage: "Do not compare the rollups with the stats."},
			jsonOption(),
		},
		Action: p.task(logging.CommandsDatabase, showStatus),
	}
}

// statusRecord is the JSON result of db_status.
type statusRecord struct {
	Database      string               `json:"database"`
	PostgreSQL    string               `json:"postgresql"`
	Bytes         int64                `json:"bytes"`
	SchemaVersion int64                `json:"schema_version"`
	Pending       []string             `json:"pending"`
	Clients       int64                `json:"clients"`
	Stats         map[stats.Type]int64 `json:"stats"`
	Documents     int64                `json:"documents"`
	Unprocessable int64                `json:"unprocessable"`
	Rollups       bool                 `json:"rollups_complete"`
	Agree         *bool                `json:"rollups_agree"` // null: not compared
	differences   int                  // of days and types
	Deltas        int64                `json:"deltas"`
	Replicas      []replicaRecord      `json:"replicas,omitempty"`
}

// replicaRecord is the state of a read replica in JSON.
type replicaRecord struct {
	Name          string  `json:"name"`
	Usable        bool    `json:"usable"`
	BehindBytes   int64   `json:"behind_bytes"`
	BehindSeconds float64 `json:"behind_seconds"`
	Problem       string  `json:"problem,omitempty"`
}

func showStatus(ctx context.Context, t *task) error {
	return t.withStore(ctx, func(store *postgres.Store) error {
		status, err := store.Status(ctx)
		if err != nil {
			return err
		}
		record := statusRecord{
			Database:      strings.TrimPrefix(t.databaseName(), "the database "),
			PostgreSQL:    status.PostgresVersion,
			Bytes:         status.Size,
			SchemaVersion: status.SchemaVersion,
			Pending:       append([]string{}, status.Pending...),
			Clients:       status.Clients,
			Stats:         status.Stats,
			Documents:     status.Documents,
			Unprocessable: status.Unprocessable,
			Rollups:       status.RollupsComplete,
			Deltas:        status.Deltas,
		}
		if record.Replicas, err = t.replicas(ctx, store); err != nil {
			return err
		}
		if status.RollupsComplete && !t.options.Bool("quick") {
			if err := record.compare(ctx, store); err != nil {
				return err
			}
		}
		return t.print(record, record.write)
	})
}

// compare compares the rollups with the stats.
func (s *statusRecord) compare(ctx context.Context, store *postgres.Store) error {
	found, err := store.RollupsAgree(ctx)
	if err != nil {
		return err
	}
	agree := len(found) == 0
	s.Agree, s.differences = &agree, len(found)
	return nil
}

// replicas returns the states of the configured read replicas.
func (t *task) replicas(ctx context.Context, store *postgres.Store) ([]replicaRecord, error) {
	found, err := store.ReplicaStatuses(ctx, t.settings.ReadURLs())
	var records []replicaRecord
	for _, replica := range found {
		record := replicaRecord{
			Name: replica.Name, BehindBytes: replica.BehindBytes, BehindSeconds: seconds(replica.Behind),
			Usable: replica.Err == nil && replica.Behind <= t.settings.DatabaseReadMaxLag,
		}
		if replica.Err != nil {
			record.Problem = strings.Join(strings.Fields(replica.Err.Error()), " ")
		}
		records = append(records, record)
	}
	return records, err
}

func (r replicaRecord) write(w io.Writer) {
	fmt.Fprintf(w, "Read replica %s: ", r.Name)
	switch {
	case r.Problem != "":
		fmt.Fprintf(w, "not used: %s\n", r.Problem)
	case r.BehindBytes == 0:
		fmt.Fprintln(w, "level with the primary")
	default:
		fmt.Fprintf(w, "behind by %d bytes and up to %g seconds\n", r.BehindBytes, r.BehindSeconds)
	}
}

func (s statusRecord) write(w io.Writer) {
	fmt.Fprintf(w, "Database: %s\nPostgreSQL: %s\nBytes: %d\nSchema version: %d\n",
		s.Database, s.PostgreSQL, s.Bytes, s.SchemaVersion)
	for _, replica := range s.Replicas {
		replica.write(w)
	}
	if len(s.Pending) > 0 {
		fmt.Fprintf(w, "Pending: %s (run db_upgrade)\n", strings.Join(s.Pending, ", "))
		return
	}
	fmt.Fprintf(w, "Clients: %d\n", s.Clients)
	for _, t := range stats.Types() {
		fmt.Fprintf(w, "Stats of type %s: %d\n", t, s.Stats[t])
	}
	fmt.Fprintf(w, "Documents: %d\n", s.Documents)
	if s.Unprocessable > 0 {
		fmt.Fprintf(w, "Left out of processing, because their type is unknown or their data malformed: %d\n", s.Unprocessable)
	}
	s.writeRollups(w)
}

func (s statusRecord) writeRollups(w io.Writer) {
	if !s.Rollups {
		fmt.Fprintln(w, "Rollups: missing, which makes processing slow (run db_rebuild)")
		return
	}
	fmt.Fprintf(w, "Rollups: complete, with %d deltas to be merged\n", s.Deltas)
	switch {
	case s.Agree == nil:
	case *s.Agree:
		fmt.Fprintln(w, "Rollups and stats: agree")
	default:
		fmt.Fprintf(w, "Rollups and stats: differ in %d places (run db_rebuild; db_rebuild --check names them)\n", s.differences)
	}
}
