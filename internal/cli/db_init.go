package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
)

func (p *program) dbInit() *cli.Command {
	return &cli.Command{
		Name:     "db_init",
		Category: categoryDatabase,
		Usage:    "Initialize the database.",
		Flags:    []cli.Flag{jsonOption()},
		Action: p.task(logging.CommandsDatabase, func(ctx context.Context, t *task) error {
			return t.migrate(ctx, "The database is initialized.")
		}),
	}
}

// migration is what was done to the tables.
type migration struct {
	Applied []string `json:"applied"`
}

// migrate applies what is missing and ends with a sentence.
func (t *task) migrate(ctx context.Context, done string) error {
	return t.withDatabase(ctx, func(url string) error {
		applied, err := postgres.Initialize(ctx, url)
		if err != nil {
			return err
		}
		t.log.Info("the database was migrated", "applied", len(applied))
		return t.print(migration{Applied: append([]string{}, applied...)}, func(w io.Writer) {
			for _, name := range applied {
				fmt.Fprintln(w, "Applied", name)
			}
			fmt.Fprintln(w, done)
		})
	})
}
