// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"

	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// follow invalidates what a change makes untrue, whichever process made the change.
func (s *Server) follow(change postgres.Change) {
	switch change {
	case postgres.ChangeEverything:
		s.cache.Enable()
		s.tokens.Enable()
	case postgres.ChangesUnheard:
		s.unfollow()
	}
	s.tokens.Invalidate(string(change))
	s.cache.Invalidate(string(change))
}

// unfollow drops everything, and caches nothing while changes go unheard.
func (s *Server) unfollow() {
	s.cache.Disable()
	s.tokens.Disable()
}

// listen follows the changes of the database until ctx ends.
func (s *Server) listen(ctx context.Context) {
	defer s.unfollow()
	_ = s.store.Listen(ctx, s.follow) // the error is that of ctx
}

// changed invalidates what a write of this process makes untrue. It is called also for
// a write that failed, since it may have been committed all the same, and before
// the caller gets its answer, who may read what it wrote at once.
func (s *Server) changed(types ...stats.Type) {
	for _, t := range types {
		s.cache.Invalidate(string(t))
	}
}

// topicsOf are what an answer about stats of this type depends on.
func topicsOf(t stats.Type) []string { return []string{string(t)} }
