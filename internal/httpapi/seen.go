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
	// seenTimeout bounds one write, also the last one at the end of the service.
	seenTimeout = 5 * time.Second
)

// seen gathers when clients were last seen, so that a request costs no write.
type seen struct {
	store postgres.ClientStore
	now   func() time.Time
	log   *slog.Logger

	mu    sync.Mutex
	times map[int64]time.Time
}

func newSeen(store postgres.ClientStore, now func() time.Time, log *slog.Logger) *seen {
	return &seen{store: store, now: now, log: log, times: map[int64]time.Time{}}
}

func (s *seen) note(clientID int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.times[clientID] = s.now()
}

// run writes every seenInterval, and once more when ctx ends.
func (s *seen) run(ctx context.Context) {
	ticker := time.NewTicker(seenInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.write(ctx)
		case <-ctx.Done():
			s.write(context.WithoutCancel(ctx))
			return
		}
	}
}

func (s *seen) write(ctx context.Context) {
	times := s.take()
	if len(times) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, seenTimeout)
	defer cancel()
	if err := s.store.RecordSeen(ctx, times); err != nil {
		s.log.Warn("record when clients were last seen", "error", err)
	}
}

func (s *seen) take() map[int64]time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	times := s.times
	s.times = map[int64]time.Time{}
	return times
}
