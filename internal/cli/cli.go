// SPDX-License-Identifier: AGPL-3.0-or-later

// Package cli is the command line of the service. Each command has a file, in which it
// parses its options and calls one function.
//
// Results go to standard output, everything else to standard error. The exit code is 0
// for success, 1 for failure, 2 if the command line or the settings cannot be used, and
// 3 if only a part of the work was done.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/buildinfo"
	"github.com/monarc-project/stats-service/internal/config"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
	"github.com/monarc-project/stats-service/internal/suggest"
)

// The exit codes of every command.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	exitPartly = 3
)

// Categories of the commands in --help.
const (
	categoryService  = "Service"
	categoryDatabase = "Database"
	categoryClients  = "Clients"
	categoryStats    = "Stats"
	categoryMOSP     = "Interactions with MOSP"
)

// categories lists them in the order of the help text.
func categories() []string {
	return []string{categoryService, categoryDatabase, categoryClients, categoryStats, categoryMOSP}
}

// Environment is what a command uses of its process.
type Environment struct {
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Environ []string
	Now     func() time.Time
	// Ticks returns a channel that has the time at intervals; nil: time.Tick.
	Ticks func(time.Duration) <-chan time.Time
}

// System returns the environment of this process.
func System() Environment {
	return Environment{
		Stdin:   os.Stdin,
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Environ: os.Environ(),
		Now:     time.Now,
	}
}

// Run runs the command line args, which begin with the name of the program, and returns
// the exit code.
func Run(ctx context.Context, args []string, environment Environment) int {
	out := &watchedOutput{Writer: environment.Stdout}
	p := &program{Environment: environment}
	p.Stdout = out
	if p.Ticks == nil {
		p.Ticks = time.Tick
	}
	err := p.app().RunContext(ctx, args)
	if err == nil && out.err != nil { // the library ignores the errors of its help
		err = &failure{&unwritableError{cause: out.err}}
	}
	if err == nil || isOnlyUnread(err) {
		return exitDone
	}
	code, kind := exitUsage, "Error"
	if _, failed := errors.AsType[*failure](err); failed {
		code = exitFailed
	}
	if _, partly := errors.AsType[*partialError](err); partly {
		code, kind = exitPartly, "Partly done"
	}
	if slices.Contains(args, "--json") { // also if the command line cannot be parsed
		writeErrorRecord(environment.Stderr, describe(err), code)
	} else {
		fmt.Fprintln(environment.Stderr, kind+": "+describe(err))
	}
	return code
}

const appName = "stats-service"

// describe returns the text of err for an operator, on one line: the driver writes a
// line for each address that it tried, often twice the same.
func describe(err error) string {
	if !errors.Is(err, stats.ErrUnavailable) || errors.Is(err, postgres.ErrNotMigrated) {
		return err.Error()
	}
	lines := strings.Split(err.Error(), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(slices.Compact(lines), " ") + " (DATABASE_URL or the DB_ settings say where it is; without them it is private, in DATA_DIR)"
}

// program is the command line in its environment.
type program struct {
	Environment
}

func (p *program) app() *cli.App {
	app := &cli.App{
		Name:            appName,
		Usage:           "Collects the statistics of MONARC risk analyses and returns them.",
		Version:         buildinfo.String(),
		Writer:          p.Stdout,
		ErrWriter:       p.Stderr,
		Reader:          p.Stdin,
		HideHelpCommand: true,
		Flags:           []cli.Flag{cli.HelpFlag},     // the library leaves it out where there is a command help
		ExitErrHandler:  func(*cli.Context, error) {}, // Run decides about the exit code
		OnUsageError:    refuseOptions,
		Action:          rejectUnknown,
		Commands:        p.commands(),
	}
	for _, command := range app.Commands {
		command.OnUsageError = refuseOptions
		command.HideHelpCommand = true
		command.CustomHelpTemplate = commandHelp(command)
	}
	app.CustomAppHelpTemplate = appHelp(app)
	return app
}

// commands returns every command in the order of the help text.
func (p *program) commands() []*cli.Command {
	return []*cli.Command{
		p.serve(),
		p.demo(),
		p.configCheck(),
		p.configTemplate(),
		p.healthcheck(),
		p.auditList(),
		p.version(),
		p.help(),
		p.completion(),
		p.manual(),
		p.licenses(),
		p.dbCreate(),
		p.dbInit(),
		p.dbUpgrade(),
		p.dbAdopt(),
		p.dbExport(),
		p.dbBackup(),
		p.dbRestore(),
		p.dbStatus(),
		p.dbRebuild(),
		p.dbDistribute(),
		p.dbEmpty(),
		p.clientCreate(),
		p.clientList(),
		p.clientUpdate(),
		p.clientTokenRotate(),
		p.clientDelete(),
		p.clientCoordinatesSet(),
		p.clientCoordinatesUnset(),
		p.clientSharingActivate(),
		p.clientSharingDeactivate(),
		p.statsPush(),
		p.statsPull(),
		p.statsDelete(),
		p.statsPurge(),
		p.statsListLast(),
		p.statsRemoveDuplicate(),
		p.syncTest(),
		p.mospIsObjectPublished(),
	}
}

// refuseOptions returns the usage error for options that cannot be parsed.
func refuseOptions(c *cli.Context, err error, _ bool) error {
	return fmt.Errorf("%s; see `%s --help`", optionProblem(c, err.Error()), called(c))
}

// called returns the command line without options.
func called(c *cli.Context) string {
	if c.Command == nil || c.Command.Name == "" || c.Command.Name == appName {
		return appName
	}
	return appName + " " + c.Command.Name
}

// rejectUnknown handles a command line without a known command.
func rejectUnknown(c *cli.Context) error {
	if c.Args().Present() {
		return noCommand(c.App, c.Args().First())
	}
	return cli.ShowAppHelp(c)
}

func noCommand(app *cli.App, name string) error {
	if near := closestCommand(app, name); near != "" {
		return fmt.Errorf("there is no command %q; did you mean %s? `%s --help` lists those there are", name, near, appName)
	}
	return fmt.Errorf("there is no command %q; `%s --help` lists those there are", name, appName)
}

// closestCommand returns the command that was probably meant, or nothing. The words may
// be in another order, such as create_client, or have others between them.
func closestCommand(app *cli.App, name string) string {
	var names []string
	for _, command := range app.Commands {
		names = append(names, command.Name)
	}
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return strings.ContainsRune("_-. :", r) })
	if near := suggest.Closest(strings.Join(words, "_"), names); near != "" {
		return near
	}
	slices.Reverse(words)
	return suggest.Closest(strings.Join(words, "_"), names)
}

// failure marks the error of a command that ran. Every other error is about the command
// line.
type failure struct{ cause error }

func (f *failure) Error() string { return f.cause.Error() }
func (f *failure) Unwrap() error { return f.cause }

// action returns the action of a command that takes only options and needs the
// settings.
func (p *program) action(run func(ctx context.Context, c *cli.Context, settings config.Config) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		if err := rejectArguments(c); err != nil {
			return err
		}
		if err := requireOptions(c); err != nil {
			return asFailure(c, err)
		}
		settings, err := config.Load(p.Environ, os.ReadFile)
		if err != nil {
			return fmt.Errorf("the settings cannot be used:\n%w", err)
		}
		if err := run(c.Context, c, settings); err != nil {
			return asFailure(c, err)
		}
		return nil
	}
}

func rejectArguments(c *cli.Context) error {
	if !c.Args().Present() {
		return nil
	}
	return fmt.Errorf("%s takes no arguments beside its options, got %q; see `%s --help`",
		c.Command.Name, c.Args().First(), called(c))
}

func asFailure(c *cli.Context, err error) error {
	if _, usage := errors.AsType[*usageError](err); usage {
		return fmt.Errorf("%w; see `%s --help`", err, called(c))
	}
	if _, unusable := errors.AsType[*settingsError](err); unusable {
		return err
	}
	return &failure{cause: err}
}
