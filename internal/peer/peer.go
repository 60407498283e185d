// SPDX-License-Identifier: AGPL-3.0-or-later

// Package peer exchanges stats with other instances of the service: Push sends
// the stats of local clients, Pull fetches the stats that a token may see, Test
// looks whether a peer can be talked to.
//
// A peer is another instance of this service or of its predecessor written in
// Python, which shares the API but not all of its manners; what is known of
// those is noted where it matters. On the wire both directions are
// at-least-once: whatever is uncertain is sent or asked for again. A stats keeps
// its uuid on all its ways, and the receiving side stores a uuid once, so that
// the effect is exactly-once.
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
	// DefaultTimeout is how long a peer may be silent.
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
	// Timeout is how long nothing may move: while a request is on its way to the
	// peer, until the answer begins, and then until it goes on; 0 is
	// DefaultTimeout. A request or an answer as a whole may take longer.
	Timeout time.Duration

	// Now is the clock, time.Now when nil.
	Now func() time.Time
	// Location decides which day today is; nil is UTC.
	Location *time.Location
	// Sleep waits before a request is retried, until ctx ends at the latest,
	// whose error it then returns; nil waits in real time.
	Sleep func(ctx context.Context, d time.Duration) error
	// Rand returns a number from 0 to 1 to spread the tries of several callers;
	// nil is a random one.
	Rand func() float64
	// Log gets what is retried, refused and skipped; nil discards it.
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

// Summary is what became of a Push or a Pull, also of one that failed or was
// interrupted. All numbers but Bytes are of stats.
type Summary struct {
	// Sent were new to the side that receives: the peer in a push, this instance
	// in a pull. In a dry run it is what would be sent.
	Sent int `json:"sent"`
	// AlreadyThere were known to the side that receives. In a push these include
	// what earlier runs delivered, also one that was killed.
	AlreadyThere int `json:"already_there"`
	// Known are those of AlreadyThere that a push did not send, because it knows
	// from earlier runs that the peer holds them.
	Known int `json:"-"`
	// Refused cannot be accepted by the side that receives; Refusals tells why.
	Refused int `json:"refused"`
	// Skipped were passed over by a pull: they were not asked for.
	Skipped int `json:"skipped"`
	// SetAside were left to the next run of a push, as the peer failed on too many
	// others around them.
	SetAside int `json:"set_aside,omitempty"`
	// Bytes is the size of the bodies that were sent and received, those of
	// failed tries included. A push in a dry run counts what it would send.
	Bytes int64 `json:"bytes"`
	// Elapsed is how long it took.
	Elapsed time.Duration `json:"-"`
	// Refusals has the first of the refused, up to MaxRefusals.
	Refusals []Refusal `json:"refusals,omitempty"`
	// Interrupted reports whether the context ended before the work did. What was
	// done counts, and the next run goes on from there.
	Interrupted bool `json:"interrupted"`
	// LastDay is the day of the stats that were settled last; zero: none were.
	LastDay time.Time `json:"-"`
	// LastOf is whose they were, of which one follows the other: in a push the
	// name of the client, in a pull the type.
	LastOf string `json:"last_of,omitempty"`
}

// MaxRefusals is how many refusals a Summary has room for and the log names.
const MaxRefusals = 100

// Refusal is a stats that the side that receives cannot accept.
type Refusal struct {
	UUID   string `json:"uuid"` // as the sender wrote it; may be empty in a pull
	Reason string `json:"reason"`
}

func (s *Summary) refuse(refusals ...Refusal) { s.refuseMany(len(refusals), refusals) }

// refuseMany counts n refusals, of which at least the first are given.
func (s *Summary) refuseMany(n int, refusals []Refusal) {
	s.Refused += n
	room := MaxRefusals - len(s.Refusals)
	s.Refusals = append(s.Refusals, refusals[:min(room, len(refusals))]...)
}

// BusyError reports that another run does the same work at this moment.
type BusyError struct{ Work string }

func (e *BusyError) Error() string {
	return fmt.Sprintf("another %s is running: wait until it has ended", e.Work)
}

// uuidsOf returns the uuids of a batch.
func uuidsOf(batch []stats.Stat) []uuid.UUID {
	ids := make([]uuid.UUID, len(batch))
	for i := range batch {
		ids[i] = batch[i].UUID
	}
	return ids
}
