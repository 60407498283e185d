// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/monarc-project/stats-service/internal/peer"
	"github.com/monarc-project/stats-service/internal/postgres"
)

// errInterrupted reports that a signal ended the work.
var errInterrupted = errors.New("interrupted: completed work is kept, run the command again for the rest")

// partialError reports that only a part of the work was done.
type partialError struct{ cause error }

func (e *partialError) Error() string { return e.cause.Error() }
func (e *partialError) Unwrap() error { return e.cause }

// ended returns the error of work that ended with err after some of it was done.
func ended(ctx context.Context, done int64, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return &partialError{errInterrupted}
	case done > 0:
		return &partialError{err}
	}
	return err
}

// transfer is the JSON result of a push or a pull.
type transfer struct {
	peer.Summary
	LastDay string  `json:"last_day,omitempty"`
	Seconds float64 `json:"seconds"`
	DryRun  bool    `json:"dry_run"`
	Error   string  `json:"error,omitempty"`
}

func newTransfer(summary peer.Summary, dryRun bool, err error) transfer {
	result := transfer{Summary: summary, Seconds: seconds(summary.Elapsed), DryRun: dryRun}
	if !summary.LastDay.IsZero() {
		result.LastDay = summary.LastDay.Format(time.DateOnly)
	}
	if err != nil {
		result.Error = err.Error()
	}
	return result
}

// seconds returns a duration in seconds, rounded to hundredths.
func seconds(d time.Duration) float64 {
	const hundredth = 10 * time.Millisecond
	return float64(d.Round(hundredth)/hundredth) / 100
}

// write prints the refusals and then, as the last line, the summary. moved is the label
// of its first number.
func (r transfer) write(w io.Writer, moved string) {
	for _, refusal := range r.Refusals {
		fmt.Fprintf(w, "Refused %s: %s\n", cmp.Or(refusal.UUID, "(no uuid)"), refusal.Reason)
	}
	if r.DryRun {
		fmt.Fprint(w, "Dry run, ")
	}
	fmt.Fprintf(w, "%s: %d, already there: %d, refused: %d, skipped: %d, bytes: %d, seconds: %g",
		moved, r.Sent, r.AlreadyThere, r.Refused, r.Skipped, r.Bytes, r.Seconds)
	if r.SetAside > 0 {
		fmt.Fprintf(w, ", set aside: %d", r.SetAside)
	}
	if r.LastDay != "" {
		fmt.Fprintf(w, ", last day: %s (%s)", r.LastDay, r.LastOf)
	}
	fmt.Fprintln(w)
}

// endTransfer prints the summary, also beside an error.
func (t *task) endTransfer(moved string, summary peer.Summary, err error) error {
	result := newTransfer(summary, t.options.Bool("dry-run"), err)
	t.log.Info("the transfer ended", "command", t.options.Command.Name, moved, summary.Sent, "already there", summary.AlreadyThere,
		"refused", summary.Refused, "skipped", summary.Skipped, "set aside", summary.SetAside, "bytes", summary.Bytes, "seconds", result.Seconds)
	printed := t.print(result, func(w io.Writer) { result.write(w, moved) })
	return errors.Join(transferError(summary, err), printed)
}

// recordTransfer stores the outcome of a push or a pull in the database. If that fails,
// the transfer has not failed.
func (t *task) recordTransfer(ctx context.Context, store *postgres.Store, direction string, summary peer.Summary, err error) {
	if t.options.Bool("dry-run") {
		return
	}
	outcome := postgres.TransferDone
	if failed := transferError(summary, err); failed != nil {
		outcome = postgres.TransferFailed
		if _, partly := errors.AsType[*partialError](failed); partly {
			outcome = postgres.TransferPartly
		}
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err := store.RecordTransfer(limited, direction, outcome, int64(summary.Sent)); err != nil {
		t.log.Warn("storing the outcome of the transfer failed", "error", err.Error())
	}
}

// recordTimeout bounds recordTransfer: the database may be what failed.
const recordTimeout = 5 * time.Second

func transferError(summary peer.Summary, err error) error {
	switch settled := summary.Sent + summary.AlreadyThere - summary.Known; {
	case err != nil && settled > 0:
		return &partialError{fmt.Errorf("%w; run the command again for the rest", err)}
	case err != nil:
		return err
	case summary.Interrupted:
		return &partialError{errInterrupted}
	case summary.SetAside > 0:
		return &partialError{fmt.Errorf("%d stats were refused and skipped, and %d of them set aside: "+
			"the peer fails on too many; its log says why", summary.Refused, summary.SetAside)}
	case summary.Refused > 0:
		return &partialError{fmt.Errorf("%d stats were refused and skipped", summary.Refused)}
	}
	return nil
}

// deletion is the JSON result of a deletion of stats.
type deletion struct {
	Deleted int64   `json:"deleted"`
	Seconds float64 `json:"seconds"`
	Error   string  `json:"error,omitempty"`
}

// deleteStats runs a deletion with a progress bar, and prints its summary.
func (t *task) deleteStats(ctx context.Context, run func(progress func(done, total int64)) (int64, error)) error {
	show, end := t.terminal.progress(ctx, "Deleting")
	started := t.Now()
	deleted, err := run(show)
	end()
	err = ended(ctx, deleted, err)
	result := deletion{Deleted: deleted, Seconds: seconds(t.Now().Sub(started))}
	if err != nil {
		result.Error = err.Error()
	}
	t.log.Info("stats were deleted", "command", t.options.Command.Name, "deleted", deleted, "seconds", result.Seconds)
	return errors.Join(err, t.printLine(result, "deleted: %d, seconds: %g", deleted, result.Seconds))
}
