// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/monarc-project/stats-service/tools/loadgen/load"
	"github.com/monarc-project/stats-service/tools/loadgen/service"
)

const (
	// callers is the number of concurrent requests while the capacity is measured, and
	// their maximum later, so that the number of connections does not vary.
	callers      = 16
	warmUp       = 3 * time.Second
	measuredFor  = 7 * time.Second
	mostFailures = 10 // number of recorded failures
	callTimeout  = time.Minute
)

// base has the stats that are stored from the beginning. Those of turned are repeatedly
// posted and deleted, so that the database does not grow.
var (
	base   = load.Plan{Seed: 1, Clients: 4, Analyses: 5, Days: 90, Step: 1, Changed: 10}
	turned = load.Plan{Seed: 2, Clients: 4, Analyses: 5, Days: 20, Step: 1, Changed: 30, PerPost: 1}
)

// mix generates the requests of front offices, of API callers and of visitors of the
// public pages.
type mix struct {
	server string
	client *http.Client
	cycle  []call // posts of an analysis and its deletion, one analysis after the other
	next   atomic.Int64
	reads  []call

	mu       sync.Mutex
	failures []error
	failing  int
}

// call is one request.
type call struct {
	method, path, key string
	body              []byte
}

func newMix(ctx context.Context, server string) (*mix, error) {
	m := &mix{server: server, client: &http.Client{
		Timeout: callTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: callers, MaxConnsPerHost: callers},
	}}
	now := time.Now().UTC()
	base, turned := base, turned
	base.Until, turned.Until = now, now
	there, err := load.New(base)
	if err != nil {
		return nil, err
	}
	filler := load.Filler{Server: server, AdminToken: service.AdminToken, Writers: 4}
	if _, err := filler.Fill(ctx, there); err != nil {
		return nil, fmt.Errorf("fill the service: %w", err)
	}
	turning, err := load.New(turned)
	if err != nil {
		return nil, err
	}
	if _, err := filler.Fill(ctx, turning); err != nil { // creates the clients
		return nil, fmt.Errorf("fill the service: %w", err)
	}
	m.reads = readsOf(there, now)
	m.cycle, err = cycleOf(turning)
	return m, err
}

func cycleOf(d *load.Dataset) (cycle []call, err error) {
	for c, name := range d.Names() {
		for a, anr := range d.Analyses(c) {
			cycle = append(cycle, call{http.MethodDelete, "/api/v1/stats/" + anr.String(), load.Token(name), nil})
			for day := range d.Dates() {
				batch, err := d.Batch((day*turned.Clients+c)*turned.Analyses + a)
				if err != nil {
					return nil, err
				}
				cycle = append(cycle, call{http.MethodPost, "/api/v1/stats/", load.Token(name), batch.Body})
			}
		}
	}
	return cycle, nil
}

func readsOf(d *load.Dataset, now time.Time) (reads []call) {
	from, to := now.AddDate(0, 0, 1-base.Days).Format(time.DateOnly), now.Format(time.DateOnly)
	for c, name := range d.Names() {
		key := load.Token(name)
		get := func(path string, body any) {
			encoded, err := json.Marshal(body)
			if err != nil {
				panic(err) // strings and ids always marshal
			}
			if body == nil {
				encoded = nil
			}
			reads = append(reads, call{http.MethodGet, path, key, encoded})
		}
		get("/api/v1/client/me", nil)
		get("/api/v1/stats/?get_last=true", nil)
		get("/api/v1/stats/?type=threat&limit=50&date_from="+from, nil)
		for _, processor := range []string{"risk_averages", "risk_averages_on_date", "threat_average_on_date", "vulnerability_average_on_date"} {
			get("/api/v1/stats/processed/", map[string]any{"processor": processor, "date_from": from, "date_to": to})
			get("/api/v1/stats/processed/", map[string]any{"processor": processor, "date_from": from, "date_to": to, "anrs": d.Analyses(c)[:2]})
		}
		for _, path := range []string{"/", "/evolution", "/stats/threats.json", "/stats/risks.json", "/about.json"} {
			reads = append(reads, call{http.MethodGet, path, "", nil})
		}
	}
	return reads
}

// any returns a random next request: two of five write.
func (m *mix) any() call {
	if rand.IntN(5) < 2 {
		return m.cycle[int(m.next.Add(1)-1)%len(m.cycle)]
	}
	return m.reads[rand.IntN(len(m.reads))]
}

// do makes a request.
func (m *mix) do(ctx context.Context) {
	c := m.any()
	err := m.send(ctx, c)
	if err == nil || ctx.Err() != nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failing++
	if len(m.failures) < mostFailures {
		m.failures = append(m.failures, err)
	}
}

func (m *mix) send(ctx context.Context, c call) error {
	request, err := http.NewRequestWithContext(ctx, c.method, m.server+c.path, bytes.NewReader(c.body))
	if err != nil {
		return err
	}
	if c.key != "" {
		request.Header.Set("X-API-KEY", c.key)
	}
	if c.body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := m.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", c.method, c.path, err)
	}
	// Requests overtake each other: a stat to be deleted may not be stored yet.
	if response.StatusCode/100 == 2 || c.method == http.MethodDelete && response.StatusCode == http.StatusNotFound {
		return nil
	}
	return fmt.Errorf("%s %s: %s: %.200s", c.method, c.path, response.Status, text)
}

// failed returns an error with the failed requests.
func (m *mix) failed() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failing == 0 {
		return nil
	}
	return fmt.Errorf("%d requests failed, such as: %w", m.failing, errors.Join(m.failures...))
}

// capacity measures how many requests per second are answered if each caller sends one
// after the other.
func (m *mix) capacity(ctx context.Context) (float64, error) {
	var done atomic.Int64
	limited, cancel := context.WithTimeout(ctx, warmUp+measuredFor)
	defer cancel()
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for limited.Err() == nil {
				m.do(limited)
				done.Add(1)
			}
		})
	}
	select {
	case <-time.After(warmUp):
	case <-ctx.Done():
	}
	before := done.Load()
	group.Wait()
	return float64(done.Load()-before) / measuredFor.Seconds(), errors.Join(ctx.Err(), m.failed())
}

// run sends rate requests per second until ctx ends, however long each takes. It reports
// when each was due and how long after that it was answered.
func (m *mix) run(ctx context.Context, rate float64, note func(due time.Time, took time.Duration)) {
	var group sync.WaitGroup
	defer group.Wait()
	places := make(chan struct{}, callers)
	every := time.Duration(float64(time.Second) / rate)
	for due := time.Now(); ; due = due.Add(every) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(due)):
		}
		select {
		case <-ctx.Done():
			return
		case places <- struct{}{}:
		}
		group.Go(func() {
			defer func() { <-places }()
			m.do(ctx)
			if ctx.Err() == nil {
				note(due, time.Since(due))
			}
		})
	}
}
