// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"

	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// follow invalidates the cached values that depend on a change, made by any process.
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

// unfollow empties the caches and stops caching while no notifications arrive.
func (s *Server) unfollow() {
	s.cache.Disable()
	s.tokens.Disable()
}

// listen follows the changes of the database until ctx ends.
func (s *Server) listen(ctx context.Context) {
	defer s.unfollow()
	_ = s.store.Listen(ctx, s.follow) // it only returns the error of ctx
}

// changed invalidates the cached values that depend on a write of this process. It is
// also called for a failed write, which may have been committed all the same. It is
// called before the answer is sent, since the caller may read what it wrote at once.
func (s *Server) changed(types ...stats.Type) {
	for _, t := range types {
		s.cache.Invalidate(string(t))
	}
}

// topicsOf returns the cache topics that answers about stats of this type depend on.
func topicsOf(t stats.Type) []string { return []string{string(t)} }
