// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/dashboard"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/health"
	"github.com/monarc-project/stats-service/internal/httpapi"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// The callers of the matrix, in the order of its columns.
const (
	noKey     = "no key"
	badKey    = "bad key"
	inactiveC = "inactive"
	mutedC    = "muted"
	userC     = "user"
	otherUser = "other user"
	adminC    = "admin"
)

var callers = []string{noKey, badKey, inactiveC, mutedC, userC, otherUser, adminC}

// The targets of the matrix: what belongs to the caller, to another client, to
// nobody.
const (
	own = iota
	other
	missing
)

var targets = []string{"own", "other", "missing"}

// right is what a caller gets of its own, of another's and of what is not there.
// A cell is the status with what may come of the request:
//
//   - the answer holds data of the client that the target belongs to
//     c  something of the caller changes
//     t  something of the client that the target belongs to changes
//     n  a client is added
//
// Without one of them the answer holds nothing of another client, and nothing of
// anybody changes.
type right [3]string

// operationRow is a row of the matrix.
type operationRow struct {
	ask   func(target *party) (path string, body any) // below the prefix
	cells map[string]right                            // by caller
}

// refused are the cells of those who are turned away from everything with a key.
func protected(cells map[string]right) map[string]right {
	cells[noKey] = right{"401", "401", "401"}
	cells[badKey] = right{"403", "403", "403"}
	cells[inactiveC] = right{"403", "403", "403"}
	return cells
}

// everybody gives all callers the same.
func everybody(of right) map[string]right {
	cells := map[string]right{}
	for _, name := range callers {
		cells[name] = of
	}
	return cells
}

// clientsAlike gives all clients that are let in the same.
func clientsAlike(of right) map[string]right {
	return protected(map[string]right{mutedC: of, userC: of, otherUser: of, adminC: of})
}

// usersAlike gives the clients that are let in the same, but for admins.
func usersAlike(of, ofAdmin right) map[string]right {
	cells := clientsAlike(of)
	cells[adminC] = ofAdmin
	return cells
}

// documentRoute is a route without anything of a client.
func documentRoute(path string) operationRow {
	return operationRow{func(target *party) (string, any) { return path + "?client=" + target.name, nil }, everybody(right{"200", "200", "200"})}
}

// publicRoute takes no analysis, whoever asks.
func publicRoute(path string) operationRow {
	return operationRow{func(target *party) (string, any) { return path + "?anr=" + target.analysis.String(), nil }, everybody(right{"400", "400", "400"})}
}

// matrix has a row for each operation of the document.
var matrix = map[string]operationRow{
	"GET /api/v1/client/me": {
		func(target *party) (string, any) {
			return "/api/v1/client/me?uuid=" + target.client.String() + "&name=" + target.name, nil
		},
		clientsAlike(right{"200+", "200", "200"}),
	},
	"PATCH /api/v1/client/me": {
		func(target *party) (string, any) {
			if target.isCaller {
				return "/api/v1/client/me", `{"is_sharing_enabled":false}`
			}
			return "/api/v1/client/me?uuid=" + target.client.String(), `{"is_sharing_enabled":false,"uuid":"` + target.client.String() + `"}`
		},
		clientsAlike(right{"201+c", "400", "400"}),
	},
	"POST /api/v1/client/": {
		func(target *party) (string, any) {
			return "/api/v1/client/", map[string]any{"name": target.name, "token": target.presented}
		},
		usersAlike(right{"403", "403", "403"}, right{"304", "409", "201n+"}),
	},
	"GET /api/v1/stats/": {
		func(target *party) (string, any) {
			return "/api/v1/stats/", map[string]any{"anrs": []uuid.UUID{target.analysis}}
		},
		usersAlike(right{"200+", "200", "200"}, right{"200+", "200+", "200"}),
	},
	"POST /api/v1/stats/": {
		func(target *party) (string, any) {
			return "/api/v1/stats/", []item{target.item(5).with("uuid", target.stat)}
		},
		// What is there already is not answered, nor changed, whoever has it.
		clientsAlike(right{"207", "207", "201c+"}),
	},
	"GET /api/v1/stats/processed/": {
		func(target *party) (string, any) {
			return "/api/v1/stats/processed/", map[string]any{"processor": "threat_average_on_date", "anrs": []uuid.UUID{target.analysis}}
		},
		map[string]right{
			noKey: {"401", "401", "401"}, badKey: {"403", "403", "403"}, inactiveC: {"403", "403", "403"},
			mutedC: {"200", "200", "200"}, // whose stats count nowhere
			userC:  {"200+", "200", "200"}, otherUser: {"200+", "200", "200"}, adminC: {"200+", "200+", "200"},
		},
	},
	"GET /api/v1/stats/compare/": {
		func(target *party) (string, any) {
			return "/api/v1/stats/compare/", map[string]any{"type": "threat", "anrs": []uuid.UUID{target.analysis}}
		},
		protected(map[string]right{
			mutedC: {"200", "200", "200"}, // whose stats count nowhere
			// An admin compares what it has sent itself, as anybody.
			userC: {"200+", "200", "200"}, otherUser: {"200+", "200", "200"}, adminC: {"200+", "200", "200"},
		}),
	},
	"GET /api/v1/stats/{anr}": {
		func(target *party) (string, any) { return "/api/v1/stats/" + target.analysis.String(), nil },
		usersAlike(right{"200+", "200", "200"}, right{"200+", "200+", "200"}),
	},
	"DELETE /api/v1/stats/{anr}": {
		func(target *party) (string, any) { return "/api/v1/stats/" + target.analysis.String(), nil },
		usersAlike(right{"204c", "404", "404"}, right{"204c", "204t", "404"}),
	},
	"GET /api/v1/stats/processed/list": documentRoute("/api/v1/stats/processed/list"),
	"GET /about.json":                  documentRoute("/about.json"),
	"GET /api/v1/":                     documentRoute("/api/v1/"),
	"GET /api/v1/openapi.json":         documentRoute("/api/v1/openapi.json"),
	"GET /api/v1/openapi.yaml":         documentRoute("/api/v1/openapi.yaml"),
	"GET /api/v1/swagger.json":         documentRoute("/api/v1/swagger.json"),
	"GET /healthz":                     documentRoute("/healthz"),
	"GET /health":                      documentRoute("/health"),
	"GET /readyz":                      documentRoute("/readyz"),
	"GET /stats/threats.json":          publicRoute("/stats/threats.json"),
	"GET /stats/vulnerabilities.json":  publicRoute("/stats/vulnerabilities.json"),
	"GET /stats/risks.json":            publicRoute("/stats/risks.json"),
	// Objects belong to no client.
	"GET /stats/threats/{uuid}.json":         publicRoute("/stats/threats/" + id(900).String() + ".json"),
	"GET /stats/vulnerabilities/{uuid}.json": publicRoute("/stats/vulnerabilities/" + id(900).String() + ".json"),
}

// party is one who calls, or whose data is the target: of the matrix every client
// is both.
type party struct {
	name           string
	token          string // what it sends; empty: nothing
	presented      string // the token that a registration in its name would ask for
	client         uuid.UUID
	analysis, stat uuid.UUID
	hidden         uuid.UUID // a second stat of the analysis, which nobody else names
	label          string    // that only its data has
	isCaller       bool
	anr            int
}

// item is the stat of the party, so many days ago.
func (p *party) item(daysAgo int) item {
	data, _ := json.Marshal([]map[string]any{{ // of texts and numbers
		"uuid": p.analysis, "label1": p.label, "label2": p.label, "label3": "", "label4": "", "count": 1000 + p.anr, "maxRisk": 12, "averageRate": "2.5",
	}})
	return item{"anr": p.analysis, "type": "threat", "date": day(daysAgo), "data": json.RawMessage(data)}
}

// secrets are texts that nobody else is to see.
func (p *party) secrets() []string {
	return []string{p.name, p.presented, p.client.String(), p.analysis.String(), p.stat.String(), p.hidden.String(), p.label, strconv.Itoa(1000 + p.anr)}
}

// town is the service with all parties of the matrix.
type town struct {
	*service
	parties map[string]*party // by caller, and "missing"
}

func setupTown(t *testing.T, changes ...func(*httpapi.Options)) town {
	t.Helper()
	s := setup(t, append(changes, func(o *httpapi.Options) { o.Pages = pagesOf(t, o) })...)
	checker := health.New(health.Options{Now: time.Now, Log: slog.New(s.log.handler)})
	checker.Serve(s.store)
	s.server = httptest.NewServer(checker.Handler(s.handler))
	t.Cleanup(s.server.Close)
	h := town{s, map[string]*party{
		noKey: {name: noKey}, badKey: {name: badKey, token: "a-key-of-nobody"},
		"missing": {name: "missing-party", presented: "missing-token", client: uuid.New(), analysis: id(99), stat: id(990), label: "missing label", anr: 99},
	}}
	for i, name := range []string{inactiveC, mutedC, userC, otherUser, adminC} {
		client := stats.Client{Name: fmt.Sprintf("party-%d-%s", i, strings.ReplaceAll(name, " ", "-")), Role: stats.RoleUser, Local: true, IsSharingEnabled: true, IsActive: true}
		if name == adminC {
			client.Role = stats.RoleAdmin
		}
		created := s.createClient(client)
		h.parties[name] = &party{
			name: client.Name, token: created.token, presented: created.token, client: created.client.UUID,
			analysis: id(10 + i), stat: id(100 + i), hidden: uuid.New(), label: "label of " + name, anr: 10 + i,
		}
		h.post(h.parties[name])
	}
	h.change(inactiveC, postgres.ClientChange{Active: new(bool)})
	h.change(mutedC, postgres.ClientChange{Processed: new(bool)})
	inactive := h.with(h.parties[inactiveC].token)
	until(t, "the service hears of the inactive client", func() bool {
		return inactive.call("GET", "/api/v1/client/me", nil).status == http.StatusForbidden
	})
	return h
}

// pagesOf are the pages for people, one of which is an operation of the document.
func pagesOf(t *testing.T, o *httpapi.Options) httpapi.Pages {
	t.Helper()
	cache := httpapi.NewCache(o.Now)
	figures := disclosure.New(disclosure.Options{Store: o.Store.SumStore, Cache: cache, Now: o.Now, Location: o.Location})
	pages, err := dashboard.NewPages(dashboard.PageOptions{
		Now: o.Now, APIRoot: httpapi.Root, Figures: figures, Cache: cache, MOSPURL: "https://objects.example.org", CoordinateDecimals: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

func (h town) post(p *party) {
	h.t.Helper()
	h.with(p.token).post(p.item(1).with("uuid", p.stat), p.item(2).with("uuid", p.hidden))
}

func (h town) change(name string, change postgres.ClientChange) {
	h.t.Helper()
	if _, err := h.store.UpdateClient(h.t.Context(), h.parties[name].client, change); err != nil {
		h.t.Fatal(err)
	}
}

// target is what a caller asks for. Who has no data of its own is the user.
func (h town) target(name string, target int) party {
	caller := h.parties[name]
	var found party
	switch {
	case target == missing:
		return *h.parties["missing"]
	case target == own && caller.client == uuid.Nil:
		return *h.parties[userC]
	case target == own:
		found = *caller
		found.isCaller = true
	case name == userC:
		found = *h.parties[otherUser]
	default:
		found = *h.parties[userC]
	}
	if target == other {
		found.presented = "another-token" // nobody knows that of another client
	}
	return found
}

// state is everything that there is, by client.
func (h town) state() map[uuid.UUID]string {
	h.t.Helper()
	state, ids := map[uuid.UUID]string{}, map[int64]uuid.UUID{}
	for _, client := range h.clients() {
		ids[client.ID] = client.UUID
		state[client.UUID] = fmt.Sprint(client.Name, client.Token, client.Role, client.IsActive, client.IsProcessed, client.IsSharingEnabled, client.Local)
	}
	_, err := h.store.EachStat(h.t.Context(), stats.Everything(), postgres.ListQuery{}, func(stat stats.Stat) error {
		state[ids[stat.ClientID]] += fmt.Sprint(stat.UUID, stat.ANR, stat.Date, string(stat.Data))
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return state
}

// changedSince names the clients that are not as they were, and counts new ones.
func (h town) changedSince(before map[uuid.UUID]string) (changed []uuid.UUID, added int) {
	after := h.state()
	for _, client := range slices.Collect(maps.Keys(before)) {
		if after[client] != before[client] {
			changed = append(changed, client)
		}
	}
	return changed, len(after) - len(before)
}

// restore brings back what cells have changed.
func (h town) restore(before map[uuid.UUID]string) {
	h.t.Helper()
	changed, _ := h.changedSince(before)
	var emptied []*party // all of them before any gets its stats back: one may have posted a uuid of another
	for _, p := range h.parties {
		if !slices.Contains(changed, p.client) {
			continue
		}
		if _, err := h.store.SetSharing(h.t.Context(), p.client, true); err != nil {
			h.t.Fatal(err)
		}
		if _, err := h.store.DeleteStatsOfClient(h.t.Context(), p.client, nil); err != nil {
			h.t.Fatal(err)
		}
		emptied = append(emptied, p)
	}
	for _, p := range emptied {
		h.post(p)
	}
	for client := range h.state() {
		if _, known := before[client]; known {
			continue
		}
		if _, err := h.store.DeleteClient(h.t.Context(), client); err != nil {
			h.t.Fatal(err)
		}
	}
	if diff := cmp.Diff(before, h.state()); diff != "" {
		h.t.Fatalf("the next cell would begin otherwise (-before +now):\n%s", diff)
	}
}

// try asks as a cell says, and compares.
func (h town) try(t *testing.T, method, callerName string, row operationRow, target int, want string) {
	asking, of := h.parties[callerName], h.target(callerName, target)
	path, body := row.ask(&of)
	before := h.state()
	got := h.with(asking.token).on(t).call(method, path, body)
	if status := strings.TrimRight(want, "+ctn"); strconv.Itoa(got.status) != status {
		t.Errorf("status %d, want %s: %.300s", got.status, status, got.body)
	}
	h.compareSecrets(t, asking, &of, path+string(encoded(t, body)), string(got.body), strings.Contains(want, "+"))

	changed, added := h.changedSince(before)
	var mayChange []uuid.UUID
	if strings.Contains(want, "c") {
		mayChange = append(mayChange, asking.client)
	}
	if strings.Contains(want, "t") {
		mayChange = append(mayChange, of.client)
	}
	if diff := cmp.Diff(mayChange, changed); diff != "" {
		t.Errorf("clients that changed (-want +got):\n%s", diff)
	}
	if (added == 1) != strings.Contains(want, "n") || added > 1 {
		t.Errorf("%d clients more", added)
	}
	if len(changed) > 0 || added != 0 {
		h.restore(before)
	}
}

// compareSecrets looks for what the answer must have, and for what it must not
// have: anything of another client that was not in the request.
func (h town) compareSecrets(t *testing.T, asking, of *party, sent, received string, isShown bool) {
	if shown := strings.Contains(received, of.label) || strings.Contains(received, of.name); shown != isShown {
		t.Errorf("the answer holds data of the target: %t, want %t: %.300s", shown, isShown, received)
	}
	for _, p := range h.parties {
		if p.client == asking.client || p.client == of.client && isShown {
			continue
		}
		for _, secret := range p.secrets() {
			if secret != "" && strings.Contains(received, secret) && !strings.Contains(sent, secret) {
				t.Errorf("the answer holds %q of %s: %.300s", secret, p.name, received)
			}
		}
	}
}

// TestAuthorisationOfEveryOperation tries every operation of the document with every caller and
// every target. An operation without a row fails.
func TestAuthorisationOfEveryOperation(t *testing.T) {
	t.Parallel()
	document, _ := documented(t)
	missingRows := maps.Clone(matrix)
	for path, item := range document.Paths.Map() {
		base := document.Servers[0].URL
		if len(item.Servers) > 0 {
			base = item.Servers[0].URL
		}
		for method := range item.Operations() {
			name := method + " " + strings.TrimSuffix(base, "/") + path
			row, known := matrix[name]
			if !known {
				t.Errorf("the matrix has no row for %s: say who may do what", name)
			}
			delete(missingRows, name)
			for _, caller := range callers {
				if row.cells[caller] == (right{}) && known {
					t.Errorf("%s: the matrix does not say what %s may do", name, caller)
				}
			}
		}
	}
	for name := range missingRows {
		t.Errorf("the matrix has a row for %s, which the document does not know", name)
	}
	for name, row := range matrix {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := setupTown(t)
			method, _, _ := strings.Cut(name, " ")
			for _, caller := range callers {
				for target, want := range row.cells[caller] {
					t.Run(caller+", "+targets[target], func(t *testing.T) { h.try(t, method, caller, row, target, want) })
				}
			}
		})
	}
}
