// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/secret"
	"github.com/monarc-project/stats-service/internal/stats"
)

func (p *program) clientList() *cli.Command {
	return &cli.Command{
		Name:     "client_list",
		Category: categoryClients,
		Usage:    "List all clients.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "table", Usage: "Print a line for each client, without tokens."},
			jsonOption(),
		},
		Action: p.task(logging.CommandsClient, listClients),
	}
}

func listClients(ctx context.Context, t *task) error {
	if t.options.Bool("table") && t.options.Bool("json") {
		return usagef("--table and --json exclude each other: give one of them")
	}
	return t.withStore(ctx, func(store *postgres.Store) error {
		if t.options.Bool("table") {
			return t.tabulateClients(ctx, store)
		}
		clients, sealed := store.ListClients(ctx)
		if sealed != nil && !errors.Is(sealed, secret.ErrCannotOpen) {
			return sealed
		}
		records := make([]clientRecord, len(clients))
		for i, client := range clients {
			records[i] = recordOf(client)
		}
		t.explainEmpty(len(clients), noClients)
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

const noClients = "There are no clients; client_create creates one."

// tabulateClients prints a table without tokens, which needs no secret key.
func (t *task) tabulateClients(ctx context.Context, store *postgres.Store) error {
	clients, err := store.Clients(ctx)
	if err != nil {
		return err
	}
	t.explainEmpty(len(clients), noClients)
	return t.print(nil, func(w io.Writer) { writeClientTable(w, clients) })
}

// writeClientTable writes the name last, because its width on a screen is unknown.
func writeClientTable(w io.Writer, clients []stats.Client) {
	if len(clients) == 0 {
		return
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "UUID\tROLE\tSHARING\tACTIVE\tLOCAL\tPROCESSED\tLAST SEEN\tNAME")
	for _, client := range clients {
		seen := "never"
		if client.LastSeen != nil {
			seen = client.LastSeen.Format(time.DateTime)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", client.UUID, client.Role, yesOrNo(client.IsSharingEnabled),
			yesOrNo(client.IsActive), yesOrNo(client.Local), yesOrNo(client.IsProcessed), seen, onOneLine(client.Name))
	}
	_ = table.Flush() // into memory
}

func yesOrNo(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// onOneLine makes a name printable: an adopted database may hold any.
func onOneLine(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, name)
}
