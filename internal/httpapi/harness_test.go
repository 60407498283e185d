// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/gen/client"
	"github.com/monarc-project/stats-service/internal/cache"
	"github.com/monarc-project/stats-service/internal/disclosure"
	"github.com/monarc-project/stats-service/internal/httpapi"
	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/servicetest"
	"github.com/monarc-project/stats-service/internal/stats"
)

func TestMain(m *testing.M) { servicetest.Main(m) }

// today is the day on which the tests run.
var today = time.Date(2026, 3, 15, 0, 0, 0, 0, time.UTC)

// service is the whole server on a database of the test's own.
type service struct {
	t       testing.TB
	store   *postgres.Store
	handler http.Handler
	api     *httpapi.Server
	server  *httptest.Server
	prefix  string
	http    *http.Client // compares every exchange with the document
	log     *logged
	cache   *cache.Cache
	// stopRunning ends what the server does beside answering.
	stopRunning func()
}

// setup boots the service. A change adapts its options.
func setup(t testing.TB, changes ...func(*httpapi.Options)) *service {
	t.Helper()
	return setupOn(t, pgtest.New(t), changes...)
}

func setupOn(t testing.TB, url string, changes ...func(*httpapi.Options)) *service {
	t.Helper()
	return setupStore(t, postgres.Options{URL: url}, changes...)
}

// setupStore boots the service on a store with these options.
func setupStore(t testing.TB, options postgres.Options, changes ...func(*httpapi.Options)) *service {
	t.Helper()
	log := newLogged(t)
	options.Log = slog.New(log.handler)
	store := servicetest.Open(t, options)
	opts := httpapi.Options{
		Store:    store,
		Now:      func() time.Time { return today.Add(12 * time.Hour) },
		Location: time.UTC,
		Log:      options.Log,
		// Longer than the default: the race detector makes large batches slow.
		RequestTimeout: 2 * time.Minute,
		RefusalDelay:   time.Nanosecond,
	}
	for _, change := range changes {
		change(&opts)
	}
	opts.Cache = httpapi.NewCache(opts.Now)
	opts.Figures = disclosure.New(disclosure.Options{Store: store.SumStore, Cache: opts.Cache, Now: opts.Now, Location: opts.Location, MinAnalyses: 3})
	api, handler := servicetest.API(opts)
	background, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); api.Run(background) }()
	stop := func() { cancel(); <-ended }
	t.Cleanup(stop)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &service{
		t: t, store: store, cache: opts.Cache, handler: handler, api: api, server: server, prefix: opts.Prefix, log: log, stopRunning: stop,
		http: &http.Client{
			Transport:     &validating{t: t, base: transport, prefix: opts.Prefix},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// caller asks the service with a key, or without one.
type caller struct {
	*service
	t      testing.TB // fails for the requests of this caller
	token  string
	client stats.Client
}

// on returns the caller for a part of the test.
func (c caller) on(t testing.TB) caller {
	c.t = t
	return c
}

// with returns a caller that sends this key.
func (s *service) with(token string) caller { return caller{service: s, t: s.t, token: token} }

// anonymous sends no key.
func (s *service) anonymous() caller { return s.with("") }

// user creates a client that may see its own stats.
func (s *service) user(name string) caller { return s.create(name, stats.RoleUser) }

// admin creates a client that may see everything.
func (s *service) admin(name string) caller { return s.create(name, stats.RoleAdmin) }

func (s *service) create(name string, role stats.Role) caller {
	s.t.Helper()
	client := servicetest.User(name)
	client.Role = role
	return s.createClient(client)
}

func (s *service) createClient(client stats.Client) caller {
	s.t.Helper()
	created := servicetest.CreateClient(s.t, s.store, client)
	s.t.Cleanup(func() {
		if strings.Contains(s.log.String(), created.Token) {
			s.t.Errorf("the log has the API key of the client %q", created.Name)
		}
	})
	return caller{service: s, t: s.t, token: created.Token, client: created}
}

// header is one more header of a request. An empty value takes the header off.
type header struct{ name, value string }

// maskedBy asks for some members of the answer.
func maskedBy(mask string) header { return header{"X-Fields", mask} }

// call sends a request to a path below the prefix. A body that is a string goes
// out as it is, any other as JSON.
func (c caller) call(method, path string, body any, headers ...header) answer {
	c.t.Helper()
	request := c.request(method, path, body, headers...)
	response, err := c.http.Do(request)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	received, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer{t: c.t, status: response.StatusCode, header: response.Header, body: received}
}

func (c caller) request(method, path string, body any, headers ...header) *http.Request {
	c.t.Helper()
	content := encoded(c.t, body)
	request, err := http.NewRequestWithContext(c.t.Context(), method, c.server.URL+c.prefix+path, bytes.NewReader(content))
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header.Set("User-Agent", "MONARC/2.13.1-p3")
	if c.token != "" {
		request.Header.Set("X-API-KEY", c.token)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		if request.Header.Del(h.name); h.value != "" {
			request.Header.Set(h.name, h.value)
		}
	}
	return request
}

func encoded(t testing.TB, body any) []byte {
	t.Helper()
	switch body := body.(type) {
	case nil:
		return nil
	case string:
		return []byte(body)
	case []byte:
		return body
	}
	content, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// typed returns the generated client with the key of the caller.
func (c caller) typed() *client.ClientWithResponses {
	c.t.Helper()
	typed, err := client.NewClientWithResponses(c.server.URL+c.prefix+httpapi.Root,
		client.WithHTTPClient(c.http),
		client.WithRequestEditorFn(func(_ context.Context, request *http.Request) error {
			request.Header.Set("X-API-KEY", c.token)
			return nil
		}))
	if err != nil {
		c.t.Fatal(err)
	}
	return typed
}

// answer is what came back, read to its end.
type answer struct {
	t      testing.TB
	status int
	header http.Header
	body   []byte
}

// want fails the test when the status is another.
func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, want %d: %.1000s", a.status, status, a.body)
	}
	return a
}

// into decodes the body.
func (a answer) into(target any) {
	a.t.Helper()
	if err := json.Unmarshal(a.body, target); err != nil {
		a.t.Fatalf("%v: %.1000s", err, a.body)
	}
}

// wantJSON compares the body with JSON, whatever the order of members.
func (a answer) wantJSON(want string) {
	a.t.Helper()
	var got, expected any
	a.into(&got)
	if err := json.Unmarshal([]byte(want), &expected); err != nil {
		a.t.Fatal(err)
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		a.t.Errorf("body (-want +got):\n%s", diff)
	}
}

// problem decodes an error body.
func (a answer) problem() (p struct {
	Message string            `json:"message"`
	Errors  map[string]string `json:"errors"`
}) {
	a.t.Helper()
	a.into(&p)
	return p
}

// wantField fails the test unless the answer is a 400 about the field.
func (a answer) wantField(field string) {
	a.t.Helper()
	p := a.want(http.StatusBadRequest).problem()
	if p.Errors[field] == "" || p.Message == "" {
		a.t.Errorf("the error does not name %s: %s", field, a.body)
	}
}

// list is the answer of GET /stats/ and POST /stats/.
type list struct {
	Metadata   map[string]string `json:"metadata"`
	Data       []row             `json:"data"`
	Duplicates []uuid.UUID       `json:"duplicates"`
}

type row struct {
	UUID uuid.UUID       `json:"uuid"`
	ANR  uuid.UUID       `json:"anr"`
	Type string          `json:"type"`
	Date string          `json:"date"`
	Data json.RawMessage `json:"data"`
}

func (a answer) list(status int) (l list) {
	a.t.Helper()
	a.want(status).into(&l)
	return l
}

func (l list) ids() []uuid.UUID { return idsOf(l.Data) }

func idsOf(rows []row) []uuid.UUID {
	ids := []uuid.UUID{}
	for _, r := range rows {
		ids = append(ids, r.UUID)
	}
	return ids
}

var id = servicetest.ID

// item is an element of POST /stats/.
type item map[string]any

// threat is a threat stats of an analysis, so many days ago.
func threat(anr, daysAgo, count int) item {
	data := fmt.Sprintf(`[{"uuid":%q,"label1":"Vol","label2":"Theft","label3":"","label4":null,"count":%d,"maxRisk":12,"averageRate":"2.5"}]`,
		id(900), count)
	return item{"anr": id(anr), "type": "threat", "date": day(daysAgo), "data": json.RawMessage(data)}
}

// with returns the item with another member.
func (i item) with(name string, value any) item {
	changed := item{name: value}
	for n, v := range i {
		if n != name {
			changed[n] = v
		}
	}
	return changed
}

// day is the day so many days ago.
func day(ago int) string { return today.AddDate(0, 0, -ago).Format(time.DateOnly) }

// post stores items and returns them as they were answered.
func (c caller) post(items ...item) list {
	c.t.Helper()
	return c.call("POST", "/api/v1/stats/", items).list(http.StatusCreated)
}

// stored returns the uuids of all stats of all clients.
func (s *service) stored() []uuid.UUID {
	s.t.Helper()
	ids := []uuid.UUID{}
	_, err := s.store.EachStat(s.t.Context(), stats.Everything(), postgres.ListQuery{}, func(stat stats.Stat) error {
		ids = append(ids, stat.UUID)
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return ids
}

// clients returns all clients, without the times at which they were changed.
func (s *service) clients() []stats.Client {
	s.t.Helper()
	clients, err := s.store.ListClients(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return clients
}

// logged keeps the log of a service. Unless a test expects them, errors in it
// fail the test.
type logged struct {
	mu       sync.Mutex
	text     bytes.Buffer
	expected bool
	handler  slog.Handler
}

func newLogged(t testing.TB) *logged {
	l := &logged{}
	l.handler = slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug})
	t.Cleanup(func() {
		text := l.String()
		if !l.expected && strings.Contains(text, `"level":"ERROR"`) {
			t.Errorf("the service logged errors")
		}
		if t.Failed() {
			t.Logf("log of the service:\n%.4000s", text)
		}
	})
	return l
}

func (l *logged) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// expectErrors allows errors in the log.
func (l *logged) expectErrors() { l.expected = true }
