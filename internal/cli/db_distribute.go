// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
)

func (p *program) dbDistribute() *cli.Command {
	return &cli.Command{
		Name:     "db_distribute",
		Category: categoryDatabase,
		Usage:    "Distribute the tables over the nodes of a Citus cluster.",
		Description: "Asks for confirmation, then turns the tables into distributed ones, all or none.\n" +
			"Nobody can use them meanwhile: make a backup and stop the service first.\n" +
			"The database needs the extension citus. Only the backup leads back.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Usage: "Change nothing, only print the statements."},
			yesOption(automaticYes),
		},
		Action: p.task(logging.CommandsDatabase, func(ctx context.Context, t *task) error {
			if t.options.Bool("dry-run") {
				return t.printDistribution()
			}
			return t.withStore(ctx, func(store *postgres.Store) error { return t.distribute(ctx, store) })
		}),
	}
}

// printDistribution prints a script for psql. It needs no database.
func (t *task) printDistribution() error {
	return t.writeResult(fmt.Appendf(nil, "BEGIN;\n%s;\nCOMMIT;\n", strings.Join(postgres.DistributionStatements(), ";\n")))
}

func (t *task) distribute(ctx context.Context, store *postgres.Store) error {
	if err := store.CheckDistributable(ctx); err != nil {
		return err
	}
	if err := t.confirm(ctx, fmt.Sprintf("Distribute the tables of %s?", t.databaseName())); err != nil {
		return err
	}
	if err := store.Distribute(ctx); err != nil {
		return err
	}
	t.log.Info("the tables were distributed")
	return t.writeResult([]byte("The tables are distributed.\n"))
}
