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
		Usage:    "Change the name, the role or the access of the client specified with its UUID.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "uuid", Usage: "UUID of the client." + required},
			&cli.StringFlag{Name: "name", Usage: "New name of the client."},
			&cli.StringFlag{Name: "role", Usage: "New role of the client (user or admin)."},
			&cli.BoolFlag{Name: "active", Usage: "Let the client use the service."},
			&cli.BoolFlag{Name: "inactive", Usage: "Refuse the client, but keep it and its stats."},
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
	for flag, opposite := range map[string]string{"active": "inactive", "inactive": "active"} {
		if t.options.IsSet(flag) && !t.options.Bool(flag) {
			return change, usagef("--%s=false changes nothing: use --%s", flag, opposite)
		}
	}
	active, inactive := t.options.Bool("active"), t.options.Bool("inactive")
	if active && inactive {
		return change, usagef("--active and --inactive contradict each other")
	}
	if active || inactive {
		change.Active = &active
	}
	if change == (postgres.ClientChange{}) {
		return change, usagef("client_update needs something to change: --name, --role, --active or --inactive")
	}
	return change, nil
}

// changeClient runs the change of a client and prints a sentence with its name
// and uuid.
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
