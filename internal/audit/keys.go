// SPDX-License-Identifier: AGPL-3.0-or-later

package audit

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/monarc-project/stats-service/internal/origin"
)

const (
	// keysInterval is how often refusals are written: a row covers that long.
	keysInterval = time.Minute
	// keysTimeout bounds one write, also the last one at the end of the service.
	keysTimeout = 5 * time.Second
	// maxOrigins bounds the rows of an interval, and the memory until they are
	// written: further addresses share one row.
	maxOrigins = 100
	// otherOrigins is where those come from.
	otherOrigins = "further addresses"
	// maxClients bounds the inactive clients that a row names.
	maxClients = 10
)

// Recorder keeps events.
type Recorder interface {
	RecordAudit(ctx context.Context, events []Event) error
}

// Keys gathers refused keys, so that an attacker can neither fill the log nor have
// each of its requests cost a write: there is at most one entry for an address (of
// IPv6: for a /64) and minute. It is safe for concurrent use.
type Keys struct {
	recorder Recorder
	now      func() time.Time
	log      *slog.Logger

	mu      sync.Mutex
	origins map[string]*refusals
}

// refusals are those of an address.
type refusals struct {
	Unknown  int      `json:"unknown,omitempty"`  // keys that nobody has
	Inactive int      `json:"inactive,omitempty"` // keys of clients that are inactive
	Blocked  int      `json:"blocked,omitempty"`  // keys that were not looked at
	Clients  []string `json:"clients,omitempty"`  // the inactive ones
}

// NewKeys returns Keys that write by Run.
func NewKeys(recorder Recorder, now func() time.Time, log *slog.Logger) *Keys {
	return &Keys{recorder: recorder, now: now, log: log, origins: map[string]*refusals{}}
}

// Unknown notes a key that nobody has.
func (k *Keys) Unknown(address string) { k.note(address, func(r *refusals) { r.Unknown++ }) }

// Blocked notes a key that was not looked at, because there were too many failures.
func (k *Keys) Blocked(address string) { k.note(address, func(r *refusals) { r.Blocked++ }) }

// Inactive notes the key of a client that is inactive.
func (k *Keys) Inactive(address, client string) {
	k.note(address, func(r *refusals) {
		r.Inactive++
		if !slices.Contains(r.Clients, client) && len(r.Clients) < maxClients {
			r.Clients = append(r.Clients, client)
		}
	})
}

func (k *Keys) note(address string, count func(*refusals)) {
	from := network(address)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.origins[from] == nil && len(k.origins) >= maxOrigins {
		from = otherOrigins
	}
	if k.origins[from] == nil {
		k.origins[from] = &refusals{}
	}
	count(k.origins[from])
}

// network is the address, or the network of IPv6 that its holder has all of.
func network(address string) string {
	switch of := origin.OfText(address); {
	case !of.IsValid():
		return "an unknown address"
	case of.IsSingleIP():
		return of.Addr().String()
	default:
		return of.String()
	}
}

// Run writes every minute, and once more when ctx ends.
func (k *Keys) Run(ctx context.Context) {
	ticker := time.NewTicker(keysInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			k.write(ctx)
		case <-ctx.Done():
			k.write(context.WithoutCancel(ctx))
			return
		}
	}
}

func (k *Keys) write(ctx context.Context) {
	events := k.take()
	if len(events) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, keysTimeout)
	defer cancel()
	if err := k.recorder.RecordAudit(ctx, events); err != nil {
		k.log.Warn("record refused keys", "addresses", len(events), "error", err)
	}
}

// take returns what has been gathered, in the order of the addresses.
func (k *Keys) take() []Event {
	k.mu.Lock()
	origins := k.origins
	k.origins = map[string]*refusals{}
	k.mu.Unlock()
	var events []Event
	for _, from := range slices.Sorted(maps.Keys(origins)) {
		event := Event{At: k.now(), Actor: Actor{Name: Anyone, Origin: from}, Action: KeyRefuse, Target: AllKeys}
		if origins[from].Blocked > 0 {
			event.Action = KeyBlock
		}
		event.After, _ = json.Marshal(origins[from]) // of numbers and texts
		events = append(events, event)
	}
	return events
}
