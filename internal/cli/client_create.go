package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/config"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

func (p *program) clientCreate() *cli.Command {
	return &cli.Command{
		Name:     "client_create",
		Category: categoryClients,
		Usage:    "Create a new local client.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "name", Usage: "Name of the client.  [required]"},
			&cli.StringFlag{Name: "uuid", Usage: "UUID of the client."},
			&cli.StringFlag{Name: "token", Usage: "Token of the client."},
			&cli.StringFlag{Name: "role", Usage: "Role of the client (user or admin).", Value: stats.RoleUser.String()},
		},
		Action: p.action(func(ctx context.Context, c *cli.Context, settings config.Config) error {
			client, err := newClient(c)
			if err != nil {
				return err
			}
			return p.createClient(ctx, settings, client)
		}),
	}
}

func newClient(c *cli.Context) (stats.Client, error) {
	client := stats.Client{
		Name:             c.String("name"),
		Token:            c.String("token"),
		Local:            true,
		IsSharingEnabled: true,
		IsActive:         true,
	}
	if client.Name == "" {
		return client, &usageError{"client_create needs the option --name"}
	}
	if given := c.String("uuid"); given != "" {
		id, err := uuid.Parse(given)
		if err != nil || id == uuid.Nil {
			return client, &usageError{fmt.Sprintf("--uuid %q is no UUID such as fb9b4d21-4082-445c-a6e6-5d42a1cd9202", given)}
		}
		client.UUID = id
	}
	role, err := stats.ParseRole(c.String("role"))
	if err != nil {
		return client, &usageError{fmt.Sprintf("--role %q is unknown: use user or admin", c.String("role"))}
	}
	client.Role = role
	return client, nil
}

func (p *program) createClient(ctx context.Context, settings config.Config, client stats.Client) error {
	return p.withStore(ctx, settings, func(store *postgres.Store) error {
		created, err := store.CreateClient(ctx, client)
		if errors.Is(err, stats.ErrUnchanged) {
			return fmt.Errorf("a client with the name %q and this token is already there", client.Name)
		}
		if err != nil {
			return err
		}
		printClient(p.Stdout, created)
		return nil
	})
}
