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
	// keysInterval is the time between two writes, and the time that an entry covers.
	keysInterval = time.Minute
	// keysTimeout bounds one write, including the last one when the service stops.
	keysTimeout = 5 * time.Second
	// maxOrigins bounds the entries of an interval, and the memory until they are
	// written. Further addresses share the entry of otherOrigins.
	maxOrigins   = 100
	otherOrigins = "further addresses"
	// maxClients bounds the inactive clients that an entry names.
	maxClients = 10
)

// Recorder stores events.
type Recorder interface {
	RecordAudit(ctx context.Context, events []Event) error
}

// Keys counts refused keys and writes at most one entry per minute for each IPv4 address
// or IPv6 /64. So an attacker can neither fill the log nor cause a write with each
// request. It is safe for concurrent use.
type Keys struct {
	recorder Recorder
	now      func() time.Time
	log      *slog.Logger

	mu      sync.Mutex
	origins map[string]*refusals
}

// refusals counts the refused keys of an address.
type refusals struct {
	Unknown  int      `json:"unknown,omitempty"`  // keys of no client
	Inactive int      `json:"inactive,omitempty"` // keys of inactive clients
	Blocked  int      `json:"blocked,omitempty"`  // keys that were not checked
	Clients  []string `json:"clients,omitempty"`  // inactive clients, up to maxClients
}

// NewKeys returns Keys; Run writes its entries.
func NewKeys(recorder Recorder, now func() time.Time, log *slog.Logger) *Keys {
	return &Keys{recorder: recorder, now: now, log: log, origins: map[string]*refusals{}}
}

// Unknown counts a key of no client.
func (k *Keys) Unknown(address string) { k.update(address, func(r *refusals) { r.Unknown++ }) }

// Blocked counts a key that was not checked, because of too many failures before it.
func (k *Keys) Blocked(address string) { k.update(address, func(r *refusals) { r.Blocked++ }) }

// Inactive counts a key of an inactive client.
func (k *Keys) Inactive(address, client string) {
	k.update(address, func(r *refusals) {
		r.Inactive++
		if !slices.Contains(r.Clients, client) && len(r.Clients) < maxClients {
			r.Clients = append(r.Clients, client)
		}
	})
}

func (k *Keys) update(address string, count func(*refusals)) {
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

// network returns an IPv4 address, or the /64 of an IPv6 address: one caller usually has
// the whole /64.
func network(address string) string {
	switch prefix := origin.OfText(address); {
	case !prefix.IsValid():
		return "an unknown address"
	case prefix.IsSingleIP():
		return prefix.Addr().String()
	default:
		return prefix.String()
	}
}

// Run writes the entries every minute, and once more when ctx ends.
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
		k.log.Warn("recording refused API keys failed; these entries are lost", "addresses", len(events), "error", err)
	}
}

// take returns the entries since the last call, ordered by address.
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
		event.After, _ = json.Marshal(origins[from]) // cannot fail for numbers and strings
		events = append(events, event)
	}
	return events
}
