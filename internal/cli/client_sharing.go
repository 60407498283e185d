// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

func (p *program) clientSharingActivate() *cli.Command {
	return p.clientSharing("client_sharing_activate", "True", true)
}

func (p *program) clientSharingDeactivate() *cli.Command {
	return p.clientSharing("client_sharing_deactivate", "False", false)
}

func (p *program) clientSharing(name, value string, enabled bool) *cli.Command {
	return &cli.Command{
		Name:     name,
		Category: categoryClients,
		Usage:    "Set the is_sharing_enabled attribute of a local client, specified with its UUID, to " + value + ".",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "uuid", Usage: "UUID of the client." + required},
			jsonOption(),
		},
		Action: p.task(logging.CommandsClient, func(ctx context.Context, t *task) error {
			return t.setSharing(ctx, enabled)
		}),
	}
}

func (t *task) setSharing(ctx context.Context, enabled bool) error {
	id, err := t.uuid("uuid")
	if err != nil {
		return err
	}
	done := "Client %q (%s) does not share its stats."
	if enabled {
		done = "Client %q (%s) shares its stats."
	}
	return t.changeClient(ctx, done, func(store *postgres.Store) (stats.Client, error) {
		return store.SetSharing(ctx, id, enabled)
	})
}
