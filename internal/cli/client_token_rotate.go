// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
)

func (p *program) clientTokenRotate() *cli.Command {
	return &cli.Command{
		Name:     "client_token_rotate",
		Category: categoryClients,
		Usage:    "Give the client specified with its UUID a new token.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "uuid", Usage: "UUID of the client." + required},
			&cli.DurationFlag{Name: "grace", Usage: "How long the old token stays valid, such as 90m or 48h.  [default: not at all]"},
			jsonOption(),
		},
		Action: p.task(logging.CommandsClient, rotateToken),
	}
}

// rotation is the result of client_token_rotate.
type rotation struct {
	clientRecord
	PreviousUntil time.Time `json:"previous_token_until"`
}

func rotateToken(ctx context.Context, t *task) error {
	id, err := t.uuid("uuid")
	if err != nil {
		return err
	}
	grace := t.options.Duration("grace")
	if grace < 0 {
		return usagef("--grace %s is negative: 0s ends the old token at once", grace)
	}
	return t.withStoreFor(ctx, toSeal, func(store *postgres.Store) error {
		until := t.Now().Add(grace).UTC().Truncate(time.Second)
		client, err := store.RotateToken(ctx, id, grace)
		if err != nil {
			return err
		}
		t.log.Info("a client has a new token", "client", client.Name, "uuid", id.String(), "grace", grace)
		return t.printToken(rotation{recordOf(client), until}, func(w io.Writer) {
			printClient(w, client)
			fmt.Fprintf(w, "Old token valid until: %s\n", until.Format(time.DateTime))
		})
	})
}
