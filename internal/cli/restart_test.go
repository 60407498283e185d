// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/servicetest"
)

const (
	restartRequests = 10_000
	restartCallers  = 8
	// restarts are spread over the requests.
	restarts = 4
	// storeEach is how many requests one post comes to.
	storeEach = 20
)

// TestRestartUnderLoad restarts the service on a socket of systemd while callers read and
// post on persistent connections. No request fails, and every acknowledged post is stored.
func TestRestartUnderLoad(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t, "DATABASE_URL="+pgtest.New(t), "ADMIN_TOKEN=admin-token", "DRAIN_DELAY=1s", "LOG_LEVEL=warn")
	service := s.start()
	s.awaitTold("READY=1")
	load := &load{t: t, base: s.base}
	var callers sync.WaitGroup
	for range restartCallers {
		callers.Go(load.run)
	}
	for restart := range restarts {
		load.await(int64((restart + 1) * restartRequests / (restarts + 2)))
		service.stop()
		service = s.start()
		s.awaitTold("READY=1")
	}
	callers.Wait()
	if failed := load.failed.Load(); failed > 0 {
		t.Errorf("%d of %d requests failed, the first of them: %v", failed, restartRequests, load.first)
	}
	if done := load.done.Load(); done < restartRequests {
		t.Errorf("%d requests were made, want %d", done, restartRequests)
	}
	if found := load.stored(); found != load.posted.Load() {
		t.Errorf("%d stats are stored, %d were acknowledged", found, load.posted.Load())
	}
	service.stop()
}

// TestDrainingEndsNoRequest stops the service: first /readyz fails while requests are still served, then
// those that are under way end. Probes are outside of rate limits all the time.
func TestDrainingEndsNoRequest(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t, "DATABASE_URL="+pgtest.New(t), "ADMIN_TOKEN=admin-token", "METRICS_TOKEN=metrics-token", "RATE_LIMIT=1", "DRAIN_DELAY=10m")
	service := s.start()
	s.awaitTold("READY=1")
	for range 10 {
		for _, probe := range []string{"/healthz", "/health", "/readyz"} {
			if status, _, body := s.get(probe); status != http.StatusOK {
				t.Errorf("%s: %d %s", probe, status, body)
			}
		}
	}
	servicetest.Eventually(t, "other requests meet the limit", func() bool {
		status, _, _ := s.get("/about.json")
		return status == http.StatusTooManyRequests
	})
	if err := service.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.awaitTold("STOPPING=1")
	if status, header, body := s.get("/readyz"); status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || !strings.Contains(body, `"process":"draining"`) {
		t.Errorf("/readyz while the service drains: %d %s", status, body)
	}
	if status, _, body := s.get("/healthz"); status != http.StatusOK {
		t.Errorf("/healthz while the service drains: %d %s", status, body)
	}
	ask(t, http.StatusOK, http.MethodGet, s.base+"/api/v1/client/me", "admin-token", "")
	if err := service.Process.Signal(syscall.SIGTERM); err != nil { // the second, which does not wait
		t.Fatal(err)
	}
	_ = service.Wait()

	s.environ[len(s.environ)-1] = "DRAIN_DELAY=0s"
	service = s.start()
	s.awaitTold("READY=1")
	body, half := io.Pipe()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.base+"/api/v1/stats/", body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{"X-Api-Key": {"admin-token"}, "Content-Type": {"application/json"}}
	answered := make(chan error, 1)
	go func() {
		response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
		if err == nil {
			response.Body.Close()
			if response.StatusCode != http.StatusCreated {
				err = errors.New(response.Status)
			}
		}
		answered <- err
	}()
	fmt.Fprint(half, `[{"anr":"5f0a3c52-5f1c-4cf2-8f3c-0f0c8f3a9d11",`)
	servicetest.Eventually(t, "half of a request is under way", func() bool {
		metrics, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.base+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		metrics.Header.Set("Authorization", "Bearer metrics-token")
		response, err := http.DefaultClient.Do(metrics)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		return err == nil && strings.Contains(string(text), "\nstats_service_http_requests_in_flight{class=\"write\"} 1\n")
	})
	if err := service.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.awaitTold("STOPPING=1")
	fmt.Fprint(half, `"type":"threat","date":"2026-03-01","data":[]}]`)
	half.Close()
	if err := <-answered; err != nil {
		t.Errorf("the request that was under way: %v", err)
	}
	if err := service.Wait(); err != nil {
		t.Errorf("the service ended with %v", err)
	}
}

// load sends requests and counts the results.
type load struct {
	t    *testing.T
	base string

	next, done, failed, posted atomic.Int64

	once  sync.Once
	first error
}

// run makes requests on one connection at a time until there were enough.
func (l *load) run() {
	transport := &http.Transport{MaxIdleConnsPerHost: 1}
	defer transport.CloseIdleConnections()
	for n := l.next.Add(1); n <= restartRequests; n = l.next.Add(1) {
		if err := l.request(transport, n); err != nil {
			l.failed.Add(1)
			l.once.Do(func() { l.first = err })
		}
		l.done.Add(1)
	}
}

// await waits until this many requests were made.
func (l *load) await(enough int64) {
	for deadline := time.Now().Add(waitLimit); l.done.Load() < enough; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			l.t.Fatalf("%d requests after %s, want %d", l.done.Load(), waitLimit, enough)
		}
	}
}

func (l *load) request(transport *http.Transport, n int64) error {
	if n%storeEach != 0 {
		_, err := l.call(transport, http.MethodGet, "/api/v1/client/me", nil, http.StatusOK)
		return err
	}
	batch := fmt.Sprintf(`[{"anr":%q,"type":"threat","date":"2026-03-01","data":[{"uuid":%q,"label1":"Vol","label2":"Theft","label3":"","label4":"","count":1,"maxRisk":12,"averageRate":"2.5"}]}]`,
		uuid.New(), uuid.New())
	if _, err := l.call(transport, http.MethodPost, "/api/v1/stats/", []byte(batch), http.StatusCreated); err != nil {
		return err
	}
	l.posted.Add(1)
	return nil
}

// call makes one attempt; it is one that nothing may repeat.
func (l *load) call(transport *http.Transport, method, path string, body []byte, want int) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, l.base+path, io.NopCloser(bytes.NewReader(body)))
	if err != nil {
		return nil, err
	}
	request.ContentLength = int64(len(body))
	request.Header.Set("X-API-KEY", "admin-token")
	request.Header.Set("Content-Type", "application/json")
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != want {
		err = fmt.Errorf("%s %s: %s: %s", method, path, response.Status, answer)
	}
	return answer, err
}

// stored counts the stats that the service has.
func (l *load) stored() int64 {
	l.t.Helper()
	answer, err := l.call(&http.Transport{DisableKeepAlives: true}, http.MethodGet,
		"/api/v1/stats/?date_from=2026-03-01&date_to=2026-03-01", nil, http.StatusOK)
	if err != nil {
		l.t.Fatal(err)
	}
	var list struct{ Data []json.RawMessage }
	if err := json.Unmarshal(answer, &list); err != nil {
		l.t.Fatal(err)
	}
	return int64(len(list.Data))
}
