// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi

import (
	"context"
	"testing"
)

// OccupyDecoders takes all slots where large bodies are decoded.
func (s *Server) OccupyDecoders(t testing.TB) (leave func()) {
	t.Helper()
	var taken []*slot
	for client := range s.decoders.shares.size {
		p, err := s.decoders.enter(context.Background(), -1-client, mediumBody+1)
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, p)
	}
	return func() {
		for _, p := range taken {
			p.leave()
		}
	}
}

// Decoding returns how many bodies of a client are being decoded or wait for that.
func (s *Server) Decoding(client int64) int { return s.decoders.shares.usersOf(client) }

// Requests returns how many small requests of a client are being answered or wait for
// that.
func (s *Server) Requests(client int64) int { return s.requests.usersOf(client) }

func (s *clientShares) usersOf(client int64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if share := s.shares[client]; share != nil {
		return share.users
	}
	return 0
}
