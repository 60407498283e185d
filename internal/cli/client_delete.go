// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
)

func (p *program) clientDelete() *cli.Command {
	return &cli.Command{
		Name:     "client_delete",
		Category: categoryClients,
		Usage:    "Delete the client specified with its UUID and all the related local stats.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "uuid", Usage: "UUID of the client to delete." + required},
			yesOption("Automatically reply yes to the confirmation message for the deletion of the client."),
			jsonOption(),
		},
		Action: p.task(logging.CommandsClient, deleteClient),
	}
}

// clientDeletion is the result of client_delete.
type clientDeletion struct {
	UUID  uuid.UUID `json:"uuid"`
	Name  string    `json:"name"`
	Stats int64     `json:"deleted_stats"`
}

func deleteClient(ctx context.Context, t *task) error {
	id, err := t.uuid("uuid")
	if err != nil {
		return err
	}
	return t.withStore(ctx, func(store *postgres.Store) error {
		name, err := t.confirmDeletion(ctx, store, id, "Delete client %q and its %d stats?")
		if err != nil {
			return err
		}
		deleted, err := store.DeleteClient(ctx, id)
		if err != nil {
			return err
		}
		t.log.Info("a client was deleted", "client", name, "uuid", id.String(), "stats", deleted)
		return t.printLine(clientDeletion{id, name, deleted}, "Client %q and its %d stats are deleted.", name, deleted)
	})
}

// confirmDeletion asks for confirmation, with the name of the client and the number of
// its stats.
func (t *task) confirmDeletion(ctx context.Context, store *postgres.Store, id uuid.UUID, question string) (name string, err error) {
	client, err := store.ClientByUUID(ctx, id)
	if err != nil {
		return "", err
	}
	n, err := store.CountStatsOfClient(ctx, id)
	if err != nil {
		return "", err
	}
	return client.Name, t.confirm(ctx, fmt.Sprintf(question, client.Name, n))
}
