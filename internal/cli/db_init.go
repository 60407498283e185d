package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/config"
	"github.com/monarc-project/stats-service/internal/postgres"
)

func (p *program) dbInit() *cli.Command {
	return &cli.Command{
		Name:     "db_init",
		Category: categoryDatabase,
		Usage:    "Initialize the database.",
		Action: p.action(func(ctx context.Context, _ *cli.Context, settings config.Config) error {
			return p.initDatabase(ctx, settings)
		}),
	}
}

func (p *program) initDatabase(ctx context.Context, settings config.Config) error {
	db, err := p.openDatabase(ctx, settings, p.logger(settings), false)
	if err != nil {
		return err
	}
	applied, err := postgres.Initialize(ctx, db.url)
	if err != nil {
		return closing(ctx, db, err)
	}
	for _, migration := range applied {
		fmt.Fprintln(p.Stdout, "Applied", migration)
	}
	fmt.Fprintln(p.Stdout, "The database is initialized.")
	return db.close(ctx)
}

// closing ends the database after a failure and reports both.
func closing(ctx context.Context, db *database, err error) error {
	return errors.Join(err, db.close(ctx))
}
