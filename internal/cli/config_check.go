// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/config"
	"github.com/monarc-project/stats-service/internal/localpg"
	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/peer"
	"github.com/monarc-project/stats-service/internal/postgres"
)

func (p *program) configCheck() *cli.Command {
	return &cli.Command{
		Name:     "config_check",
		Category: categoryService,
		Usage:    "Print the settings and check that they work.",
		Description: "Secrets are not shown. Checks the addresses to listen on, the certificate, the\n" +
			"data folder, the database, the secret key, the admin token, the log file and, if\n" +
			"there is one, the peer with its token. Fails if serve would fail. Starts nothing,\n" +
			"and creates only the log file.",
		Flags:  []cli.Flag{jsonOption()},
		Action: p.task(logging.Root, checkConfig),
	}
}

// trial is the result of trying a setting.
type trial struct {
	What   string `json:"what"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// checkRecord is the result of config_check.
type checkRecord struct {
	Settings map[string]string `json:"settings"`
	Trials   []trial           `json:"trials"`
}

func checkConfig(ctx context.Context, t *task) error {
	settings := t.settings.Redacted()
	record := checkRecord{Settings: map[string]string{}, Trials: slices.Concat(t.tryListen(ctx), t.tryFolder(), t.tryDatabase(ctx))}
	for _, setting := range settings {
		record.Settings[setting.Name] = setting.Value
	}
	if _, configured := t.settings.Database(); !configured {
		record.Trials = append(record.Trials, t.tryPostgreSQL(ctx))
	}
	if t.settings.RemoteStatsServer != "" {
		record.Trials = append(record.Trials, t.tryPeer(ctx))
	}
	printed := t.print(record, func(w io.Writer) { writeCheck(w, settings, record.Trials) })
	return errors.Join(failedTrials(record.Trials), printed)
}

func writeCheck(w io.Writer, settings []config.Setting, trials []trial) {
	for _, setting := range settings {
		fmt.Fprintf(w, "%s=%s\n", setting.Name, setting.Value)
	}
	fmt.Fprintln(w)
	for _, tried := range trials {
		result := "ok"
		if !tried.OK {
			result = "FAILED"
		}
		fmt.Fprintf(w, "%s: %s: %s\n", tried.What, result, tried.Detail)
	}
}

func failedTrials(trials []trial) error {
	var failed []string
	for _, tried := range trials {
		if !tried.OK {
			failed = append(failed, tried.What)
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return fmt.Errorf("not everything works: %s", strings.Join(failed, ", "))
}

// tryDatabase opens the database and the tokens in it, unless it is a private one that
// is not running.
func (t *task) tryDatabase(ctx context.Context) []trial {
	url, configured := t.settings.Database()
	if !configured {
		var err error
		url, err = localpg.Attach(ctx, t.settings.DataDir)
		if errors.Is(err, localpg.ErrNotRunning) || errors.Is(err, os.ErrNotExist) {
			return t.tryDormant()
		}
		if err != nil {
			return []trial{{"database", false, err.Error()}}
		}
	}
	key, _, err := secretBox(t.settings, false)
	if err != nil {
		return []trial{{"secret key", false, err.Error()}}
	}
	options := postgres.Options{URL: url, Secret: key, Now: t.Now, Log: logging.Named(t.log, logging.Database)}
	store, err := postgres.Open(ctx, options)
	if err != nil {
		return []trial{{"database", false, describe(err)}}
	}
	defer store.Close()
	return t.tryStore(ctx, store)
}

// tryDormant checks a private database that is not running or does not exist yet.
func (t *task) tryDormant() []trial {
	trials := []trial{{"database", true, t.databaseName() + " does not run now; the service will start it"}}
	if there, err := localpg.Exists(t.settings.DataDir); err == nil && !there && t.settings.IsWeakKey() {
		trials = append(trials, trial{"secret key", false, errWeakKey.Error()})
	}
	return trials
}

func (t *task) tryStore(ctx context.Context, store *postgres.Store) []trial {
	if err := store.CheckSchema(ctx); err != nil {
		return []trial{{"database", false, err.Error()}}
	}
	trials := []trial{{"database", true, t.databaseName() + " is there and up to date"}}
	if err := checkKey(ctx, store, t.settings, t.log); err != nil {
		return append(trials, trial{"secret key", false, err.Error()})
	}
	clients, err := store.ListClients(ctx)
	if err != nil {
		return append(trials, trial{"secret key", false, err.Error()})
	}
	trials = append(trials, trial{"secret key", true, fmt.Sprintf("it opens the tokens of %d clients", len(clients))})
	return append(trials, t.tryAdmin(ctx, store, clients)...)
}

// tryPostgreSQL reports which PostgreSQL would run the private database.
func (t *task) tryPostgreSQL(ctx context.Context) trial {
	choice, err := localpg.Choose(ctx, localpg.Options{Dir: t.settings.DataDir, Mirror: t.settings.PostgresMirror})
	if err != nil {
		return trial{"PostgreSQL", false, err.Error()}
	}
	return trial{"PostgreSQL", true, choice.String()}
}

func (t *task) tryPeer(ctx context.Context) trial {
	remote, err := t.remote("remote-token")
	if err != nil {
		return trial{"peer", false, err.Error()}
	}
	report, err := peer.Test(ctx, remote)
	if err = errors.Join(err, clockError(report)); err != nil {
		return trial{"peer", false, err.Error()}
	}
	return trial{"peer", true, fmt.Sprintf("%s knows the token as that of client %q", report.Server, report.Client)}
}
