// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

var errDeclined = errors.New("declined, nothing was changed")

// confirm asks a question unless --yes was given. It returns an error if the answer is
// not yes, and a usage error if nobody can answer, as in cron.
func (t *task) confirm(ctx context.Context, question string) error {
	if t.options.Bool("yes") {
		return nil
	}
	fmt.Fprint(t.terminal, question+" [y/N]: ")
	answer, err := readLine(ctx, t.Stdin)
	if err != nil {
		fmt.Fprintln(t.terminal)
		return t.unanswered(ctx, err)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errDeclined
}

func (t *task) unanswered(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted, nothing was changed")
	case errors.Is(err, io.EOF):
		return usagef("%s asks for confirmation and got no answer: run it at a terminal, or give --yes", t.options.Command.Name)
	}
	return fmt.Errorf("read the answer: %w", err)
}

// attended reports whether standard input is a terminal.
func (t *task) attended() bool { return isTerminal(t.Stdin) }

// isTerminal reports whether a reader or writer is a terminal.
func isTerminal(stream any) bool {
	if watched, ok := stream.(*watchedOutput); ok {
		stream = watched.Writer
	}
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// readLine reads until the end of a line or of ctx. The error is io.EOF for an empty
// input.
func readLine(ctx context.Context, from io.Reader) (string, error) {
	type result struct {
		line string
		err  error
	}
	read := make(chan result, 1)
	go func() {
		line, err := bufio.NewReader(from).ReadString('\n')
		if line != "" {
			err = nil // a last line without a line break
		}
		read <- result{line, err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case r := <-read:
		return r.line, r.err
	}
}
