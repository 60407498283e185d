// SPDX-License-Identifier: AGPL-3.0-or-later

package load

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/stats"
)

// service accepts requests of a Filler and gives configured answers.
type service struct {
	mu      sync.Mutex
	clients map[string]string // names by token
	posts   map[string]int    // by token
	busy    int               // number of posts to answer with 503
	refuse  int               // status of the others; 0 means 201
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := r.Header.Get("X-API-KEY")
	switch {
	case strings.HasSuffix(r.URL.Path, "/client/"):
		s.createClient(w, r, key)
	case s.busy > 0:
		s.busy--
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusServiceUnavailable)
	case s.refuse != 0:
		w.WriteHeader(s.refuse)
		_, _ = io.WriteString(w, `{"message":"no"}`)
	default:
		s.posts[key]++
		w.WriteHeader(http.StatusCreated)
	}
}

func (s *service) createClient(w http.ResponseWriter, r *http.Request, key string) {
	var body struct{ Name, Token string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || key != "admin-key" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	if s.clients[body.Token] != "" {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	s.clients[body.Token] = body.Name
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_, _ = io.WriteString(w, `{"name":"x"}`)
}

func setup(t *testing.T) (*service, Filler) {
	t.Helper()
	s := &service{clients: map[string]string{}, posts: map[string]int{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, Filler{Server: server.URL, AdminToken: "admin-key", Writers: 3}
}

var small = Plan{Clients: 2, Analyses: 1, Days: 4, Step: 1, Types: []stats.Type{stats.Risk}}

func TestFillStoresEverything(t *testing.T) {
	t.Parallel()
	s, filler := setup(t)
	told := 0
	var mu sync.Mutex
	filler.Progress = func(int, int) { mu.Lock(); told++; mu.Unlock() }
	d := dataset(t, small)
	for range 2 { // the clients are there the second time
		result, err := filler.Fill(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		if result.Posts != 8 || result.Stats != 8 || result.Bytes < 8*100 || result.Busy != 0 || result.Elapsed <= 0 {
			t.Errorf("result %+v, want 8 posts with 8 stats", result)
		}
		filler.Prepared = true
	}
	names := d.Names()
	if diff := cmp.Diff(map[string]int{Token(names[0]): 8, Token(names[1]): 8}, s.posts); diff != "" {
		t.Errorf("posts by key (-want +got):\n%s", diff)
	}
	if told != 16 {
		t.Errorf("progress was told %d times, want 16", told)
	}
}

func TestFillComesBackWhenTheServiceIsBusy(t *testing.T) {
	t.Parallel()
	s, filler := setup(t)
	s.busy = 1
	result, err := filler.Fill(t.Context(), dataset(t, small))
	if err != nil {
		t.Fatal(err)
	}
	if result.Posts != 8 || result.Busy != 1 {
		t.Errorf("%d posts, busy %d times; want 8 and 1", result.Posts, result.Busy)
	}
}

func TestFillStopsWhenRefused(t *testing.T) {
	t.Parallel()
	s, filler := setup(t)
	s.refuse = http.StatusBadRequest
	_, err := filler.Fill(t.Context(), dataset(t, small))
	if err == nil || !strings.Contains(err.Error(), `the service answered 400 Bad Request: {"message":"no"}`) {
		t.Errorf("error %v, want one with the answer", err)
	}
	filler.AdminToken = "wrong"
	if _, err := filler.Fill(t.Context(), dataset(t, small)); err == nil || !strings.Contains(err.Error(), "create client") {
		t.Errorf("error %v, want one about the client", err)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{
		"": time.Second, "soon": time.Second, "0": time.Second, "3": 3 * time.Second, "3600": busyLongest,
	} {
		if got := retryAfter(header); got != want {
			t.Errorf("Retry-After %q: %s, want %s", header, got, want)
		}
	}
}

func TestSpeedsAreReported(t *testing.T) {
	t.Parallel()
	r := Result{Posts: 10, Stats: 50, Bytes: 1e6, Elapsed: 2 * time.Second}
	got := []float64{r.PostsPerSecond(), r.StatsPerSecond(), r.BytesPerSecond(), Result{Posts: 1}.PostsPerSecond()}
	if diff := cmp.Diff([]float64{5, 25, 5e5, 0}, got); diff != "" {
		t.Errorf("speeds (-want +got):\n%s", diff)
	}
}
