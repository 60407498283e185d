// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// neighbours are two clients and an admin. Both clients have stats of the
// analysis 1; only the victim has stats of the analysis 2.
type neighbours struct {
	*service
	victim, thief, admin caller
	victims, thieves     []uuid.UUID
}

func setupNeighbours(t *testing.T) neighbours {
	t.Helper()
	s := setup(t)
	n := neighbours{service: s, victim: s.user("victim"), thief: s.user("thief"), admin: s.admin("admin")}
	n.victims = n.victim.post(threat(1, 3, 1), threat(2, 2, 1)).ids()
	n.thieves = n.thief.post(threat(1, 1, 7)).ids()
	return n
}

// fill writes the uuids of the victim into a question.
func (n neighbours) fill(text string) string {
	return strings.NewReplacer(
		"{1}", id(1).String(), "{2}", id(2).String(),
		"{uuid1}", n.victims[0].String(), "{uuid2}", n.victims[1].String(),
		"{day}", day(0),
	).Replace(text)
}

// TestIsolationOfReads asks in every way for what another client has.
func TestIsolationOfReads(t *testing.T) {
	t.Parallel()
	n := setupNeighbours(t)
	tests := []struct {
		name, path, body string
		status           int
		own              bool // the thief gets its own stats, and nothing else
	}{
		{"everything", "/api/v1/stats/", "", 200, true},
		{"every type", "/api/v1/stats/", `{"type":"threat"}`, 200, true},
		{"grouped", "/api/v1/stats/", `{"group_by_anr":1}`, 200, true},
		{"last", "/api/v1/stats/", `{"get_last":true}`, 200, true},
		{"last of the analysis", "/api/v1/stats/", `{"get_last":true,"anrs":["{1}","{2}"]}`, 200, true},
		{"shared analysis", "/api/v1/stats/", `{"anr":"{1}"}`, 200, true},
		{"analysis of the victim", "/api/v1/stats/", `{"anr":"{2}"}`, 200, false},
		{"analyses", "/api/v1/stats/", `{"anrs":["{1}","{2}"]}`, 200, true},
		{"analyses of the victim", "/api/v1/stats/", `{"anrs":["{2}"]}`, 200, false},
		{"analysis and analyses", "/api/v1/stats/", `{"anr":"{1}","anrs":["{2}"]}`, 200, false},
		{"first page", "/api/v1/stats/", `{"limit":10}`, 200, true},
		{"next page", "/api/v1/stats/", `{"offset":1,"limit":10}`, 200, false},
		{"window of dates", "/api/v1/stats/", `{"date_from":"1970-01-01","date_to":"9999-12-31"}`, 200, true},
		{"parameters", "/api/v1/stats/?anr={2}", "", 200, false},
		{"list in parameters", "/api/v1/stats/?anrs={1},{2}&limit=5", "", 200, true},
		{"list of PHP", "/api/v1/stats/?anrs[0]={2}", "", 200, false},
		{"several parameters", "/api/v1/stats/?anrs={2}&anrs={2}&get_last=1", "", 200, false},
		{"another member in the query", "/api/v1/stats/?client_id=1&client=1&role=admin", "", 200, true},
		{"by analysis", "/api/v1/stats/{1}", "", 200, true},
		{"by analysis of the victim", "/api/v1/stats/{2}", "", 200, false},
		{"by uuid", "/api/v1/stats/{1}?uuid={uuid1}", "", 404, false},
		{"by uuid of the other analysis", "/api/v1/stats/{2}?uuid={uuid2}", "", 404, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var body any
			if tt.body != "" {
				body = n.fill(tt.body)
			}
			answered := n.thief.on(t).call("GET", n.fill(tt.path), body).want(tt.status)
			for _, secret := range n.victims {
				if strings.Contains(string(answered.body), secret.String()) {
					t.Errorf("the answer holds stats of another client: %s", answered.body)
				}
			}
			if got := strings.Contains(string(answered.body), n.thieves[0].String()); got != tt.own {
				t.Errorf("the answer holds the stats of the client itself: %v, want %v: %s", got, tt.own, answered.body)
			}
			if link := answered.header.Get("Link"); link != "" {
				t.Errorf("Link tells of stats of other clients: %s", link)
			}
		})
	}
}

// TestIsolationOfDeletes deletes in every way what another client has.
func TestIsolationOfDeletes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, path string
		status     int
		own        bool // the stats of the thief survive
	}{
		{"shared analysis", "/api/v1/stats/{1}", 204, false},
		{"analysis of the victim", "/api/v1/stats/{2}", 404, true},
		{"by uuid", "/api/v1/stats/{1}?uuid={uuid1}", 404, true},
		{"by uuid of the other analysis", "/api/v1/stats/{2}?uuid={uuid2}", 404, true},
		{"by an empty uuid", "/api/v1/stats/{1}?uuid=", 400, true},
		{"by a broken uuid", "/api/v1/stats/{1}?uuid=%zz", 400, true},
		{"by another broken uuid", "/api/v1/stats/{1}?uuid=x;y", 400, true},
		{"without an analysis", "/api/v1/stats/", 405, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := setupNeighbours(t)
			n.thief.call("DELETE", n.fill(tt.path), nil).want(tt.status)
			want := map[uuid.UUID]bool{n.victims[0]: true, n.victims[1]: true}
			if tt.own {
				want[n.thieves[0]] = true
			}
			if diff := cmp.Diff(want, setOf(n.stored())); diff != "" {
				t.Errorf("what is left (-want +got):\n%s", diff)
			}
		})
	}
}

func setOf(ids []uuid.UUID) map[uuid.UUID]bool {
	set := map[uuid.UUID]bool{}
	for _, id := range ids {
		set[id] = true
	}
	return set
}

// TestIsolationOfPosts posts with the uuids of another client.
func TestIsolationOfPosts(t *testing.T) {
	t.Parallel()
	n := setupNeighbours(t)
	theirs := threat(2, 2, 99).with("uuid", n.victims[1])
	got := n.thief.call("POST", "/api/v1/stats/", []item{theirs, threat(3, 1, 1)}).list(http.StatusMultiStatus)
	if diff := cmp.Diff([]uuid.UUID{n.victims[1]}, got.Duplicates); diff != "" {
		t.Errorf("duplicates (-want +got):\n%s", diff)
	}
	if len(got.Data) != 1 || got.Data[0].ANR != id(3) {
		t.Errorf("created: %+v", got.Data)
	}
	kept := n.victim.call("GET", n.fill("/api/v1/stats/{2}?uuid={uuid2}"), nil).want(http.StatusOK)
	if !strings.Contains(string(kept.body), `"count": 1`) && !strings.Contains(string(kept.body), `"count":1`) {
		t.Errorf("the stats of the victim were changed: %s", kept.body)
	}
	n.thief.call("GET", n.fill("/api/v1/stats/{2}?uuid={uuid2}"), nil).want(http.StatusNotFound)
	same := n.thief.post(threat(2, 2, 1)) // the very content that the victim has
	if same.Data[0].UUID == n.victims[1] {
		t.Error("a client was handed the uuid of equal stats of another client")
	}
}

// TestAdminReach shows that the limits above are those of users.
func TestAdminReach(t *testing.T) {
	t.Parallel()
	n := setupNeighbours(t)
	everything := setOf(append(n.victims, n.thieves...))
	if diff := cmp.Diff(everything, setOf(n.admin.call("GET", "/api/v1/stats/", nil).list(http.StatusOK).ids())); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	var rows []row
	n.admin.call("GET", n.fill("/api/v1/stats/{1}"), nil).want(http.StatusOK).into(&rows)
	if diff := cmp.Diff([]uuid.UUID{n.thieves[0], n.victims[0]}, idsOf(rows)); diff != "" {
		t.Errorf("stats of the shared analysis, newest first (-want +got):\n%s", diff)
	}
	n.admin.call("GET", n.fill("/api/v1/stats/{2}?uuid={uuid2}"), nil).want(http.StatusOK)
	n.admin.call("DELETE", n.fill("/api/v1/stats/{1}?uuid={uuid1}"), nil).want(http.StatusNoContent)
	n.admin.call("DELETE", n.fill("/api/v1/stats/{1}?uuid={uuid1}"), nil).want(http.StatusNotFound)
	n.admin.call("DELETE", n.fill("/api/v1/stats/{2}"), nil).want(http.StatusNoContent)
	if diff := cmp.Diff(n.thieves, n.stored()); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
}

// TestKeysAreRefusedByCause tells the ways apart in which a caller is turned away.
func TestKeysAreRefusedByCause(t *testing.T) {
	t.Parallel()
	s := setup(t)
	user := s.user("user")
	sleeper := s.createClient(inactive)
	protected := []struct{ method, path, body string }{
		{"GET", "/api/v1/client/me", ""},
		{"PATCH", "/api/v1/client/me", `{"is_sharing_enabled":false}`},
		{"POST", "/api/v1/client/", `{"name":"new"}`},
		{"GET", "/api/v1/stats/", ""},
		{"POST", "/api/v1/stats/", `[]`},
		{"GET", "/api/v1/stats/processed/", `{"processor":"risk_averages"}`},
		{"GET", "/api/v1/stats/compare/", `{"type":"risk"}`},
		{"GET", "/api/v1/stats/" + id(1).String(), ""},
		{"DELETE", "/api/v1/stats/" + id(1).String(), ""},
	}
	callers := []struct {
		name   string
		caller caller
		status int
	}{
		{"no key", s.anonymous(), 401},
		{"wrong key", s.with("wrong"), 403},
		{"key in another case", s.with(strings.ToUpper(user.token)), 403},
		{"cut key", s.with(user.token[:20]), 403},
		{"inactive client", sleeper, 403},
	}
	for _, tt := range callers {
		t.Run(tt.name, func(t *testing.T) {
			for _, p := range protected {
				var body any
				if p.body != "" {
					body = p.body
				}
				if got := tt.caller.on(t).call(p.method, p.path, body); got.status != tt.status {
					t.Errorf("%s %s = %d, want %d", p.method, p.path, got.status, tt.status)
				}
			}
			tt.caller.on(t).call("GET", "/api/v1/stats/processed/list", nil).want(http.StatusOK)
			tt.caller.on(t).call("GET", "/about.json", nil).want(http.StatusOK)
		})
	}
	t.Run("not an admin", func(t *testing.T) {
		user.on(t).call("POST", "/api/v1/client/", `{"name":"new"}`).want(http.StatusForbidden)
	})
	if got := len(s.clients()); got != 2 {
		t.Errorf("%d clients, want the two that the test created", got)
	}
}
