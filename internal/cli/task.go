// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/config"
	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/postgres"
)

// task is one run of a command that does not serve.
type task struct {
	*program
	options  *cli.Context
	settings config.Config
	log      *slog.Logger
	terminal *terminal
}

// task returns the action of a command that logs under a name.
func (p *program) task(name logging.Name, run func(ctx context.Context, t *task) error) cli.ActionFunc {
	return p.action(func(ctx context.Context, c *cli.Context, settings config.Config) error {
		t := &task{program: p, options: c, settings: settings, terminal: newTerminal(p.Stderr)}
		log, file, err := p.commandLogger(settings, t.terminal)
		if err != nil {
			return err
		}
		t.log = logging.Named(log, name)
		err = run(p.asOperator(ctx), t)
		t.logEnd(err)
		return errors.Join(err, file.Close())
	})
}

// logEnd also writes the error to the log file, if there is one.
func (t *task) logEnd(err error) {
	if err != nil && !isOnlyUnread(err) && t.settings.LogPath != "" {
		t.log.Error("the command failed", "command", t.options.Command.Name, "error", describe(err))
	}
}

// requireOptions checks that required options have a value, and that no option has an
// empty one: an unset variable in a script must not count as leaving the option out.
func requireOptions(c *cli.Context) error {
	var missing []string
	for _, flag := range c.Command.Flags {
		name := flag.Names()[0]
		documented, ok := flag.(cli.DocGenerationFlag)
		isRequired := ok && strings.HasSuffix(documented.GetUsage(), required)
		given := c.IsSet(name) && valueOf(c, flag) != ""
		if isRequired && !given {
			missing = append(missing, "--"+name)
		} else if c.IsSet(name) && !given {
			return usagef("--%s is empty: give a value, or leave the option out", name)
		}
	}
	switch len(missing) {
	case 0:
		return nil
	case 1:
		return usagef("%s needs the option %s", c.Command.Name, missing[0])
	}
	return usagef("%s needs the options %s", c.Command.Name, strings.Join(missing, " and "))
}

// valueOf returns the value of an option as text. It is empty if all values of a list are.
func valueOf(c *cli.Context, flag cli.Flag) string {
	name := flag.Names()[0]
	if _, isList := flag.(*cli.StringSliceFlag); isList {
		return strings.Join(c.StringSlice(name), "")
	}
	return c.String(name)
}

// withStore runs a function on the opened store.
func (t *task) withStore(ctx context.Context, run func(store *postgres.Store) error) error {
	return t.withStoreFor(ctx, toWork, run)
}

func (t *task) withStoreFor(ctx context.Context, use purpose, run func(store *postgres.Store) error) (err error) {
	t.nameDatabase()
	store, db, err := t.openStore(ctx, t.settings, t.log, use)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close(ctx)) }()
	defer store.Close()
	return run(store)
}

// withDatabase runs a function on a database that may have no tables.
func (t *task) withDatabase(ctx context.Context, use purpose, run func(db *database) error) (err error) {
	t.nameDatabase()
	db, err := t.openDatabase(ctx, t.settings, t.log, use)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close(ctx)) }()
	return run(db)
}

// nameDatabase prints at a terminal which database the command works on.
func (t *task) nameDatabase() {
	if t.terminal.interactive {
		fmt.Fprintf(t.terminal, "Working on %s.\n", t.databaseName())
	}
}

// explainEmpty prints at a terminal why the result is empty.
func (t *task) explainEmpty(found int, why string) {
	if found == 0 && t.terminal.interactive {
		fmt.Fprintln(t.terminal, why)
	}
}

// databaseName returns the database of the settings, without its password.
func (t *task) databaseName() string {
	if _, configured := t.settings.Database(); !configured {
		return "the private database in " + folder(t.settings)
	}
	for _, setting := range t.settings.Redacted() {
		if setting.Name == "DATABASE_URL" && setting.Value != "" {
			return "the database " + setting.Value
		}
	}
	return fmt.Sprintf("the database %s on %s", t.settings.DBName, t.settings.DBHostname)
}
