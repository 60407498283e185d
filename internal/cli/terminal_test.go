// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/creack/pty"
)

// terminal is for the scripts: terminal INPUT PROGRAM ARG... runs a program at a terminal
// on which the text is typed. What the terminal shows goes to standard error, to the last
// byte: ttyin of testscript closes the terminal without reading what is left.
func terminal() {
	command := exec.Command(os.Args[2], os.Args[3:]...)
	shown, err := startAtTerminal(command, os.Args[1]+"\n")
	if err != nil {
		fmt.Fprintln(os.Stderr, "terminal:", err)
		os.Exit(1)
	}
	_, _ = io.Copy(os.Stderr, shown) // ends with an error when nobody holds the terminal
	_ = command.Wait()               // tells no more than its exit code
	os.Exit(command.ProcessState.ExitCode())
}

// startAtTerminal starts a command whose standard input and error are a terminal, and
// returns what can be read from it.
func startAtTerminal(command *exec.Cmd, typed string) (io.Reader, error) {
	terminal, device, err := pty.Open()
	if err != nil {
		return nil, err
	}
	defer device.Close() // the command has its own
	if _, err := io.WriteString(terminal, typed); err != nil {
		return nil, err
	}
	command.Stdin, command.Stdout, command.Stderr = device, os.Stdout, device
	return terminal, command.Start()
}
