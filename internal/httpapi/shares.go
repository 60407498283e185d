// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"sync"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/semaphore"

	"github.com/monarc-project/stats-service/gen/server"
)

// leastRequests is how many requests a client may have answered at a time at least.
const leastRequests = 2

// shareRequests is a middleware that answers only some requests of a client at a time,
// so that a flood from one client leaves connections to the database to others. Those
// with large bodies have other limits, and so have lists, which are read after it.
func (s *Server) shareRequests(next server.StrictHandlerFunc, _ string) server.StrictHandlerFunc {
	return func(c echo.Context, request any) (any, error) {
		ctx := c.Request().Context()
		if slotOf(ctx) != nil {
			return next(c, request)
		}
		client, _ := caller(ctx)
		if err := s.requests.acquire(ctx, client.ID, 1); err != nil {
			return nil, err
		}
		defer s.requests.release(client.ID, 1)
		return next(c, request)
	}
}

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
