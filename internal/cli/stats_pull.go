// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"

	"github.com/google/uuid"
	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/peer"
	"github.com/monarc-project/stats-service/internal/postgres"
)

func (p *program) statsPull() *cli.Command {
	return &cli.Command{
		Name:     "stats_pull",
		Category: categoryStats,
		Usage:    "Pull stats from an other stats instance for the local client specified in parameter.",
		Description: `The instance is REMOTE_STATS_SERVER. What was pulled before is not pulled again,
except for the last week, so that the command can run as often as is wanted.
With --full it is, for stats that reached the instance long after their day.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "client-uuid", Usage: "Local client uuid" + required},
			&cli.StringFlag{Name: "token", Usage: "Client token on remote side  [required unless REMOTE_STATS_TOKEN is set]"},
			tokenFileOption(),
			&cli.StringSliceFlag{Name: "stats-type", Usage: "Type of the stats to import (" + typeNames() + ", or " + allTypes +
				"). Can be given several times." + required},
			dateOption("date-from", "First day of the stats. Default value is where the last pull ended, or 36 months before the current day."),
			dateOption("date-to", "Last day of the stats. Default value is today."),
			&cli.BoolFlag{Name: "full", Usage: "Pull the last 36 months again; existing stats stay unchanged."},
			&cli.BoolFlag{Name: "dry-run", Usage: "Only count what would be stored."},
			jsonOption(),
		},
		Action: p.task(logging.CommandsStats, pullStats),
	}
}

func pullStats(ctx context.Context, t *task) error {
	options, id, err := t.pullOptions()
	if err != nil {
		return err
	}
	return t.withStore(ctx, func(store *postgres.Store) error {
		options.Store = store
		if options.Client, err = store.ClientByUUID(ctx, id); err != nil {
			return err
		}
		show, end := t.terminal.progress(ctx, "Pulling")
		options.Progress = show
		summary, err := peer.Pull(ctx, options)
		end()
		t.recordTransfer(ctx, store, "pull", summary, err)
		return t.endTransfer("received", summary, err)
	})
}

func (t *task) pullOptions() (options peer.PullOptions, client uuid.UUID, err error) {
	options.DryRun, options.Full = t.options.Bool("dry-run"), t.options.Bool("full")
	if client, err = t.uuid("client-uuid"); err != nil {
		return options, client, err
	}
	if options.From, options.To, err = t.dates(); err != nil {
		return options, client, err
	}
	if options.Full && !options.From.IsZero() {
		return options, client, usagef("--full and --date-from exclude each other: give one of them")
	}
	if options.Types, err = t.statsTypes("stats-type"); err != nil {
		return options, client, err
	}
	options.Remote, err = t.remote("token")
	return options, client, err
}
