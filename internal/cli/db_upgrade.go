// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
)

func (p *program) dbUpgrade() *cli.Command {
	return &cli.Command{
		Name:     "db_upgrade",
		Category: categoryDatabase,
		Usage:    "Bring the tables up to date after installing a new release.",
		Description: "Takes over the database of a Python stats service, as db_adopt does. A private\n" +
			"database keeps the major version of PostgreSQL that created it: db_backup and\n" +
			"db_restore move it to another.",
		Flags: []cli.Flag{jsonOption()},
		Action: p.task(logging.CommandsDatabase, func(ctx context.Context, t *task) error {
			return t.migrate(ctx, toWork, "The database is up to date.")
		}),
	}
}
