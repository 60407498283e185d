package cli

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
)

func (p *program) dbUpgrade() *cli.Command {
	return &cli.Command{
		Name:        "db_upgrade",
		Category:    categoryDatabase,
		Usage:       "Bring the tables up to date after a new release was installed.",
		Description: "Takes the database of a Python stats service over, as db_adopt does.",
		Flags:       []cli.Flag{jsonOption()},
		Action: p.task(logging.CommandsDatabase, func(ctx context.Context, t *task) error {
			return t.migrate(ctx, toWork, "The database is up to date.")
		}),
	}
}
