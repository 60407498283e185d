// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
)

func (p *program) statsDelete() *cli.Command {
	return &cli.Command{
		Name:     "stats_delete",
		Category: categoryStats,
		Usage:    "Delete the stats of a local client.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "client-uuid", Usage: "UUID of the client related to the stats." + required},
			yesOption(automaticYes),
			jsonOption(),
		},
		Action: p.task(logging.CommandsStats, deleteStatsOfClient),
	}
}

func deleteStatsOfClient(ctx context.Context, t *task) error {
	id, err := t.uuid("client-uuid")
	if err != nil {
		return err
	}
	return t.withStore(ctx, func(store *postgres.Store) error {
		if _, err := t.confirmDeletion(ctx, store, id, "Delete all %[2]d stats of client %[1]q?"); err != nil {
			return err
		}
		return t.deleteStats(ctx, func(progress func(done, total int64)) (int64, error) {
			return store.DeleteStatsOfClient(ctx, id, progress)
		})
	})
}
