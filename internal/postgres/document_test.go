// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// A document that an analysis sends every night is stored once.
func TestDocumentsAreShared(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store := open(t, url)
	client, other := newClient(t, store, "client"), newClient(t, store, "other")
	for _, day := range []string{"2024-05-01", "2024-05-02", "2024-05-03"} {
		insert(t, store, client, threat(t, 1, day, "1 1 2 0.5 one"), threat(t, 2, day, "1 1 2 0.5 one"))
		insert(t, store, other, threat(t, 1, day, "1 1 2 0.5 one"))
	}
	insert(t, store, client, threat(t, 1, "2024-05-04", "1 1 2 0.6 one"))
	if n := count(t, url, `SELECT count(*) FROM document`); n != 3 {
		t.Errorf("%d documents, want one of analysis 2 and two of analysis 1", n)
	}
	for _, filter := range []stats.Filter{{Type: stats.Threat}, {Type: stats.Threat, ANRs: ids(1, 2)}} {
		want := []string{
			"05-01 object 1: 3 stats, 3/6/1.5 one", "05-02 object 1: 3 stats, 3/6/1.5 one",
			"05-03 object 1: 3 stats, 3/6/1.5 one", "05-04 object 1: 1 stats, 1/2/0.6 one",
		}
		if diff := cmp.Diff(want, sums(t, store, filter)); diff != "" {
			t.Errorf("sums of %v (-want +got):\n%s", filter.ANRs, diff)
		}
	}
	for _, step := range []struct {
		anr  int
		left int
	}{{2, 2}, {1, 0}} {
		remove(t, store, step.anr)
		if n := count(t, url, `SELECT count(*) FROM document`); n != step.left {
			t.Errorf("%d documents after analysis %d was deleted, want %d", n, step.anr, step.left)
		}
	}
	agree(t, store)
}

// A document is deleted with the last stat that refers to it.
func TestDocumentsAreDeletedWithTheirLastStat(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store := open(t, url)
	client, other := newClient(t, store, "client"), newClient(t, store, "other")
	steps := []struct {
		name   string
		remove func() error
		left   int
	}{
		{"one of two", func() error { return second(store.DeleteStats(t.Context(), client.Scope(), id(1), ptr(id(1)))) }, 4},
		{"duplicates", func() error { return second(store.RemoveDuplicates(t.Context(), postgres.DuplicateQuery{}, nil)) }, 4},
		{"purge", func() error { return second(store.PurgeStats(t.Context(), date("2024-05-02"), nil)) }, 3},
		{"stats of a client", func() error { return second(store.DeleteStatsOfClient(t.Context(), client.UUID, nil)) }, 1},
		{"a client", func() error { return second(store.DeleteClient(t.Context(), other.UUID)) }, 0},
	}
	insert(t, store, client,
		named(threat(t, 1, "2024-05-02", "1 1 1 1 one"), 1), named(threat(t, 1, "2024-05-03", "1 1 1 1 one"), 2),
		named(threat(t, 1, "2024-05-04", "2 1 1 1 two"), 3), named(threat(t, 1, "2024-05-04", "2 1 1 1 two"), 4),
		named(threat(t, 1, "2024-05-01", "3 1 1 1 three"), 5))
	insert(t, store, other, threat(t, 2, "2024-05-04", "1 1 1 1 one"))
	for _, step := range steps {
		if err := step.remove(); err != nil {
			t.Fatal(err)
		}
		if n := count(t, url, `SELECT count(*) FROM document`); n != step.left {
			t.Errorf("%s: %d documents left, want %d", step.name, n, step.left)
		}
		noOrphans(t, url)
		agree(t, store)
	}
}

func second[T any](_ T, err error) error { return err }

// Known documents are stored for another day without being parsed.
func TestKnownDocuments(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store := open(t, url)
	client := newClient(t, store, "client")
	first, next := threat(t, 1, "2024-05-01", "1 1 2 0.5 one"), threat(t, 1, "2024-05-02", "1 1 2 0.5 one")
	insert(t, store, client, first)
	unread := known(t, open(t, url), next) // also by another process
	got := fates(insert(t, store, client, unread, known(t, store, first), named(unread, 7)))
	if diff := cmp.Diff([]string{"known", "known", "stored"}, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	want := []string{"05-01 object 1: 1 stats, 1/2/0.5 one", "05-02 object 1: 1 stats, 1/2/0.5 one"}
	if diff := cmp.Diff(want, sums(t, store, stats.Filter{Type: stats.Threat})); diff != "" {
		t.Errorf("sums (-want +got):\n%s", diff)
	}
	agree(t, store)
}

// A known document that is deleted before the insert is parsed after all.
func TestKnownDocumentVanishes(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store := open(t, url)
	client := newClient(t, store, "client")
	content := threat(t, 1, "2024-05-01", "1 1 2 0.5 one")
	insert(t, store, client, content)
	unread := known(t, store, content)
	remove(t, store, 1)
	if diff := cmp.Diff([]string{"stored"}, fates(insert(t, store, client, unread))); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"05-01 object 1: 1 stats, 1/2/0.5 one"}, sums(t, store, stats.Filter{Type: stats.Threat})); diff != "" {
		t.Errorf("sums (-want +got):\n%s", diff)
	}
}

// Only the bytes that the same analysis sent last, of a valid document, are known.
func TestUnknownDocuments(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store := open(t, url)
	client := newClient(t, store, "client")
	content := threat(t, 1, "2024-05-01", "1 1 2 0.5 one")
	rewritten := item(t, stats.Stat{ANR: id(1), Type: stats.Threat, Date: date("2024-05-02"), Data: append([]byte(" "), content.Data...)})
	elsewhere := threat(t, 2, "2024-05-01", "1 1 2 0.5 one")
	knows := func(item stats.Item) bool {
		t.Helper()
		sent := stats.SentDocument{ANR: item.ANR, Fingerprint: item.Fingerprint}
		found, err := store.KnownDocuments(t.Context(), []stats.SentDocument{sent})
		if err != nil {
			t.Fatal(err)
		}
		_, knows := found[sent]
		return knows
	}
	insert(t, store, client, content)
	if !knows(content) || knows(rewritten) || knows(elsewhere) {
		t.Errorf("known: %t, rewritten %t, of another analysis %t", knows(content), knows(rewritten), knows(elsewhere))
	}
	insert(t, store, client, rewritten)
	if knows(content) || !knows(rewritten) {
		t.Errorf("after it was rewritten: known %t, rewritten %t", knows(content), knows(rewritten))
	}
	if n := count(t, url, `SELECT count(*) FROM document`); n != 1 {
		t.Errorf("%d documents, want one", n)
	}
	create(t, url, `UPDATE document SET observations = NULL, fingerprint = NULL`)
	if knows(rewritten) {
		t.Error("a document that does not validate is known")
	}
	// The observations of the stored document count.
	insert(t, store, client, threat(t, 1, "2024-05-03", "1 1 2 0.5 one"))
	if _, err := store.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	agree(t, store)
	remove(t, store, 1)
	agree(t, store)
}

// Stats of a muted client are kept and returned, but count nowhere.
func TestMutedClient(t *testing.T) {
	t.Parallel()
	store := setup(t)
	client, other := newClient(t, store, "client"), newClient(t, store, "other")
	insert(t, store, client, threat(t, 1, "2024-05-01", "1 2 2 2 one"))
	insert(t, store, other, threat(t, 1, "2024-05-01", "1 5 5 5 one"))
	mute := func(processed bool) {
		t.Helper()
		changed, err := store.UpdateClient(t.Context(), client.UUID, postgres.ClientChange{Processed: &processed})
		if err != nil || changed.IsProcessed != processed {
			t.Fatalf("processed %t, %v; want %t", changed.IsProcessed, err, processed)
		}
	}
	counts := func(want string, clients int64) {
		t.Helper()
		for name, filter := range map[string]stats.Filter{
			"rollups": {Type: stats.Threat}, "documents": {Type: stats.Threat, ANRs: ids(1)}, "local": {Type: stats.Threat, LocalStatsOnly: true},
		} {
			if diff := cmp.Diff([]string{want}, sums(t, store, filter)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		period := stats.Filter{DateFrom: date("2024-05-01"), DateTo: date("2024-05-31")}
		if got, err := store.Contributions(t.Context(), period); err != nil || got.Clients != clients || got.Stats != clients {
			t.Errorf("contributions %+v, %v; want those of %d clients", got, err, clients)
		}
		if got, err := store.Totals(t.Context()); err != nil || got.Clients != clients || got.Stats != clients {
			t.Errorf("totals %+v, %v; want those of %d clients", got, err, clients)
		}
		agree(t, store)
	}
	counts("05-01 object 1: 2 stats, 7/7/7 one", 2)
	mute(false)
	counts("05-01 object 1: 1 stats, 5/5/5 one", 1)
	insert(t, store, client, threat(t, 2, "2024-05-01", "1 9 9 9 one"))
	counts("05-01 object 1: 1 stats, 5/5/5 one", 1)
	remove(t, store, 2)
	if found, _ := list(t, store, client.Scope(), postgres.ListQuery{}); len(found) != 1 {
		t.Errorf("the client is shown %d stats, want its one", len(found))
	}
	mute(true)
	counts("05-01 object 1: 2 stats, 7/7/7 one", 2)
}

// Only operators see and delete stats without a client, which an adopted database may
// hold. They count like those of a client that is not local.
func TestStatsWithoutAClient(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store := open(t, url)
	client := newClient(t, store, "client")
	insert(t, store, client, named(threat(t, 1, "2024-05-01", "1 2 2 2 one"), 1))
	create(t, url, `UPDATE stats SET client_id = NULL`)
	if _, err := store.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	want := []string{"05-01 object 1: 1 stats, 2/2/2 one"}
	for _, filter := range []stats.Filter{{Type: stats.Threat}, {Type: stats.Threat, ANRs: ids(1)}} {
		if diff := cmp.Diff(want, sums(t, store, filter)); diff != "" {
			t.Errorf("sums (-want +got):\n%s", diff)
		}
		filter.LocalStatsOnly = true
		if got := sums(t, store, filter); len(got) != 0 {
			t.Errorf("local sums %v, want none", got)
		}
	}
	for name, scope := range map[string]stats.Scope{"a client": client.Scope(), "no scope": {}} {
		if found, _ := list(t, store, scope, postgres.ListQuery{}); len(found) != 0 {
			t.Errorf("%s is shown %d stats", name, len(found))
		}
		if found, _ := list(t, store, scope, postgres.ListQuery{Filter: stats.Filter{ANRs: ids(1)}}); len(found) != 0 {
			t.Errorf("%s is shown %d stats of the analysis", name, len(found))
		}
		if n, err := store.DeleteStats(t.Context(), scope, id(1), nil); n != 0 || err != nil {
			t.Errorf("%s deleted %d, %v", name, n, err)
		}
	}
	for _, query := range []postgres.ListQuery{{}, {LastOnly: true}} {
		if found, _ := list(t, store, stats.Everything(), query); len(found) != 1 || found[0].ClientID != 0 {
			t.Errorf("operators are shown %+v", found)
		}
	}
	newest := 0
	if err := store.ListLast(t.Context(), func(stats.Stat) error { newest++; return nil }); err != nil || newest != 1 {
		t.Errorf("%d newest stats, %v", newest, err)
	}
	agree(t, store)
	remove(t, store, 1)
	agree(t, store)
	noOrphans(t, url)
}

// SQL users see stats with their data.
func TestViewHasStatsWithTheirData(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store := open(t, url)
	client := newClient(t, store, "client")
	insert(t, store, client, threat(t, 1, "2024-05-01", "1 2 2 2 one"), threat(t, 1, "2024-05-02", "1 2 2 2 one"))
	if n := count(t, url, `SELECT count(*) FROM stats_with_data WHERE data->0->>'count' = '2'`); n != 2 {
		t.Errorf("the view shows %d stats, want 2", n)
	}
}
