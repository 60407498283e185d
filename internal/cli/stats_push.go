// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/peer"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

func (p *program) statsPush() *cli.Command {
	return &cli.Command{
		Name:     "stats_push",
		Category: categoryStats,
		Usage:    "Pushes the clients stats to the global stats server.",
		Description: `Only the stats of the clients with the flag is_sharing_enabled set to True
will be pushed.

If you specify the UUID of a client only the stats of this client will be
pushed (and if is_sharing_enabled is set to True for this client).

The remote token is used for the authentication to the remote stats service
and to identify the client on the remote side. The same one can be used for
several local clients.

The server is REMOTE_STATS_SERVER. What it holds already is not sent again, so
that the command can run as often as is wanted. Ctrl-C ends it after the batch
that is on its way.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "local-client-uuid", Usage: "UUID of the client related to the stats."},
			&cli.StringFlag{Name: "remote-token", Usage: "Client token on remote side.  [default: REMOTE_STATS_TOKEN]"},
			tokenFileOption(),
			dateOption("date-from", "Only stats more recent than this date will be pushed. Default value is 1 month before the current day."),
			dateOption("date-to", "Only stats older than this date will be pushed. Default value is today."),
			typeOption("Type of the stats to push"),
			&cli.BoolFlag{Name: "dry-run", Usage: "Only count what would be pushed."},
			&cli.BoolFlag{Name: "resend", Usage: "Also push stats that the server is known to hold, in case it lost data."},
			jsonOption(),
		},
		Action: p.task(logging.CommandsStats, pushStats),
	}
}

func pushStats(ctx context.Context, t *task) error {
	options, err := t.pushOptions()
	if err != nil {
		return err
	}
	id, err := t.uuid("local-client-uuid")
	if err != nil {
		return err
	}
	return t.withStore(ctx, func(store *postgres.Store) error {
		options.Store = store
		if options.Clients, err = t.pushedClients(ctx, store, id); err != nil {
			return err
		}
		show, end := t.terminal.progress(ctx, "Pushing")
		options.Progress = show
		summary, err := peer.Push(ctx, options)
		end()
		if err == nil {
			t.explainNobody(options.Clients, id)
		}
		t.recordTransfer(ctx, store, "push", summary, err)
		return t.endTransfer("sent", summary, err)
	})
}

func (t *task) pushOptions() (options peer.PushOptions, err error) {
	options.DryRun, options.Resend = t.options.Bool("dry-run"), t.options.Bool("resend")
	if options.From, options.To, err = t.dates(); err != nil {
		return options, err
	}
	if options.Type, err = t.statsType(); err != nil {
		return options, err
	}
	options.Remote, err = t.remote("remote-token")
	return options, err
}

// remote returns the peer of the settings, with the token of an option or of the
// settings.
func (t *task) remote(tokenOption string) (peer.Remote, error) {
	token, err := t.token(tokenOption)
	if err != nil {
		return peer.Remote{}, err
	}
	remote := peer.Remote{
		Server:   t.settings.RemoteStatsServer,
		Token:    token,
		Now:      t.Now,
		Location: t.settings.Location(),
		Log:      logging.Named(t.log, logging.Peer),
	}
	if remote.Token == "" {
		remote.Token = string(t.settings.RemoteStatsToken)
	}
	if remote.Server == "" {
		return remote, usagef("no peer is configured: set REMOTE_STATS_SERVER to its address, such as https://stats.example.org")
	}
	if remote.Token == "" {
		return remote, usagef("there is no token for the peer %s: give --%s or --%s, or set REMOTE_STATS_TOKEN", remote.Server, tokenOption, tokenFile)
	}
	return remote, nil
}

// pushedClients returns the local client with the id, or all local clients for uuid.Nil.
func (t *task) pushedClients(ctx context.Context, store *postgres.Store, id uuid.UUID) ([]stats.Client, error) {
	if id == uuid.Nil {
		return localClients(ctx, store)
	}
	client, err := store.ClientByUUID(ctx, id)
	if err != nil {
		return nil, err
	}
	if !client.Local {
		return nil, fmt.Errorf("client %q (%s) is not local: its stats came from elsewhere and are not pushed", client.Name, id)
	}
	return []stats.Client{client}, nil
}

// explainNobody says why a push sent nothing: no client shares its stats. A wrong token
// has been reported before.
func (t *task) explainNobody(clients []stats.Client, asked uuid.UUID) {
	if slices.ContainsFunc(clients, func(c stats.Client) bool { return c.IsSharingEnabled }) {
		return
	}
	who := "No client shares its stats"
	if asked != uuid.Nil {
		who = fmt.Sprintf("Client %q (%s) does not share its stats", clients[0].Name, clients[0].UUID)
	}
	fmt.Fprintln(t.terminal, who+": nothing is pushed; client_sharing_activate changes that.")
}

func localClients(ctx context.Context, store *postgres.Store) ([]stats.Client, error) {
	all, err := store.Clients(ctx)
	if err != nil {
		return nil, err
	}
	var local []stats.Client
	for _, client := range all {
		if client.Local {
			local = append(local, client)
		}
	}
	if len(local) == 0 {
		return nil, errors.New("there is no local client whose stats could be pushed: client_create makes one")
	}
	return local, nil
}
