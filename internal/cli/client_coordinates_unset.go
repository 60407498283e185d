// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

func (p *program) clientCoordinatesUnset() *cli.Command {
	return &cli.Command{
		Name:     "client_coordinates_unset",
		Category: categoryClients,
		Usage:    "Unset the coordinates of the client specified with its UUID.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "uuid", Usage: "UUID of the client." + required},
			jsonOption(),
		},
		Action: p.task(logging.CommandsClient, unsetCoordinates),
	}
}

func unsetCoordinates(ctx context.Context, t *task) error {
	id, err := t.uuid("uuid")
	if err != nil {
		return err
	}
	return t.changeClient(ctx, "The coordinates of client %q (%s) are unset.", func(store *postgres.Store) (stats.Client, error) {
		return store.SetCoordinates(ctx, id, nil, nil)
	})
}
