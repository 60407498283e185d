// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/peer"
)

var errBroken = errors.New("broken")

// kind returns the exit code that Run derives from an error of a task.
func kind(err error) int {
	if err == nil {
		return exitDone
	}
	if _, partly := errors.AsType[*partialError](err); partly {
		return exitPartly
	}
	return exitFailed
}

func TestTransferError(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		summary peer.Summary
		err     error
		want    int
	}{
		"all sent":             {peer.Summary{Sent: 2}, nil, exitDone},
		"nothing to do":        {peer.Summary{Skipped: 2}, nil, exitDone},
		"failed at once":       {peer.Summary{Skipped: 2}, errBroken, exitFailed},
		"failed after some":    {peer.Summary{Sent: 1}, errBroken, exitPartly},
		"failed after known":   {peer.Summary{AlreadyThere: 1}, errBroken, exitPartly},
		"failed after nothing": {peer.Summary{AlreadyThere: 2, Known: 2}, errBroken, exitFailed},
		"interrupted":          {peer.Summary{Interrupted: true}, nil, exitPartly},
		"some refused":         {peer.Summary{Sent: 1, Refused: 1}, nil, exitPartly},
		"set aside":            {peer.Summary{Sent: 1, Refused: 1, SetAside: 1}, nil, exitPartly},
		"refused, then failed": {peer.Summary{Refused: 1}, errBroken, exitFailed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := transferError(tt.summary, tt.err)
			if got := kind(err); got != tt.want {
				t.Errorf("exit code %d of %v, want %d", got, err, tt.want)
			}
			if tt.err != nil && !errors.Is(err, tt.err) {
				t.Errorf("the cause is lost in %v", err)
			}
		})
	}
}

func TestTransferInOneLine(t *testing.T) {
	t.Parallel()
	var line strings.Builder
	summary := peer.Summary{Sent: 1, Refused: 2, SetAside: 3, Refusals: []peer.Refusal{{Reason: "no"}, {UUID: "x", Reason: "no"}}}
	newTransfer(summary, false, nil).write(&line, "sent")
	const want = "Refused (no uuid): no\nRefused x: no\nsent: 1, already there: 0, refused: 2, skipped: 0, bytes: 0, seconds: 0, set aside: 3\n"
	if line.String() != want {
		t.Errorf("got %q, want %q", line.String(), want)
	}
}

func TestPartialWorkIsReported(t *testing.T) {
	t.Parallel()
	over, cancel := context.WithCancel(context.Background())
	cancel()
	tests := map[string]struct {
		ctx  context.Context
		done int64
		err  error
		want int
	}{
		"done":              {context.Background(), 3, nil, exitDone},
		"done at the end":   {over, 3, nil, exitDone},
		"failed at once":    {context.Background(), 0, errBroken, exitFailed},
		"failed after some": {context.Background(), 1, errBroken, exitPartly},
		"interrupted":       {over, 0, fmt.Errorf("delete: %w", context.Canceled), exitPartly},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := ended(tt.ctx, tt.done, tt.err)
			if got := kind(err); got != tt.want {
				t.Errorf("exit code %d of %v, want %d", got, err, tt.want)
			}
		})
	}
}

func TestSecondsAreRounded(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0:                                "0",
		2284 * time.Millisecond:          "2.28",
		time.Hour + 5*time.Millisecond:   "3600.01",
		99*time.Second + time.Nanosecond: "99",
	} {
		if got := fmt.Sprint(seconds(d)); got != want {
			t.Errorf("%s is %s, want %s", d, got, want)
		}
	}
}

func TestMessagesAreWrapped(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text  string
		width int
		want  []string
	}{
		{"one two three", 20, []string{"one two three"}},
		{"one two three", 7, []string{"one two", "three"}},
		{"one two three", 1, []string{"one", "two", "three"}},
		{"one  [required]", 8, []string{"one", "[required]"}},
		{"", 5, []string{""}},
	}
	for _, tt := range tests {
		if got := wrap(tt.text, tt.width); fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("wrap(%q, %d) = %q, want %q", tt.text, tt.width, got, tt.want)
		}
	}
}
