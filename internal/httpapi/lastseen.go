// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/monarc-project/stats-service/internal/postgres"
)

const (
	// seenInterval is how often the times of the last requests are written.
	seenInterval = time.Minute
	// seenTimeout bounds each write, including the last one at shutdown.
	seenTimeout = 5 * time.Second
)

// lastSeenRecorder collects when clients were last seen and writes the times at
// intervals, so that a request costs no write.
type lastSeenRecorder struct {
	store postgres.ClientStore
	now   func() time.Time
	log   *slog.Logger

	mu    sync.Mutex
	times map[int64]time.Time
}

func newLastSeenRecorder(store postgres.ClientStore, now func() time.Time, log *slog.Logger) *lastSeenRecorder {
	return &lastSeenRecorder{store: store, now: now, log: log, times: map[int64]time.Time{}}
}

func (r *lastSeenRecorder) note(clientID int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.times[clientID] = r.now()
}

// run writes every seenInterval, and once more when ctx ends.
func (r *lastSeenRecorder) run(ctx context.Context) {
	ticker := time.NewTicker(seenInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			r.write(ctx)
		case <-ctx.Done():
			r.write(context.WithoutCancel(ctx))
			return
		}
	}
}

func (r *lastSeenRecorder) write(ctx context.Context) {
	times := r.take()
	if len(times) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, seenTimeout)
	defer cancel()
	if err := r.store.RecordSeen(ctx, times); err != nil {
		r.log.Warn("the times when clients were last seen could not be recorded", "error", err)
	}
}

func (r *lastSeenRecorder) take() map[int64]time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	times := r.times
	r.times = map[int64]time.Time{}
	return times
}
