// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/audit"
)

// TestAuditOfRequests has the log name the client that changes or deletes something,
// with its address, and keys that are not let in, once a minute and address.
func TestAuditOfRequests(t *testing.T) {
	t.Parallel()
	s := setup(t)
	admin, user := s.admin("admin"), s.user("user")
	sleeper := s.createClient(inactive)
	user.post(threat(1, 1, 1), threat(1, 2, 1))
	since := today.AddDate(-1, 0, 0)

	user.call("PATCH", "/api/v1/client/me", `{"is_sharing_enabled":false}`).want(http.StatusCreated)
	user.call("DELETE", "/api/v1/stats/"+id(1).String(), nil).want(http.StatusNoContent)
	user.call("DELETE", "/api/v1/stats/"+id(1).String(), nil).want(http.StatusNotFound)
	var created struct{ Token string }
	admin.call("POST", "/api/v1/client/", `{"name":"new"}`).want(http.StatusCreated).into(&created)
	for range 50 {
		s.with("wrong").call("GET", "/api/v1/client/me", nil).want(http.StatusForbidden)
		sleeper.call("GET", "/api/v1/stats/", nil).want(http.StatusForbidden)
	}
	s.anonymous().call("GET", "/api/v1/client/me", nil).want(http.StatusUnauthorized) // no key, nothing to note
	s.stopRunning()

	newest, err := s.store.ClientByToken(t.Context(), created.Token)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{ // by the clock of the test, keys were refused first
		fmt.Sprintf(`key.refuse keys by anyone:  {"clients": ["%s"], "unknown": 50, "inactive": 50}`, sleeper.client.UUID),
		fmt.Sprintf(`client.update client %s by client %[1]s: {"is_sharing_enabled": true} {"is_sharing_enabled": false}`, user.client.UUID),
		fmt.Sprintf(`stats.delete analysis %s by client %s: {"stats": 2} `, id(1), user.client.UUID),
		fmt.Sprintf(`client.create client %s by client %s:  {"name": "new", "role": 1, "local": true, "is_active": true, "is_processed": true, "is_sharing_enabled": true}`,
			newest.UUID, admin.client.UUID),
	}
	got := s.audited(since)
	if len(got) != len(want)+3 {
		t.Fatalf("%d entries, want those of three clients that the test made and %d: %q", len(got), len(want), got)
	}
	if diff := cmp.Diff(want, slices.Delete(got, 1, 4)); diff != "" {
		t.Errorf("audit log (-want +got):\n%s", diff)
	}
}

// audited is the audit log, a line for each entry, all of which come from here.
func (s *service) audited(since time.Time) (lines []string) {
	s.t.Helper()
	err := s.store.EachAuditEvent(s.t.Context(), since, func(e audit.Event) error {
		if e.Actor.Name != audit.Service && e.Actor.Origin != "127.0.0.1" {
			s.t.Errorf("%s comes from %q", e.Action, e.Actor.Origin)
		}
		lines = append(lines, fmt.Sprintf("%s %s by %s: %s %s", e.Action, e.Target, e.Actor.Name, e.Before, e.After))
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return lines
}
