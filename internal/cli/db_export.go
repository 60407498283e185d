// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
)

func (p *program) dbExport() *cli.Command {
	return &cli.Command{
		Name:     "db_export",
		Category: categoryDatabase,
		Usage:    "Write the database as SQL with the tables of the Python stats service.",
		Description: "The way back to the Python stats service: psql creates its database from the\n" +
			"output, with every current client and stat. The output contains the tokens of the\n" +
			"clients in clear text. The service may run meanwhile.",
		Flags: []cli.Flag{
			outputOption(),
		},
		Action: p.task(logging.CommandsDatabase, func(ctx context.Context, t *task) error {
			return t.withStore(ctx, func(store *postgres.Store) error { return t.export(ctx, store) })
		}),
	}
}

func (t *task) export(ctx context.Context, store *postgres.Store) error {
	var done postgres.Exported
	name := t.options.String("output")
	err := t.writeOutput(name, func(w io.Writer) (err error) {
		done, err = store.ExportPython(ctx, w)
		return err
	})
	if err != nil {
		return err
	}
	t.log.Info("the database was exported", "clients", done.Clients, "stats", done.Stats)
	if done.Muted > 0 {
		fmt.Fprintf(t.terminal, "%d clients are muted here, which the Python service does not know: their stats count there.\n", done.Muted)
	}
	if name == "" {
		return nil
	}
	return t.writeResult(fmt.Appendf(nil, "exported: clients: %d, stats: %d\n", done.Clients, done.Stats))
}

func outputOption() cli.Flag {
	return &fileFlag{cli.StringFlag{Name: "output", Usage: "New file to write, which only its owner may read (default: standard output)."}}
}

// writeOutput writes to a new file, which only its owner may read, or to standard output
// if name is empty. It removes the file if writing fails.
func (t *task) writeOutput(name string, write func(w io.Writer) error) error {
	if name == "" {
		return write(t.Stdout)
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return usagef("--output: %v", err)
	}
	if err = errors.Join(write(file), file.Sync(), file.Close()); err != nil {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}
