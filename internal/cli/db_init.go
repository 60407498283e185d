// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/localpg"
	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
)

func (p *program) dbInit() *cli.Command {
	return &cli.Command{
		Name:     "db_init",
		Category: categoryDatabase,
		Usage:    "Initialize the database.",
		Description: "Creates the tables in an empty database. Takes over the database of a Python\n" +
			"stats service, as db_adopt does.",
		Flags: []cli.Flag{jsonOption()},
		Action: p.task(logging.CommandsDatabase, func(ctx context.Context, t *task) error {
			return t.migrate(ctx, toInitialize, "The database is initialized.")
		}),
	}
}

// migration is the JSON result of db_init and db_upgrade.
type migration struct {
	Applied []string        `json:"applied"`
	Adopted *adoptionRecord `json:"adopted,omitempty"`
	// NewerPostgreSQL is an installed version with a later major than the private database.
	NewerPostgreSQL string `json:"newer_postgresql,omitempty"`
}

// migrate applies missing migrations, and prints done as its last line. It first takes a
// database of the Python service over.
func (t *task) migrate(ctx context.Context, use purpose, done string) error {
	return t.withDatabase(ctx, use, func(db *database) error {
		adopted, err := t.adoptIfNeeded(ctx, db)
		if err != nil {
			return err
		}
		applied, err := postgres.Initialize(ctx, db.url)
		if err != nil {
			return err
		}
		if err := t.requireKey(ctx, db, use); err != nil {
			return err
		}
		t.log.Info("the database was migrated", "applied", len(applied))
		newer, major := t.newerPostgreSQL(ctx, db)
		return t.print(migration{append([]string{}, applied...), adopted, newer}, func(w io.Writer) {
			if adopted != nil {
				adopted.write(w)
			}
			for _, name := range applied {
				fmt.Fprintln(w, "Applied", name)
			}
			fmt.Fprintln(w, done)
			if newer != "" {
				fmt.Fprintf(w, "PostgreSQL %s is installed; the private database keeps version %d until you move it: stop the service, run "+
					"`stats-service db_backup --output FILE`, move the folder %s away, and run `stats-service db_restore --input FILE`.\n",
					newer, major, filepath.Join(folder(t.settings), "postgres"))
			}
		})
	})
}

// newerPostgreSQL returns the newer version of PostgreSQL to which the private database
// can be moved, or "", and the major version that it has.
func (t *task) newerPostgreSQL(ctx context.Context, db *database) (newer string, major int) {
	if !db.own {
		return "", 0
	}
	newer, major, err := localpg.NewerMajor(ctx, localpg.Options{Dir: t.settings.DataDir, Mirror: t.settings.PostgresMirror})
	if err != nil {
		t.log.Warn("looking for a newer PostgreSQL failed", "error", err.Error())
	}
	return newer, major
}

// requireKey creates the key of a private database. It refuses a SECRET_KEY that is too
// short, unless it opens a client's token or the database was taken over.
func (t *task) requireKey(ctx context.Context, db *database, use purpose) error {
	box, _, err := secretBox(t.settings, db.own && use.mayCreate())
	if err != nil || !t.settings.IsWeakKey() {
		return err
	}
	store, err := postgres.Open(ctx, postgres.Options{URL: db.url, Secret: box, Now: t.Now, Log: t.log})
	if err != nil {
		return err
	}
	defer store.Close()
	return checkKey(ctx, store, t.settings, t.log)
}
