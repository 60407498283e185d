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

var errDeclined = errors.New("nothing was changed, as you wish")

// confirm asks, unless --yes answers, and returns an error when the answer is
// not yes. Where nobody can answer, as in cron, it is an error of usage.
func (t *task) confirm(ctx context.Context, question string) error {
	if t.options.Bool("yes") {
		return nil
	}
	fmt.Fprint(t.screen, question+" [y/N]: ")
	answer, err := readLine(ctx, t.Stdin)
	if err != nil {
		fmt.Fprintln(t.screen)
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
		return usagef("%s asks first, and there is nobody to answer: --yes does", t.options.Command.Name)
	}
	return fmt.Errorf("read the answer: %w", err)
}

// attended reports whether a person sits at standard input.
func (t *task) attended() bool { return isTerminal(t.Stdin) }

// isTerminal takes a reader or a writer.
func isTerminal(stream any) bool {
	if watched, ok := stream.(*watchedOutput); ok {
		stream = watched.Writer
	}
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// readLine reads until a line or ctx ends. The error of an input without a line
// is io.EOF.
func readLine(ctx context.Context, from io.Reader) (string, error) {
	type result struct {
		line string
		err  error
	}
	read := make(chan result, 1)
	go func() {
		line, err := bufio.NewReader(from).ReadString('\n')
		if line != "" {
			err = nil // a last line without an end
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
