// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/monarc-project/stats-service/internal/httpapi"
	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
)

// operations are requests of every operation that asks the database, by operationId.
// Those that store something fail where nothing can be stored; all fail otherwise.
var operations = map[string]struct {
	method, path string
	body         any
	stores       bool
}{
	"client_create":          {"POST", "/api/v1/client/", map[string]any{"name": "new"}, true},
	"client_get":             {"GET", "/api/v1/client/me", nil, false},
	"client_patch":           {"PATCH", "/api/v1/client/me", map[string]any{"is_sharing_enabled": true}, true},
	"list_stats":             {"GET", "/api/v1/stats/", map[string]any{"type": "threat", "limit": 1}, false},
	"create_stats":           {"POST", "/api/v1/stats/", []item{threat(2, 0, 1)}, true},
	"processing_list":        {"GET", "/api/v1/stats/processed/", map[string]any{"processor": "risk_averages"}, false},
	"compare_stats":          {"GET", "/api/v1/stats/compare/", map[string]any{"type": "risk"}, false},
	"delete_stats":           {"DELETE", "/api/v1/stats/" + id(1).String(), nil, true},
	"get_stats":              {"GET", "/api/v1/stats/" + id(1).String(), nil, false},
	"public_threats":         {"GET", "/stats/threats.json", nil, false},
	"public_vulnerabilities": {"GET", "/stats/vulnerabilities.json", nil, false},
	"public_risks":           {"GET", "/stats/risks.json", nil, false},
}

// withoutDatabase are the operations that answer whatever the state of the database, and
// those of the pages, which these tests have none of.
var withoutDatabase = []string{
	"get_processor_list", "about", "documentation", "openapi_document", "openapi_document_yaml", "swagger_document",
	"liveness", "container_liveness", "readiness",
	"public_threat", "public_vulnerability",
}

// TestOutagesMeetEveryOperation finds an operation that the tests of outages leave out.
func TestOutagesMeetEveryOperation(t *testing.T) {
	t.Parallel()
	document, _, err := loadDocument(closeObject)
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for path, item := range document.Paths.Map() {
		for method, operation := range item.Operations() {
			documented[operation.OperationID] = true
			_, found := operations[operation.OperationID]
			if !found && !strings.Contains(" "+strings.Join(withoutDatabase, " ")+" ", " "+operation.OperationID+" ") {
				t.Errorf("%s %s (%s) is in no list of these tests", method, path, operation.OperationID)
			}
		}
	}
	if len(documented) != len(operations)+len(withoutDatabase) {
		t.Errorf("%d operations are documented, the tests have %d", len(documented), len(operations)+len(withoutDatabase))
	}
}

// wantUnavailable fails the test unless the answer is a 503 that says nothing of the
// inside.
func (a answer) wantUnavailable(what string) {
	a.t.Helper()
	if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		a.t.Errorf("%s: status %d, Retry-After %q: %s", what, a.status, a.header.Get("Retry-After"), a.body)
	}
	if inside := regexp.MustCompile(`role|SQL|socket|relation|permission|password|client_|\(|db_init`).Find(a.body); inside != nil {
		a.t.Errorf("%s: the answer tells of the inside: %s", what, a.body)
	}
}

// TestSilentDatabase loses all packets to and from the database: requests that are under
// way and new ones of every operation are answered 503 in time, and soon after the
// database is back the old connections block nobody.
func TestSilentDatabase(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	proxy := pgtest.NewProxy(t, url)
	s := setupStore(t, postgres.Options{URL: proxy.URL + "&connect_timeout=1", StallTimeout: 500 * time.Millisecond}, func(o *httpapi.Options) { o.RequestTimeout = time.Second })
	s.log.expectErrors()
	s.http.Timeout = 20 * time.Second // front offices wait 30 s
	patient := setupOn(t, url).admin("admin")
	patient.post(threat(1, 0, 1))
	admin := s.with(patient.token)
	until(t, "answers are kept", s.caches)
	ask := func(check func(operation string, got answer)) {
		var requests sync.WaitGroup
		for operation, request := range operations {
			for range 3 { // together more than there are connections
				requests.Go(func() { check(operation, admin.call(request.method, request.path, request.body)) })
			}
		}
		requests.Wait()
	}
	proxy.Stall()
	until(t, "nothing is kept", func() bool { return !s.caches() })
	for range 2 { // with old connections, and without
		ask(func(operation string, got answer) { got.wantUnavailable(operation) })
	}
	if text := s.log.String(); !strings.Contains(text, "the request timed out") {
		t.Errorf("the log does not have the cause")
	}
	proxy.Resume()
	until(t, "answers are kept again", s.caches)
	for operation, request := range operations {
		until(t, operation+" is answered", func() bool {
			return admin.call(request.method, request.path, request.body).status < http.StatusInternalServerError
		})
	}
}

// TestSilenceWithinList cuts a list off in whose middle the database falls silent.
func TestSilenceWithinList(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	proxy := pgtest.NewProxy(t, url)
	timeout := time.Second
	if pgtest.OnCluster { // which takes all rows in before it sends the first
		timeout = 10 * time.Second
	}
	s := setupStore(t, postgres.Options{URL: proxy.URL}, func(o *httpapi.Options) { o.RequestTimeout = timeout })
	s.log.expectErrors()
	patient := setupOn(t, url).user("user")
	for anr := range 100 { // much more than what is between the database and the caller
		data := fmt.Sprintf(`[{"uuid":%q,"label1":%q,"count":1,"maxRisk":1,"averageRate":"1"}]`, id(900), strings.Repeat("x", 200<<10))
		patient.post(threat(anr, 0, 1).with("data", json.RawMessage(data)))
	}
	var response *http.Response
	until(t, "a list begins in time", func() (begun bool) {
		var err error
		if response, err = s.server.Client().Do(s.with(patient.token).request("GET", "/api/v1/stats/", nil)); err != nil {
			t.Fatal(err)
		}
		if begun = response.StatusCode == http.StatusOK; !begun {
			response.Body.Close()
		}
		return begun
	})
	defer response.Body.Close()
	proxy.Stall()
	if n, err := io.Copy(io.Discard, response.Body); err == nil {
		t.Errorf("the list of %d bytes is whole, although the database fell silent", n)
	}
	until(t, "the end is logged", func() bool { return strings.Contains(s.log.String(), "a list was cut off") })
}
