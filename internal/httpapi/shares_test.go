// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/internal/httpapi"
	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
)

// TestFloodLeavesConnections floods the service with small requests of one client that
// take long, more than there are connections to the database. Another client is answered
// meanwhile, and so are all requests of the flood in the end.
func TestFloodLeavesConnections(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	s := setupStore(t, postgres.Options{URL: url + "&pool_max_conns=8"})
	flooding, honest := s.user("flooding"), s.user("honest")
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), `BEGIN; SELECT FROM client WHERE name = 'flooding' FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	var flood sync.WaitGroup
	for range 30 {
		flood.Go(func() {
			flooding.call("PATCH", "/api/v1/client/me", `{"is_sharing_enabled":true}`).want(http.StatusCreated)
		})
	}
	until(t, "the flood has arrived", func() bool { return s.api.Requests(flooding.client.ID) == 30 })
	honest.post(threat(1, 0, 1))
	honest.call("GET", "/api/v1/stats/", nil).want(http.StatusOK)
	honest.call("DELETE", "/api/v1/stats/"+id(1).String(), nil).want(http.StatusNoContent)
	if n := s.api.Requests(flooding.client.ID); n != 30 {
		t.Errorf("%d requests of the flood are left, want all: the honest client waited for them", n)
	}
	if _, err := conn.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	flood.Wait()
}

// TestPublicFloodLeavesConnections floods the service with requests that have no key and
// ask for figures that nobody asked for before, more than there are connections to the
// database. Cached figures and clients are answered meanwhile, and so are all requests of
// the flood in the end.
func TestPublicFloodLeavesConnections(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	s := setupStore(t, postgres.Options{URL: url + "&pool_max_conns=8"}, func(o *httpapi.Options) { o.Pages = pagesOf(t, o) })
	until(t, "answers are kept", s.caches)
	undocumented := *s
	undocumented.http = s.server.Client() // the document has no exports
	public, honest := undocumented.anonymous(), s.user("honest")
	public.threats()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), `BEGIN; LOCK TABLE rollup`); err != nil {
		t.Fatal(err)
	}
	var flood sync.WaitGroup
	for days := range 10 {
		for _, path := range []string{"/stats/threats.json", "/stats/top-threats.csv", "/stats/risks.csv"} {
			flood.Go(func() { public.call("GET", fmt.Sprintf("%s?days=%d", path, days+2), nil).want(http.StatusOK) })
		}
	}
	until(t, "the flood has arrived", func() bool { return s.store.WaitingFigures() >= 20 })
	public.threats()
	honest.post(threat(1, 0, 1))
	honest.call("GET", "/api/v1/stats/", nil).want(http.StatusOK)
	honest.call("GET", "/api/v1/stats/processed/", processedQuery).want(http.StatusOK)
	if n := s.store.WaitingFigures(); n < 20 {
		t.Errorf("%d reads of the flood wait, want most: the honest client waited for them", n)
	}
	if _, err := conn.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	flood.Wait()
}
