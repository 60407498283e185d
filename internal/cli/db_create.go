// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
)

func (p *program) dbCreate() *cli.Command {
	return &cli.Command{
		Name:     "db_create",
		Category: categoryDatabase,
		Usage:    "Create the database from configuration parameters.",
		Flags:    []cli.Flag{jsonOption()},
		Action:   p.task(logging.CommandsDatabase, createDatabase),
	}
}

// creation is the JSON result of db_create.
type creation struct {
	Created bool `json:"created"`
}

func createDatabase(ctx context.Context, t *task) error {
	return t.withDatabase(ctx, toWork, func(db *database) error {
		created, err := postgres.CreateDatabase(ctx, db.url)
		if err != nil {
			return err
		}
		if !created {
			return t.printLine(creation{false}, "The database is already there.")
		}
		t.log.Info("the database was created")
		return t.printLine(creation{true}, "The database is created. Initialize it with db_init.")
	})
}
