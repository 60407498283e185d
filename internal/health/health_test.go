// SPDX-License-Identifier: AGPL-3.0-or-later

package health_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/internal/health"
	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/servicetest"
	"github.com/monarc-project/stats-service/internal/stats"
	"github.com/monarc-project/stats-service/openapi"
)

func TestMain(m *testing.M) { servicetest.Main(m) }

// clock advances far enough with each reading that no cached state is recent.
func clock() func() time.Time {
	var minutes atomic.Int64
	start := time.Date(2026, 3, 15, 0, 0, 0, 0, time.UTC)
	return func() time.Time { return start.Add(time.Duration(minutes.Add(1)) * time.Minute) }
}

func newChecker(t *testing.T, timeout time.Duration) *health.Checker {
	return health.New(health.Options{Now: clock(), Log: servicetest.Log(t), Prefix: "/x", Timeout: timeout})
}

// ask returns the status, the header and the body of an answer. Paths of other packages
// are answered 418.
func ask(t *testing.T, checker *health.Checker, method, address string) (int, http.Header, string) {
	t.Helper()
	others := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	server := httptest.NewServer(checker.Handler(others))
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), method, server.URL+address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, strings.TrimSpace(string(body))
}

// wantReport asks /readyz.
func wantReport(t *testing.T, checker *health.Checker, status int, want health.Report) {
	t.Helper()
	got, header, body := ask(t, checker, http.MethodGet, "/readyz")
	var report health.Report
	if err := json.Unmarshal([]byte(body), &report); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	document, err := openapi3.NewLoader().LoadFromData(openapi.Document)
	if err != nil {
		t.Fatal(err)
	}
	var described any
	if err := json.Unmarshal([]byte(body), &described); err != nil {
		t.Fatal(err)
	}
	if err := document.Components.Schemas["Readiness"].Value.VisitJSON(described); err != nil {
		t.Errorf("the answer does not match the OpenAPI document: %v", err)
	}
	if diff := cmp.Diff(want, report); got != status || diff != "" {
		t.Errorf("status %d, want %d (-want +got)\n%s", got, status, diff)
	}
	if told := header.Get("Retry-After") != ""; told != (status == http.StatusServiceUnavailable) {
		t.Errorf("Retry-After is %q with status %d", header.Get("Retry-After"), status)
	}
}

// TestReadinessFollowsTheDatabase goes through the states of a database, and back to ready
// after each.
func TestReadinessFollowsTheDatabase(t *testing.T) {
	t.Parallel()
	proxy := pgtest.NewProxy(t, pgtest.New(t))
	store := servicetest.Open(t, postgres.Options{URL: proxy.URL})
	direct := connect(t, proxy.URL)
	var database string
	if err := direct.QueryRow(t.Context(), "SELECT current_database()").Scan(&database); err != nil {
		t.Fatal(err)
	}
	checker, hasty := newChecker(t, time.Minute), newChecker(t, time.Second)
	checker.Serve(store)
	hasty.Serve(store)
	up := health.Report{Status: health.Ready, Process: health.Serving, Database: postgres.StateUp, Message: "The service is ready."}
	wantReport(t, checker, http.StatusOK, up)
	unavailable := func(state postgres.State, message string) health.Report {
		return health.Report{Status: health.Unavailable, Process: health.Serving, Database: state, Message: message}
	}
	on := func(statement string) func() {
		return func() {
			conn := connect(t, proxy.URL)
			if _, err := conn.Exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := []struct {
		name         string
		enter, leave func()
		status       int
		want         health.Report
	}{
		{name: "down", enter: proxy.Cut, leave: proxy.Pass, status: http.StatusServiceUnavailable,
			want: unavailable(postgres.StateDown, "The database cannot be reached.")},
		{name: "stalled", enter: proxy.Hold, leave: proxy.Pass, status: http.StatusServiceUnavailable,
			want: unavailable(postgres.StateStalled, "The database does not answer.")},
		{name: "behind", status: http.StatusServiceUnavailable,
			enter: on("CREATE TABLE kept AS SELECT * FROM goose_db_version; DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)"),
			leave: on("TRUNCATE goose_db_version; INSERT INTO goose_db_version OVERRIDING SYSTEM VALUE SELECT * FROM kept; DROP TABLE kept"),
			want:  unavailable(postgres.StateBehind, "The schema of the database is older than this release: run db_upgrade.")},
		{name: "not initialized", status: http.StatusServiceUnavailable,
			enter: on("ALTER TABLE goose_db_version RENAME TO kept"), leave: on("ALTER TABLE kept RENAME TO goose_db_version"),
			want: unavailable(postgres.StateBehind, "The schema of the database is older than this release: run db_upgrade.")},
		{name: "ahead", status: http.StatusServiceUnavailable,
			enter: on("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)"),
			leave: on("DELETE FROM goose_db_version WHERE version_id = 99999"),
			want:  unavailable(postgres.StateAhead, "The schema of the database is newer than this release: run the newer release.")},
		{name: "read-only", status: http.StatusOK,
			enter: on("ALTER DATABASE " + database + " SET default_transaction_read_only = on"),
			leave: on("SET transaction_read_only = off; ALTER DATABASE " + database + " RESET default_transaction_read_only"),
			want: health.Report{Status: health.Degraded, Process: health.Serving, Database: postgres.StateReadOnly,
				Message: "The database takes no writes: stats are answered, and posts are refused."}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.enter()
			asked := checker
			if tt.want.Database == postgres.StateStalled {
				asked = hasty // a slow database must not count as stalled
			}
			wantReport(t, asked, tt.status, tt.want)
			tt.leave()
			wantReport(t, checker, http.StatusOK, up)
		})
	}
	checker.Drain()
	wantReport(t, checker, http.StatusServiceUnavailable, health.Report{
		Status: health.Unavailable, Process: health.Draining, Database: postgres.StateUp, Message: "The service is about to stop.",
	})
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url+"&default_query_exec_mode=simple_protocol")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(t.Context()) })
	return conn
}

// TestLivenessDoesNotNeedTheDatabase requests the paths of liveness.
func TestLivenessDoesNotNeedTheDatabase(t *testing.T) {
	t.Parallel()
	checker := newChecker(t, time.Minute)
	for _, address := range []string{"/healthz", "/health", "/health/", "//healthz", "/x/healthz"} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			want := `{"status":"ok"}`
			if method == http.MethodHead {
				want = ""
			}
			status, header, body := ask(t, checker, method, address)
			if status != http.StatusOK || body != want || header.Get("Content-Type") != "application/json" || header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s %s: %d %v %s", method, address, status, header, body)
			}
		}
	}
	if status, header, _ := ask(t, checker, http.MethodPost, "/healthz"); status != http.StatusMethodNotAllowed || header.Get("Allow") == "" {
		t.Errorf("POST: %d %v", status, header)
	}
	if status, _, _ := ask(t, checker, http.MethodOptions, "/healthz"); status != http.StatusNoContent {
		t.Errorf("OPTIONS: %d", status)
	}
	for _, address := range []string{"/", "/healthz/x", "/y/healthz", "/x"} {
		if status, _, _ := ask(t, checker, http.MethodGet, address); status != http.StatusTeapot {
			t.Errorf("%s is answered %d here", address, status)
		}
	}
}

// TestStartingIsNotReady checks the phase before there is a database.
func TestStartingIsNotReady(t *testing.T) {
	t.Parallel()
	checker := newChecker(t, time.Minute)
	wantReport(t, checker, http.StatusServiceUnavailable, health.Report{
		Status: health.Unavailable, Process: health.Starting, Message: "The service is starting.",
	})
	checker.Wait(stats.ErrUnavailable)
	wantReport(t, checker, http.StatusServiceUnavailable, health.Report{
		Status: health.Unavailable, Process: health.Starting, Database: postgres.StateDown, Message: "The database cannot be reached.",
	})
}
