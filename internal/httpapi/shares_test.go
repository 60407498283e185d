// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

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
