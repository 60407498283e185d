// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/monarc-project/stats-service/internal/cli"
	"github.com/monarc-project/stats-service/internal/servicetest"
)

// TestMain lets the test binary stand in for the programs that the scripts
// call, and gives the tests a PostgreSQL.
func TestMain(m *testing.M) {
	testscript.Main(withDatabases{m}, programs)
}

// programs has what the test binary stands in for, by name.
var programs = map[string]func(){
	"stats-service": statsService,
	"request":       request,
	"refused":       refused,
	"exits":         exits,
	"terminal":      terminal,
}

type withDatabases struct{ m *testing.M }

func (w withDatabases) Run() int {
	return servicetest.Run(w.m)
}

// statsService is the program as cmd/stats-service runs it.
func statsService() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	// A closed pipe must not end the process before its database: writing fails.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	code := cli.Run(ctx, os.Args, cli.System())
	stop()
	os.Exit(code)
}

// wanted is the number that a variable of the environment asks for, or the standard.
func wanted(t *testing.T, variable string, standard int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return standard
	}
	number, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return number
}

// exits is for the scripts: exits CODE PROGRAM ARG... fails unless the program
// ends with that exit code.
func exits() {
	command := exec.Command(os.Args[2], os.Args[3:]...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	_ = command.Run() // tells no more than its exit code
	if code := strconv.Itoa(command.ProcessState.ExitCode()); code != os.Args[1] {
		fmt.Fprintf(os.Stderr, "%s ended with exit code %s, want %s\n", os.Args[2], code, os.Args[1])
		os.Exit(1)
	}
}
