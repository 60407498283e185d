// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/monarc-project/stats-service/internal/logging"
	"github.com/monarc-project/stats-service/internal/peer"
)

// syncTest returns the command sync_test. Go would take a file of that name for a test.
func (p *program) syncTest() *cli.Command {
	return &cli.Command{
		Name:     "sync_test",
		Category: categoryStats,
		Usage:    "Test whether stats can be pushed to and pulled from the other instance.",
		Description: "Asks REMOTE_STATS_SERVER which client the token belongs to and what time it is.\n" +
			"Changes nothing.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "remote-token", Usage: "Client token on remote side.  [default: REMOTE_STATS_TOKEN]"},
			tokenFileOption(),
			jsonOption(),
		},
		Action: p.task(logging.CommandsStats, testSync),
	}
}

func testSync(ctx context.Context, t *task) error {
	remote, err := t.remote("remote-token")
	if err != nil {
		return err
	}
	report, err := peer.Test(ctx, remote)
	if err != nil {
		return err
	}
	record := syncRecord{
		Report:       report,
		Milliseconds: report.Latency.Milliseconds(),
		ClockAhead:   int64(report.ClockAhead / time.Second),
	}
	return errors.Join(t.print(record, record.write), clockError(report))
}

// syncRecord is the JSON result of sync_test.
type syncRecord struct {
	peer.Report
	Milliseconds int64 `json:"milliseconds"`
	ClockAhead   int64 `json:"clock_ahead_seconds"`
}

func (r syncRecord) write(w io.Writer) {
	version, clock := r.Version, "does not say"
	if version == "" {
		version = "does not say"
	}
	if r.ClockKnown {
		clock = fmt.Sprintf("%d seconds ahead", r.ClockAhead)
	}
	fmt.Fprintf(w, "Server: %s\nVersion: %s\nClient: %s\nRole: %s\nMilliseconds: %d\nClock: %s\n",
		r.Server, version, r.Client, r.Role, r.Milliseconds, clock)
}

// clockError reports clocks that are too far apart: days would begin at different times.
func clockError(report peer.Report) error {
	if !report.ClockKnown || report.ClockRight {
		return nil
	}
	return fmt.Errorf("the clock of the peer %s and that of this machine are %s apart: set the wrong one",
		report.Server, report.ClockAhead.Abs())
}
