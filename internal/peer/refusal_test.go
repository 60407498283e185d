// SPDX-License-Identifier: AGPL-3.0-or-later

package peer_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/peer"
	"github.com/monarc-project/stats-service/internal/stats"
)

// picky answers status to batches with one of the bad uuids, or that are longer
// than allowed, in its own words, and 201 to others.
func picky(t *testing.T, status int, bad []string, body func(batch []row) string) (url string, taken *[]string) {
	t.Helper()
	taken = new([]string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var batch []row
		if err := json.NewDecoder(r.Body).Decode(&batch); err != nil {
			t.Error(err)
		}
		if slices.ContainsFunc(batch, func(r row) bool { return slices.Contains(bad, r.UUID) }) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body(batch)))
			return
		}
		for _, item := range batch {
			*taken = append(*taken, item.UUID)
		}
		answerJSON(w, http.StatusCreated, map[string]any{"data": batch})
	}))
	t.Cleanup(server.Close)
	return server.URL, taken
}

func TestPushFindsRefusedStats(t *testing.T) {
	t.Parallel()
	all := make([]stats.Stat, 64)
	for i := range all {
		all[i] = riskStat(i, 1)
	}
	bad := []string{all[3].UUID.String(), all[40].UUID.String(), all[41].UUID.String()}
	tests := map[string]struct {
		status int
		body   func(batch []row) string
		want   string
	}{
		"400 without names":  {400, func([]row) string { return `{"message":"no"}` }, "400 Bad Request (no)"},
		"413 of a proxy":     {413, func([]row) string { return `<html>` }, "413 Request Entity Too Large"},
		"413":                {413, func([]row) string { return `{"message":"too large"}` }, "413 Request Entity Too Large (too large)"},
		"400 of other names": {400, func([]row) string { return `{"errors":{"99.data":"x","-1.data":"x","type":"y"}}` }, "400 Bad Request (-1.data x; 99.data x; type y)"},
		"400 with names": {400, func(batch []row) string {
			errors := map[string]any{}
			for i, item := range batch {
				if slices.Contains(bad, item.UUID) {
					errors[fmt.Sprintf("%d.data.risks", i)] = "is missing"
					errors[fmt.Sprintf("%d.date", i)] = []string{"wrong"}
				}
			}
			text, _ := json.Marshal(map[string]any{"message": "failed", "errors": errors})
			return string(text)
		}, "data.risks is missing; date [wrong]"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			local := newInstance(t)
			client := newClient(t, local.store, "local")
			insert(t, local.store, client, all...)
			url, taken := picky(t, tt.status, bad, tt.body)
			opts := peer.PushOptions{Remote: remote(t, url, "token"), Store: local.store, Clients: []stats.Client{client}}
			summary := push(t, opts)
			wantCounts(t, counts{Sent: 61, Refused: 3}, summary)
			for _, refusal := range summary.Refusals {
				if !slices.Contains(bad, refusal.UUID) || refusal.Reason != tt.want {
					t.Errorf("refusal is %+v, want %q", refusal, tt.want)
				}
			}
			if n := len(*taken); n != 61 || len(slices.Compact(slices.Sorted(slices.Values(*taken)))) != 61 {
				t.Errorf("the peer took %d stats", n)
			}
			wantCounts(t, counts{Refused: 3, AlreadyThere: 61}, push(t, opts))
		})
	}
}

// Between two Go instances: stats that are too large for the remote are refused, the
// others arrive.
func TestPushRefusesOnlyStatsThatAreTooLarge(t *testing.T) {
	t.Parallel()
	local := newInstance(t)
	far := serve(t, newInstance(t).store, 4000)
	client, as := newClient(t, local.store, "local"), newClient(t, far.store, "as")
	large := riskStat(100, 3)
	large.Data = []byte(strings.TrimSuffix(string(large.Data), "}") + `,"more":"` + strings.Repeat("x", 5000) + `"}`)
	insert(t, local.store, client, large)
	fill(t, local.store, client, 0, 50)
	summary := push(t, peer.PushOptions{
		Remote: remote(t, far.url, as.Token), Store: local.store, Clients: []stats.Client{client},
	})
	wantCounts(t, counts{Sent: 50, Refused: 1}, summary)
	if len(summary.Refusals) != 1 || summary.Refusals[0].UUID != large.UUID.String() || !strings.Contains(summary.Refusals[0].Reason, "413") {
		t.Errorf("refusals are %+v", summary.Refusals)
	}
	want := contents(t, local.store)
	delete(want, large.UUID.String())
	if diff := cmp.Diff(want, contents(t, far.store)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPushRespectsBatchLimits(t *testing.T) {
	t.Parallel()
	local := newInstance(t)
	client := newClient(t, local.store, "local")
	fill(t, local.store, client, 0, 40)
	for name, tt := range map[string]struct {
		count, size int
		want        int
	}{
		"by count":          {count: 15, want: 3},
		"by size":           {size: 3000, want: 4},
		"one at a time":     {size: 1, want: 40},
		"as many as can be": {want: 1},
	} {
		batches := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			batches++
			if tt.size > 1 && r.ContentLength > int64(tt.size) {
				t.Errorf("%s: a body of %d bytes", name, r.ContentLength)
			}
			answerJSON(w, http.StatusCreated, map[string]any{"data": make([]any, 40)})
		}))
		t.Cleanup(server.Close)
		push(t, peer.PushOptions{
			Remote: remote(t, server.URL, "token"), Store: local.store, Clients: []stats.Client{client},
			BatchCount: tt.count, BatchBytes: tt.size, Resend: true,
		})
		if batches != tt.want {
			t.Errorf("%s: %d batches, want %d", name, batches, tt.want)
		}
	}
}
