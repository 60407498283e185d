// SPDX-License-Identifier: AGPL-3.0-or-later

package client_test

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/client"
)

// collect returns the UUIDs of a list.
func collect(t *testing.T, list iter.Seq2[client.Stat, error]) []uuid.UUID {
	t.Helper()
	var ids []uuid.UUID
	for stat, err := range list {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, stat.UUID)
	}
	return ids
}

// filled returns a service with 40 stats over ten days.
func filled(t *testing.T) *service {
	t.Helper()
	s := newService(t)
	var batch []client.Stat
	for n := range 40 {
		batch = append(batch, threatStat(t, n, n%10))
	}
	if _, err := s.connect(t, s.key).Post(t.Context(), batch...); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestAllPages compares lists in pages of all sizes with the list in one page.
func TestAllPages(t *testing.T) {
	t.Parallel()
	s := filled(t)
	queries := map[string]client.Query{
		"everything":  {},
		"dates":       {From: client.Day(today.AddDate(0, 0, -5)), To: client.Day(today.AddDate(0, 0, -2))},
		"open begin":  {To: client.Day(today.AddDate(0, 0, -2))},
		"offset":      {Offset: 3},
		"limit":       {Limit: 17},
		"both":        {Offset: 6, Limit: 11},
		"last":        {Last: true},
		"grouped":     {GroupByANR: true},
		"one":         {ANRs: []uuid.UUID{id(7)}},
		"none":        {Type: client.TypeRisk},
		"limit above": {Limit: 1000},
	}
	for name, query := range queries {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := collect(t, s.connect(t, s.key).All(t.Context(), query))
			if len(want) == 0 && name != "none" {
				t.Fatal("there is nothing to list")
			}
			for _, size := range []int{1, 3, 4, 10, 40} {
				got := collect(t, s.connect(t, s.key, client.WithBatchSize(size)).All(t.Context(), query))
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("pages of %d (-want +got)\n%s", size, diff)
				}
			}
		})
	}
}

// TestAllWhilePosting shows that stats which arrive meanwhile make nothing come
// twice or get lost.
func TestAllWhilePosting(t *testing.T) {
	t.Parallel()
	s := filled(t)
	want := collect(t, s.connect(t, s.key).All(t.Context(), client.Query{}))
	var got []uuid.UUID
	n := 100
	for stat, err := range s.connect(t, s.key, client.WithBatchSize(3)).All(t.Context(), client.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, stat.UUID)
		if _, err := s.connect(t, s.key).Post(t.Context(), threatStat(t, n, 0)); err != nil {
			t.Fatal(err)
		}
		n++
	}
	seen := map[uuid.UUID]int{}
	for _, id := range got {
		if seen[id]++; seen[id] > 1 {
			t.Errorf("%s is listed twice", id)
		}
	}
	for _, id := range want {
		if seen[id] == 0 {
			t.Errorf("%s is not listed", id)
		}
	}
}

// TestAllBroken cuts every other page off, at some place in its body.
func TestAllBroken(t *testing.T) {
	t.Parallel()
	s := filled(t)
	for _, size := range []int{5, 500} {
		for _, query := range []client.Query{{}, {Last: true}, {Offset: 2, Limit: 33}} {
			want := collect(t, s.connect(t, s.key).All(t.Context(), query))
			s.failing(func(w http.ResponseWriter, r *http.Request, n int) bool {
				switch n % 4 {
				case 0:
					return cut(w, r, s.handler, float64(n%7)/8)
				case 2:
					return reply(w, http.StatusServiceUnavailable, `{"message":"busy"}`)
				}
				return false
			})
			got := collect(t, s.connect(t, s.key, client.WithBatchSize(size)).All(t.Context(), query))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%+v in pages of %d (-want +got)\n%s", query, size, diff)
			}
			s.failing(nil)
		}
	}
}

// TestAllEnds shows that the caller can stop a list, in both ways.
func TestAllEnds(t *testing.T) {
	t.Parallel()
	s := filled(t)
	n := 0
	for range s.connect(t, s.key, client.WithBatchSize(2)).All(t.Context(), client.Query{}) {
		if n++; n == 3 {
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var errs []error
	for _, err := range s.connect(t, s.key, client.WithBatchSize(2)).All(ctx, client.Query{}) {
		cancel()
		if err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) != 1 || !errors.Is(errs[0], context.Canceled) {
		t.Errorf("the errors are %v, want one context.Canceled", errs)
	}
	next, stop := iter.Pull2(s.connect(t, "unknown").All(t.Context(), client.Query{}))
	defer stop()
	if _, err, ok := next(); !ok || !errors.Is(err, client.ErrForbidden) {
		t.Errorf("the first error is %v, want ErrForbidden", err)
	}
	if _, _, ok := next(); ok {
		t.Error("the list goes on after an error")
	}
}
