package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/config"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

func (p *program) clientList() *cli.Command {
	return &cli.Command{
		Name:     "client_list",
		Category: categoryClients,
		Usage:    "List all clients.",
		Action: p.action(func(ctx context.Context, _ *cli.Context, settings config.Config) error {
			return p.listClients(ctx, settings)
		}),
	}
}

func (p *program) listClients(ctx context.Context, settings config.Config) error {
	return p.withStore(ctx, settings, func(store *postgres.Store) error {
		clients, err := store.ListClients(ctx)
		if err != nil {
			return err
		}
		for i, client := range clients {
			if i > 0 {
				fmt.Fprintln(p.Stdout)
			}
			printClient(p.Stdout, client)
		}
		return nil
	})
}

// createdFormat shows a time, in UTC, to the microsecond.
const createdFormat = "2006-01-02 15:04:05.000000"

func printClient(w io.Writer, client stats.Client) {
	fmt.Fprintf(w, "UUID: %s\nName: %s\nRole: %d\nToken: %s\nCreated at: %s\n",
		client.UUID, client.Name, client.Role, client.Token, client.CreatedAt.UTC().Format(createdFormat))
}
