// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"errors"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

func (p *program) clientUpdate() *cli.Command {
	return &cli.Command{
		Name:     "client_update",
		Category: categoryClients,
		Usage:    "Change the name, role, access or origin of a client, or whether it counts.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "uuid", Usage: "UUID of the client." + required},
			&cli.StringFlag{Name: "name", Usage: "New name of the client."},
			&cli.StringFlag{Name: "role", Usage: "New role of the client (user or admin)."},
			&cli.BoolFlag{Name: "active", Usage: "Let the client use the service."},
			&cli.BoolFlag{Name: "inactive", Usage: "Refuse the client, but keep it and its stats."},
			&cli.BoolFlag{Name: "local", Usage: "The stats of the client are this instance's own: they count as local and are pushed."},
			&cli.BoolFlag{Name: "no-local", Usage: "The stats of the client come from elsewhere: they are not local and not pushed."},
			&cli.BoolFlag{Name: "processing", Usage: "The stats of the client count in averages and public figures."},
			&cli.BoolFlag{Name: "no-processing", Usage: "Mute the client: its stats are kept and returned to it, but count nowhere."},
			jsonOption(),
		},
		Action: p.task(logging.CommandsClient, updateClient),
	}
}

func updateClient(ctx context.Context, t *task) error {
	id, err := t.uuid("uuid")
	if err != nil {
		return err
	}
	change, err := t.clientChange()
	if err != nil {
		return err
	}
	return t.changeClient(ctx, "Client %q (%s) is changed.", func(store *postgres.Store) (stats.Client, error) {
		return store.UpdateClient(ctx, id, change)
	})
}

func (t *task) clientChange() (change postgres.ClientChange, err error) {
	if t.options.IsSet("name") {
		name := t.options.String("name")
		change.Name = &name
	}
	if t.options.IsSet("role") {
		role, err := t.role()
		if err != nil {
			return change, err
		}
		change.Role = &role
	}
	if change.Active, err = t.choice("active", "inactive"); err != nil {
		return change, err
	}
	if change.Local, err = t.choice("local", "no-local"); err != nil {
		return change, err
	}
	if change.Processed, err = t.choice("processing", "no-processing"); err != nil {
		return change, err
	}
	if change == (postgres.ClientChange{}) {
		return change, usagef("client_update needs something to change: --name, --role, --active or --inactive, --local or --no-local, --processing or --no-processing")
	}
	return change, nil
}

// choice returns which of two opposite options was given, nil for neither.
func (t *task) choice(yes, no string) (*bool, error) {
	for _, flags := range [][2]string{{yes, no}, {no, yes}} {
		if t.options.IsSet(flags[0]) && !t.options.Bool(flags[0]) {
			return nil, usagef("--%s=false changes nothing: use --%s", flags[0], flags[1])
		}
	}
	chosen, refused := t.options.Bool(yes), t.options.Bool(no)
	switch {
	case chosen && refused:
		return nil, usagef("--%s and --%s contradict each other", yes, no)
	case chosen || refused:
		return &chosen, nil
	}
	return nil, nil
}

// changeClient changes a client and prints a sentence with its name and UUID.
func (t *task) changeClient(ctx context.Context, done string, change func(store *postgres.Store) (stats.Client, error)) error {
	return t.withStore(ctx, func(store *postgres.Store) error {
		client, err := change(store)
		if invalid, ok := errors.AsType[*stats.InvalidError](err); ok {
			return invalidOption(invalid)
		}
		if err != nil {
			return err
		}
		t.log.Info("a client was changed", "command", t.options.Command.Name, "client", client.Name, "uuid", client.UUID.String())
		return t.printLine(recordOf(client), done, client.Name, client.UUID)
	})
}
