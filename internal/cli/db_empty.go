// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
)

func (p *program) dbEmpty() *cli.Command {
	return &cli.Command{
		Name:     "db_empty",
		Category: categoryDatabase,
		Usage:    "Empty the database.",
		Description: "Asks for confirmation, then drops all tables of the service with every client\n" +
			"and all statistics. db_init creates them again. Restart a running service\n" +
			"afterwards.",
		Flags:  []cli.Flag{yesOption(automaticYes)},
		Action: p.task(logging.CommandsDatabase, emptyDatabase),
	}
}

func emptyDatabase(ctx context.Context, t *task) error {
	return t.withStore(ctx, func(store *postgres.Store) error {
		status, err := store.Status(ctx)
		if err != nil {
			return err
		}
		question := fmt.Sprintf("Drop %s with %d clients and %d stats?", t.databaseName(), status.Clients, total(status))
		if err := t.confirm(ctx, question); err != nil {
			return err
		}
		if err := store.EmptyDatabase(ctx); err != nil {
			return err
		}
		t.log.Info("the database was emptied", "clients", status.Clients, "stats", total(status))
		return t.writeResult([]byte("The database is empty. Initialize it with db_init.\n"))
	})
}

func total(status postgres.Status) (n int64) {
	for _, count := range status.Stats {
		n += count
	}
	return n
}
