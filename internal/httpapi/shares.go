// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// clientShares bounds how much of a resource each client holds at a time.
type clientShares struct {
	size int64 // of a share

	mu     sync.Mutex
	shares map[int64]*clientShare
}

// clientShare is what one client holds.
type clientShare struct {
	*semaphore.Weighted
	users int // that have some of it or wait for it
}

func newClientShares(size int64) *clientShares {
	return &clientShares{size: size, shares: map[int64]*clientShare{}}
}

// acquire waits until the client's share has this amount left, and takes it.
func (s *clientShares) acquire(ctx context.Context, client, amount int64) error {
	share := s.enter(client)
	if share.TryAcquire(amount) { // the common case, without waiting
		return nil
	}
	if err := share.Acquire(ctx, amount); err != nil {
		s.leave(client)
		return err
	}
	return nil
}

// release gives back what acquire got.
func (s *clientShares) release(client, amount int64) {
	s.leave(client).Release(amount)
}

func (s *clientShares) enter(client int64) *clientShare {
	s.mu.Lock()
	defer s.mu.Unlock()
	share, found := s.shares[client]
	if !found {
		share = &clientShare{Weighted: semaphore.NewWeighted(s.size)}
		s.shares[client] = share
	}
	share.users++
	return share
}

func (s *clientShares) leave(client int64) *clientShare {
	s.mu.Lock()
	defer s.mu.Unlock()
	share := s.shares[client]
	if share.users--; share.users == 0 {
		delete(s.shares, client)
	}
	return share
}
