// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Messages to systemd, if it has started the process.
const (
	ready = daemon.SdNotifyReady
	stops = daemon.SdNotifyStopping
)

// notify sends the state of the process to systemd.
func notify(log *slog.Logger, state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		log.Warn("notifying systemd failed", "state", state, "error", err.Error())
	}
}

// notifyWaiting keeps systemd from stopping a process whose start takes longer than
// usual: the next message will come within limit.
func notifyWaiting(log *slog.Logger, cause error, limit time.Duration) {
	notify(log, fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d\nSTATUS=waiting for the database: %v", limit.Microseconds(), cause))
}

// feedWatchdog sends the keep-alive messages that systemd expects until ctx ends.
func feedWatchdog(ctx context.Context, log *slog.Logger) {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("the watchdog settings of systemd are invalid", "error", err.Error())
	}
	if interval == 0 {
		return
	}
	ticker := time.NewTicker(interval / 2)
	defer ticker.Stop()
	for {
		notify(log, daemon.SdNotifyWatchdog)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
