// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
)

func (p *program) statsRemoveDuplicate() *cli.Command {
	return &cli.Command{
		Name:     "stats_remove_duplicate",
		Category: categoryStats,
		Usage:    "Delete the stats that are stored more than once.",
		Description: "Duplicates are stats of one client with the same analysis, type, date and data.\n" +
			"The one that was stored first stays.",
		Flags: []cli.Flag{
			typeOption("Type of the stats to look at"),
			monthsOption("Maximum age (in months) of the stats to look at.  [default: any]", 0),
			yesOption(automaticYes),
			jsonOption(),
		},
		Action: p.task(logging.CommandsStats, removeDuplicates),
	}
}

func removeDuplicates(ctx context.Context, t *task) error {
	query, err := t.duplicateQuery()
	if err != nil {
		return err
	}
	return t.withStore(ctx, func(store *postgres.Store) error {
		if err := t.confirmDuplicates(ctx, store, query); err != nil {
			return err
		}
		return t.deleteStats(ctx, func(progress func(done, total int64)) (int64, error) {
			return store.RemoveDuplicates(ctx, query, progress)
		})
	})
}

func (t *task) duplicateQuery() (query postgres.DuplicateQuery, err error) {
	if query.Type, err = t.statsType(); err != nil {
		return query, err
	}
	query.Since, err = t.monthsAgo("nb-month")
	return query, err
}

// confirmDuplicates asks for confirmation if there is something to delete.
func (t *task) confirmDuplicates(ctx context.Context, store *postgres.Store, query postgres.DuplicateQuery) error {
	if t.options.Bool("yes") {
		return nil
	}
	n, err := store.CountDuplicates(ctx, query)
	if err != nil || n == 0 {
		return err
	}
	return t.confirm(ctx, fmt.Sprintf("Delete %d duplicate stats?", n))
}
