// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

func (p *program) clientCreate() *cli.Command {
	return &cli.Command{
		Name:     "client_create",
		Category: categoryClients,
		Usage:    "Create a new local client.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "name", Usage: "Name of the client." + required},
			&cli.StringFlag{Name: "uuid", Usage: "UUID of the client."},
			&cli.StringFlag{Name: "token", Usage: "Token of the client."},
			tokenFileOption(),
			&cli.StringFlag{Name: "role", Usage: "Role of the client (user or admin).", Value: stats.RoleUser.String()},
			jsonOption(),
		},
		Action: p.task(logging.CommandsClient, createClient),
	}
}

func createClient(ctx context.Context, t *task) error {
	client, err := t.newClient()
	if err != nil {
		return err
	}
	return t.withStoreFor(ctx, toSeal, func(store *postgres.Store) error {
		created, err := store.CreateClient(ctx, client)
		if errors.Is(err, stats.ErrUnchanged) {
			return fmt.Errorf("create client %q: it is already there, with this token", client.Name)
		}
		if invalid, ok := errors.AsType[*stats.InvalidError](err); ok {
			return invalidOption(invalid)
		}
		if err != nil {
			return err
		}
		t.log.Info("a client was created", "client", created.Name, "uuid", created.UUID.String(), "role", created.Role.String())
		return t.printToken(recordOf(created), func(w io.Writer) { printClient(w, created) })
	})
}

func (t *task) newClient() (client stats.Client, err error) {
	client = stats.Client{
		Name:             t.options.String("name"),
		Local:            true,
		IsSharingEnabled: true,
		IsActive:         true,
	}
	if client.UUID, err = t.uuid("uuid"); err != nil {
		return client, err
	}
	if client.Token, err = t.token("token"); err != nil {
		return client, err
	}
	client.Role, err = t.role()
	return client, err
}

// role returns the value of --role. An unknown one is an error.
func (t *task) role() (stats.Role, error) {
	given := t.options.String("role")
	role, err := stats.ParseRole(given)
	if err != nil {
		return 0, usagef("--role %q is unknown: use user or admin", given)
	}
	return role, nil
}

// invalidOption names the option of each invalid field of a client.
func invalidOption(err *stats.InvalidError) error {
	var reasons []string
	for field, reason := range err.Fields {
		reasons = append(reasons, "--"+field+": "+reason)
	}
	slices.Sort(reasons)
	return &usageError{strings.Join(reasons, "; ")}
}
