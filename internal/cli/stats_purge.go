// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
)

// keptMonths is the default period for which stats are kept.
const keptMonths = 36

func (p *program) statsPurge() *cli.Command {
	return &cli.Command{
		Name:     "stats_purge",
		Category: categoryStats,
		Usage:    "Delete the stats older than the number of months specified in parameter.",
		Description: "Also deletes entries of the audit log of that age. Asks for confirmation only at\n" +
			"a terminal, since it is meant for cron.",
		Flags: []cli.Flag{
			monthsOption("Age (in months) of the stats to purge.", keptMonths),
			yesOption(automaticYes),
			jsonOption(),
		},
		Action: p.task(logging.CommandsStats, purgeStats),
	}
}

func purgeStats(ctx context.Context, t *task) error {
	before, err := t.monthsAgo("nb-month")
	if err != nil {
		return err
	}
	return t.withStore(ctx, func(store *postgres.Store) error {
		if err := t.confirmPurge(ctx, store, before); err != nil {
			return err
		}
		return t.deleteStats(ctx, func(progress func(done, total int64)) (int64, error) {
			deleted, err := store.PurgeStats(ctx, before, progress)
			if err != nil {
				return deleted, err
			}
			return deleted, t.purgeAudit(ctx, store, before)
		})
	})
}

// purgeAudit deletes entries of the audit log that are older than the stats are kept.
func (t *task) purgeAudit(ctx context.Context, store *postgres.Store, before time.Time) error {
	entries, err := store.PurgeAudit(ctx, before)
	if entries > 0 {
		t.log.Info("old entries of the audit log were deleted", "entries", entries)
	}
	return err
}

func (t *task) confirmPurge(ctx context.Context, store *postgres.Store, before time.Time) error {
	if !t.attended() {
		return nil
	}
	n, err := store.CountPurgeable(ctx, before)
	if err != nil || n == 0 {
		return err
	}
	return t.confirm(ctx, fmt.Sprintf("Delete %d stats of days before %s?", n, before.Format(time.DateOnly)))
}
