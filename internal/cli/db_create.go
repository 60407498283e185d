package cli

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/config"
	"github.com/monarc-project/stats-service/internal/postgres"
)

func (p *program) dbCreate() *cli.Command {
	return &cli.Command{
		Name:     "db_create",
		Category: categoryDatabase,
		Usage:    "Create the database from configuration parameters.",
		Action: p.action(func(ctx context.Context, _ *cli.Context, settings config.Config) error {
			return p.createDatabase(ctx, settings)
		}),
	}
}

func (p *program) createDatabase(ctx context.Context, settings config.Config) error {
	db, err := p.openDatabase(ctx, settings, p.logger(settings), false)
	if err != nil {
		return err
	}
	created, err := postgres.CreateDatabase(ctx, db.url)
	if err != nil {
		return closing(ctx, db, err)
	}
	if created {
		fmt.Fprintln(p.Stdout, "The database is created. Initialize it with db_init.")
	} else {
		fmt.Fprintln(p.Stdout, "The database is already there.")
	}
	return db.close(ctx)
}
