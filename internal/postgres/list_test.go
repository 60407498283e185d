// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// population stores, for two clients, stats whose uuids are 1, 2, …
//
//	uuid  client  analysis  type    date
//	1     alice   1         threat  05-01
//	2     alice   1         threat  05-03
//	3     alice   2         threat  05-03
//	4     alice   2         risk    05-02
//	5     bob     3         threat  05-02
//	6     bob     3         threat  05-02 (later)
//
// Bob is not local.
func population(t *testing.T) (store *postgres.Store, alice, bob stats.Client) {
	t.Helper()
	store = setup(t)
	alice = newClient(t, store, "alice")
	bob, err := store.CreateClient(t.Context(), stats.Client{Name: "bob", IsActive: true})
	if err != nil {
		t.Fatal(err)
	}
	risk := item(t, stats.Stat{
		UUID: id(4), ANR: id(2), Type: stats.Risk, Date: date("2024-05-02"), Data: []byte(`{"risks":[]}`),
	})
	insert(t, store, alice,
		named(threat(t, 1, "2024-05-01", "1 1 1 1 one"), 1),
		named(threat(t, 1, "2024-05-03", "1 2 2 2 one"), 2),
		named(threat(t, 2, "2024-05-03"), 3), risk)
	insert(t, store, bob, named(threat(t, 3, "2024-05-02", "1 5 5 5 bob"), 5))
	insert(t, store, bob, named(threat(t, 3, "2024-05-02", "1 6 6 6 bob"), 6))
	return store, alice, bob
}

func ids(numbers ...int) []uuid.UUID {
	uuids := []uuid.UUID{}
	for _, n := range numbers {
		uuids = append(uuids, id(n))
	}
	return uuids
}

func TestEachStat(t *testing.T) {
	t.Parallel()
	store, alice, bob := population(t)
	admin := stats.Client{ID: alice.ID, Role: stats.RoleAdmin}.Scope()
	type query = postgres.ListQuery
	tests := map[string]struct {
		scope stats.Scope
		query query
		want  []uuid.UUID
		more  bool
	}{
		"admin":                      {scope: admin, want: ids(2, 3, 4, 5, 6, 1)},
		"alice":                      {scope: alice.Scope(), want: ids(2, 3, 4, 1)},
		"bob":                        {scope: bob.Scope(), want: ids(5, 6)},
		"forgotten scope":            {want: ids()},
		"type":                       {scope: admin, query: query{Filter: stats.Filter{Type: stats.Risk}}, want: ids(4)},
		"analyses":                   {scope: admin, query: query{Filter: stats.Filter{ANRs: ids(1, 3)}}, want: ids(2, 5, 6, 1)},
		"another client's analysis":  {scope: alice.Scope(), query: query{Filter: stats.Filter{ANRs: ids(3)}}, want: ids()},
		"empty list of analyses":     {scope: bob.Scope(), query: query{Filter: stats.Filter{ANRs: ids()}}, want: ids(5, 6)},
		"from, included":             {scope: admin, query: query{Filter: stats.Filter{DateFrom: date("2024-05-03")}}, want: ids(2, 3)},
		"to, included":               {scope: admin, query: query{Filter: stats.Filter{DateTo: date("2024-05-01")}}, want: ids(1)},
		"one day":                    {scope: admin, query: query{Filter: stats.Filter{DateFrom: date("2024-05-02"), DateTo: date("2024-05-02")}}, want: ids(4, 5, 6)},
		"local only":                 {scope: admin, query: query{Filter: stats.Filter{LocalStatsOnly: true}}, want: ids(2, 3, 4, 1)},
		"local only, none":           {scope: bob.Scope(), query: query{Filter: stats.Filter{LocalStatsOnly: true}}, want: ids()},
		"by analysis":                {scope: admin, query: query{GroupByANR: true}, want: ids(2, 1, 3, 4, 5, 6)},
		"first page":                 {scope: admin, query: query{Page: stats.Page{Limit: 2}}, want: ids(2, 3), more: true},
		"second page":                {scope: admin, query: query{Page: stats.Page{Offset: 2, Limit: 2}}, want: ids(4, 5), more: true},
		"last page":                  {scope: admin, query: query{Page: stats.Page{Offset: 4, Limit: 2}}, want: ids(6, 1)},
		"page after the end":         {scope: admin, query: query{Page: stats.Page{Offset: 9, Limit: 2}}, want: ids()},
		"offset without limit":       {scope: admin, query: query{Page: stats.Page{Offset: 5}}, want: ids(1)},
		"page by analysis":           {scope: admin, query: query{GroupByANR: true, Page: stats.Page{Offset: 1, Limit: 2}}, want: ids(1, 3), more: true},
		"newest":                     {scope: admin, query: query{LastOnly: true}, want: ids(2, 3, 4, 6)},
		"newest, dates do not count": {scope: admin, query: query{LastOnly: true, Filter: stats.Filter{DateTo: date("2024-05-01")}}, want: ids(2, 3, 4, 6)},
		"newest of a type":           {scope: admin, query: query{LastOnly: true, Filter: stats.Filter{Type: stats.Threat}}, want: ids(2, 3, 6)},
		"newest of a client":         {scope: bob.Scope(), query: query{LastOnly: true}, want: ids(6)},
		"newest of an analysis":      {scope: admin, query: query{LastOnly: true, Filter: stats.Filter{ANRs: ids(2)}}, want: ids(3, 4)},
		"newest, not ours":           {scope: alice.Scope(), query: query{LastOnly: true, Filter: stats.Filter{ANRs: ids(3)}}, want: ids()},
		"newest, forgotten scope":    {query: query{LastOnly: true}, want: ids()},
		"newest, local only":         {scope: admin, query: query{LastOnly: true, Filter: stats.Filter{LocalStatsOnly: true}}, want: ids(2, 3, 4)},
		"newest by analysis, a page": {scope: admin, query: query{LastOnly: true, GroupByANR: true, Page: stats.Page{Offset: 1, Limit: 2}}, want: ids(3, 4), more: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, more := list(t, store, tc.scope, tc.query)
			if diff := cmp.Diff(tc.want, uuids(found)); diff != "" {
				t.Errorf("stats (-want +got):\n%s", diff)
			}
			if more != tc.more {
				t.Errorf("more is %t, want %t", more, tc.more)
			}
		})
	}
}

func TestEachStatGivesWholeStats(t *testing.T) {
	t.Parallel()
	store := setup(t)
	client := newClient(t, store, "client")
	outcome := insert(t, store, client, named(threat(t, 1, "2024-05-01"), 1))[0]

	want := outcome.Stat
	want.Data = []byte("[]")
	found, _ := list(t, store, client.Scope(), postgres.ListQuery{})
	if diff := cmp.Diff([]stats.Stat{want}, found); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	one, err := store.Stat(t.Context(), client.Scope(), id(1), id(1))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, one); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
}

func TestEachStatStops(t *testing.T) {
	t.Parallel()
	store, alice, _ := population(t)
	enough := errors.New("enough")
	// More rounds than the pool has connections: none may stay in use.
	for range 50 {
		visited := 0
		_, err := store.EachStat(t.Context(), alice.Scope(), postgres.ListQuery{}, func(stats.Stat) error {
			visited++
			return enough
		})
		if err != enough || visited != 1 {
			t.Fatalf("got %v after %d stats, want the function's own error after 1", err, visited)
		}
	}
	never := func(stats.Stat) error { return errors.New("called") }
	if _, err := store.EachStat(cancelled(), alice.Scope(), postgres.ListQuery{}, never); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v, want context.Canceled", err)
	}
}

func TestEachStatCancelledMidway(t *testing.T) {
	t.Parallel()
	store, alice, _ := population(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := store.EachStat(ctx, alice.Scope(), postgres.ListQuery{}, func(stats.Stat) error {
		cancel()
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if err := store.Ping(t.Context()); err != nil {
		t.Errorf("the store does not survive: %v", err)
	}
}

func TestOneStatIsFound(t *testing.T) {
	t.Parallel()
	store, alice, bob := population(t)
	tests := map[string]struct {
		scope    stats.Scope
		anr, id  uuid.UUID
		notFound bool
	}{
		"own":                 {scope: alice.Scope(), anr: id(1), id: id(1)},
		"admin":               {scope: stats.Everything(), anr: id(1), id: id(1)},
		"another client's":    {scope: bob.Scope(), anr: id(1), id: id(1), notFound: true},
		"of another analysis": {scope: alice.Scope(), anr: id(2), id: id(1), notFound: true},
		"unknown":             {scope: alice.Scope(), anr: id(1), id: id(99), notFound: true},
		"forgotten scope":     {anr: id(1), id: id(1), notFound: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := store.Stat(t.Context(), tc.scope, tc.anr, tc.id)
			if errors.Is(err, stats.ErrNotFound) != tc.notFound || (err == nil) == tc.notFound {
				t.Fatalf("got %v; want not found: %t", err, tc.notFound)
			}
			if err == nil && got.UUID != tc.id {
				t.Errorf("got %s, want %s", got.UUID, tc.id)
			}
		})
	}
}

func TestDeleteStats(t *testing.T) {
	t.Parallel()
	all := ids(2, 3, 4, 5, 6, 1)
	tests := map[string]struct {
		scope func(alice, bob stats.Client) stats.Scope
		anr   int
		id    int // 0: all of the analysis
		want  int64
		left  []uuid.UUID
	}{
		"analysis":             {scope: ofAlice, anr: 1, want: 2, left: ids(3, 4, 5, 6)},
		"one":                  {scope: ofAlice, anr: 1, id: 2, want: 1, left: ids(3, 4, 5, 6, 1)},
		"admin":                {scope: ofAll, anr: 3, want: 2, left: ids(2, 3, 4, 1)},
		"not ours":             {scope: ofAlice, anr: 3, left: all},
		"one that is not ours": {scope: ofAlice, anr: 3, id: 5, left: all},
		"of another analysis":  {scope: ofAlice, anr: 2, id: 1, left: all},
		"unknown":              {scope: ofAlice, anr: 9, left: all},
		"forgotten scope":      {scope: ofNobody, anr: 1, left: all},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, alice, bob := population(t)
			var only *uuid.UUID
			if tc.id != 0 {
				one := id(tc.id)
				only = &one
			}
			n, err := store.DeleteStats(t.Context(), tc.scope(alice, bob), id(tc.anr), only)
			if err != nil || n != tc.want {
				t.Errorf("deleted %d, %v; want %d", n, err, tc.want)
			}
			if diff := cmp.Diff(tc.left, everything(t, store)); diff != "" {
				t.Errorf("left (-want +got):\n%s", diff)
			}
		})
	}
}

func ofAlice(alice, _ stats.Client) stats.Scope { return alice.Scope() }
func ofAll(_, _ stats.Client) stats.Scope       { return stats.Everything() }
func ofNobody(_, _ stats.Client) stats.Scope    { return stats.Scope{} }

// Deleted content can be stored again.
func TestInsertStatsAfterDelete(t *testing.T) {
	t.Parallel()
	store := setup(t)
	client := newClient(t, store, "client")
	content := threat(t, 1, "2024-05-01", "1 1 2 3.5 label")
	for n := range 2 {
		if got := fates(insert(t, store, client, content)); got[0] != "stored" {
			t.Errorf("round %d: %s, want stored", n, got[0])
		}
		if deleted, err := store.DeleteStats(t.Context(), client.Scope(), id(1), nil); err != nil || deleted != 1 {
			t.Errorf("round %d: deleted %d, %v; want 1", n, deleted, err)
		}
	}
}
