// SPDX-License-Identifier: AGPL-3.0-or-later

// Package peer exchanges stats with other instances of the service: Push sends
// the stats of local clients, Pull fetches the stats that a token may see, Test
// reports whether a peer can be reached and accepts the token.
//
// A peer is another instance of this service or of its predecessor written in
// Python, which has the same API but behaves differently in places; comments say where
// that matters. Both directions deliver at least once: a request whose outcome is
// uncertain is repeated. A stat keeps its UUID on every instance, and the receiver stores
// a UUID once, so the effect is exactly-once.
package peer

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/stats"
)

const (
	// DefaultTimeout is how long a connection to a peer may stall.
	DefaultTimeout = time.Minute
	// DefaultBatchCount and DefaultBatchBytes bound what is sent at once.
	DefaultBatchCount = 500
	DefaultBatchBytes = 4 << 20
)

// Remote is a peer and how to talk to it. Server and Token are required.
type Remote struct {
	// Server is the address of the peer: its base URL, as REMOTE_STATS_SERVER
	// has it, with or without slashes or /api/v1 at its end.
	Server string
	// Token is the API key of a client of the peer.
	Token string
	// Timeout is how long a connection may stall: while a request is being sent,
	// until the response begins, and then between its parts; 0 is DefaultTimeout. A
	// whole request or response may take longer.
	Timeout time.Duration

	// Now is the clock, time.Now when nil.
	Now func() time.Time
	// Location is the time zone that decides which day is today; nil is UTC.
	Location *time.Location
	// Sleep waits before a request is retried. When ctx ends, it returns the error
	// of ctx; nil waits in real time.
	Sleep func(ctx context.Context, d time.Duration) error
	// Rand returns a number from 0 to 1 that spreads the retries of several
	// callers; nil is a random number.
	Rand func() float64
	// Log receives retries, refusals and what is skipped; nil discards them.
	Log *slog.Logger
}

func (r Remote) withDefaults() Remote {
	if r.Timeout <= 0 {
		r.Timeout = DefaultTimeout
	}
	if r.Now == nil {
		r.Now = time.Now
	}
	if r.Location == nil {
		r.Location = time.UTC
	}
	if r.Log == nil {
		r.Log = slog.New(slog.DiscardHandler)
	}
	return r
}

// today returns midnight UTC of the current day.
func (r Remote) today() time.Time { return stats.Today(r.Now(), r.Location) }

// Summary is the result of a Push or a Pull, also of one that failed or was
// interrupted. All numbers but Bytes count stats.
type Summary struct {
	// Sent counts stats that were new to the receiver: the peer in a push, this
	// instance in a pull. A dry run counts what it would send.
	Sent int `json:"sent"`
	// AlreadyThere counts stats that the receiver had. In a push these include
	// what earlier runs delivered, even one that was killed.
	AlreadyThere int `json:"already_there"`
	// Known counts those of AlreadyThere that a push did not send: receipts of
	// earlier runs say that the peer holds them.
	Known int `json:"-"`
	// Refused counts stats that the receiver does not accept; Refusals says why.
	Refused int `json:"refused"`
	// Skipped counts stats in the answers to a pull that it had not asked for.
	Skipped int `json:"skipped"`
	// SetAside counts stats that a push left to its next run, because the peer
	// failed on too many others around them.
	SetAside int `json:"set_aside,omitempty"`
	// Bytes is the size of the bodies that were sent and received, failed attempts
	// included. A push in a dry run counts what it would send.
	Bytes int64 `json:"bytes"`
	// Elapsed is how long it took.
	Elapsed time.Duration `json:"-"`
	// Refusals has the first refused stats, up to MaxRefusals.
	Refusals []Refusal `json:"refusals,omitempty"`
	// Interrupted reports whether the context ended before the work did. The next
	// run continues from there.
	Interrupted bool `json:"interrupted"`
	// LastDay is the day of the last acknowledged stat; zero if there was none.
	LastDay time.Time `json:"-"`
	// LastOf is what the work was on when it stopped: the name of a client in a push,
	// a type in a pull.
	LastOf string `json:"last_of,omitempty"`
}

// MaxRefusals bounds the refusals that a Summary holds and the log names.
const MaxRefusals = 100

// Refusal is a stat that the receiver does not accept.
type Refusal struct {
	UUID   string `json:"uuid"` // as the sender wrote it; a pull may find none
	Reason string `json:"reason"`
}

func (s *Summary) refuse(refusals ...Refusal) { s.refuseMany(len(refusals), refusals) }

// refuseMany counts n refusals. refusals has at least the first MaxRefusals of them.
func (s *Summary) refuseMany(n int, refusals []Refusal) {
	s.Refused += n
	room := MaxRefusals - len(s.Refusals)
	s.Refusals = append(s.Refusals, refusals[:min(room, len(refusals))]...)
}

// BusyError reports that another process is doing the same work.
type BusyError struct{ Work string }

func (e *BusyError) Error() string {
	return fmt.Sprintf("another %s is running: wait until it has ended", e.Work)
}

func uuidsOf(batch []stats.Stat) []uuid.UUID {
	ids := make([]uuid.UUID, len(batch))
	for i := range batch {
		ids[i] = batch[i].UUID
	}
	return ids
}
