// Package cli is the command line of the service: one file a command, each of
// which parses its options and calls one function.
//
// Results go to standard output, everything else to standard error. The exit
// code is 0 when all is done, 1 when it failed and 2 when the command line or
// the settings cannot be used.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/buildinfo"
	"github.com/monarc-project/stats-service/internal/config"
)

// The exit codes of every command.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// Categories of the commands in --help.
const (
	categoryService  = "Service"
	categoryDatabase = "Database"
	categoryClients  = "Clients"
)

// Surroundings are what a command takes from the process it runs in.
type Surroundings struct {
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Environ []string
	Now     func() time.Time
}

// System returns the surroundings of this process.
func System() Surroundings {
	return Surroundings{
		Stdin:   os.Stdin,
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Environ: os.Environ(),
		Now:     time.Now,
	}
}

// Run carries out the command line args, whose first element is the name of the
// program, and returns the exit code.
func Run(ctx context.Context, args []string, surroundings Surroundings) int {
	p := &program{Surroundings: surroundings}
	err := p.app().RunContext(ctx, args)
	if err == nil {
		return exitDone
	}
	fmt.Fprintln(surroundings.Stderr, "Error: "+err.Error())
	var failed *failure
	if errors.As(err, &failed) {
		return exitFailed
	}
	fmt.Fprintf(surroundings.Stderr, "Run '%s --help' for what there is.\n", appName)
	return exitUsage
}

const appName = "stats-service"

// program is the command line in its surroundings.
type program struct {
	Surroundings
}

func (p *program) app() *cli.App {
	app := &cli.App{
		Name:            appName,
		Usage:           "collects the statistics of MONARC risk analyses and returns them",
		Version:         buildinfo.String(),
		Writer:          p.Stdout,
		ErrWriter:       p.Stderr,
		Reader:          p.Stdin,
		HideHelpCommand: true,
		ExitErrHandler:  func(*cli.Context, error) {}, // Run decides about the exit code
		OnUsageError:    func(_ *cli.Context, err error, _ bool) error { return err },
		Action:          rejectUnknown,
		Commands: []*cli.Command{
			p.serve(),
			p.demo(),
			p.dbCreate(),
			p.dbInit(),
			p.clientCreate(),
			p.clientList(),
		},
	}
	for _, command := range app.Commands {
		command.OnUsageError = app.OnUsageError
		command.HideHelpCommand = true
	}
	return app
}

// rejectUnknown runs when no command was given.
func rejectUnknown(c *cli.Context) error {
	if c.Args().Present() {
		return fmt.Errorf("there is no command %q", c.Args().First())
	}
	return cli.ShowAppHelp(c)
}

// failure marks the error of a command that was understood and did not succeed.
// Every other error is about the command line.
type failure struct{ cause error }

func (f *failure) Error() string { return f.cause.Error() }
func (f *failure) Unwrap() error { return f.cause }

// action makes the action of a command that takes options only and needs the
// settings.
func (p *program) action(run func(ctx context.Context, c *cli.Context, settings config.Config) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		if c.Args().Present() {
			return fmt.Errorf("%s takes no arguments beside its options, got %q", c.Command.Name, c.Args().First())
		}
		settings, err := config.Load(p.Environ, os.ReadFile)
		if err != nil {
			return fmt.Errorf("the settings cannot be used:\n%w", err)
		}
		if err := run(c.Context, c, settings); err != nil {
			return asFailure(err)
		}
		return nil
	}
}

// usageError is an option whose value cannot be used.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

func asFailure(err error) error {
	var usage *usageError
	if errors.As(err, &usage) {
		return err
	}
	return &failure{cause: err}
}
