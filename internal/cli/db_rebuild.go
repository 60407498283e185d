// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
)

func (p *program) dbRebuild() *cli.Command {
	return &cli.Command{
		Name:     "db_rebuild",
		Category: categoryDatabase,
		Usage:    "Recompute everything that is derived from the stats.",
		Description: "Recomputes the observations of each document, which processing reads, and then\n" +
			"the daily rollups. The service may run meanwhile. This repairs rollups that do\n" +
			"not match the stats according to db_status.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "check", Usage: "Change nothing, only compare the rollups with the stats."},
			jsonOption(),
		},
		Action: p.task(logging.CommandsDatabase, func(ctx context.Context, t *task) error {
			return t.withStore(ctx, func(store *postgres.Store) error {
				if t.options.Bool("check") {
					return t.checkRollups(ctx, store)
				}
				return t.rebuild(ctx, store)
			})
		}),
	}
}

// rebuilt is the JSON result of db_rebuild.
type rebuilt struct {
	Stats         int64   `json:"stats"`
	Completed     int64   `json:"completed"`
	Corrected     int64   `json:"corrected"`
	Unprocessable int64   `json:"unprocessable"`
	Seconds       float64 `json:"seconds"`
}

func (t *task) rebuild(ctx context.Context, store *postgres.Store) error {
	show, end := t.terminal.progress(ctx, "Rebuilding")
	started := t.Now()
	done, err := store.Rebuild(ctx, show)
	end()
	if err != nil {
		return ended(ctx, done.Completed, err)
	}
	result := rebuilt{done.Stats, done.Completed, done.Corrected, done.Unprocessable, seconds(t.Now().Sub(started))}
	t.log.Info("the rollups were rebuilt", "stats", result.Stats, "completed", result.Completed, "corrected", result.Corrected,
		"unprocessable", result.Unprocessable, "seconds", result.Seconds)
	return t.printLine(result, "stats: %d, completed: %d, corrected: %d, left out as malformed: %d, seconds: %g",
		result.Stats, result.Completed, result.Corrected, result.Unprocessable, result.Seconds)
}

// agreement is the JSON result of db_rebuild --check.
type agreement struct {
	Agree       bool     `json:"agree"`
	Differences []string `json:"differences"`
}

func (t *task) checkRollups(ctx context.Context, store *postgres.Store) error {
	found, err := store.RollupsAgree(ctx)
	if err != nil {
		return err
	}
	result := agreement{Agree: len(found) == 0, Differences: []string{}}
	for _, difference := range found {
		result.Differences = append(result.Differences, difference.String())
	}
	printed := t.print(result, result.write)
	if !result.Agree {
		err = errors.New("the rollups do not match the stats: run db_rebuild")
	}
	return errors.Join(err, printed)
}

func (a agreement) write(w io.Writer) {
	for _, difference := range a.Differences {
		fmt.Fprintln(w, difference)
	}
	if a.Agree {
		fmt.Fprintln(w, "The rollups match the stats.")
	}
}
