package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/secret"
)

func (p *program) clientList() *cli.Command {
	return &cli.Command{
		Name:     "client_list",
		Category: categoryClients,
		Usage:    "List all clients.",
		Flags:    []cli.Flag{jsonOption()},
		Action:   p.task(logging.CommandsClient, listClients),
	}
}

func listClients(ctx context.Context, t *task) error {
	return t.withStore(ctx, func(store *postgres.Store) error {
		clients, sealed := store.ListClients(ctx)
		if sealed != nil && !errors.Is(sealed, secret.ErrCannotOpen) {
			return sealed
		}
		records := make([]clientRecord, len(clients))
		for i, client := range clients {
			records[i] = recordOf(client)
		}
		err := t.print(records, func(w io.Writer) {
			for i, client := range clients {
				if i > 0 {
					fmt.Fprintln(w)
				}
				printClient(w, client)
			}
		})
		return errors.Join(err, sealed)
	})
}
