// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"encoding/json"
	"net/http"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/sample"
)

// TestRetryWithoutUUID posts the five types again, as after an answer that got lost.
func TestRetryWithoutUUID(t *testing.T) {
	t.Parallel()
	s := setup(t)
	office := s.user("office")
	batch := sample.New(sample.Options{Clients: 1, Analyses: 1, Days: 1, Until: today}).FrontOfficeBatch(0, today)
	first := office.call("POST", "/api/v1/stats/", batch).list(http.StatusCreated)
	again := office.call("POST", "/api/v1/stats/", batch).list(http.StatusCreated)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("answers (-first +again):\n%s", diff)
	}
	if diff := cmp.Diff(setOf(first.ids()), setOf(s.stored())); diff != "" {
		t.Errorf("stored (-answered +stored):\n%s", diff)
	}
}

// TestSameContent recognises content however it is written.
func TestSameContent(t *testing.T) {
	t.Parallel()
	s := setup(t)
	user := s.user("user")
	written := func(data string) item { return threat(1, 0, 0).with("data", json.RawMessage(data)) }
	const object = `"uuid":"00000000-0000-4000-8000-000000000900"`
	first := user.post(written(`[{` + object + `,"count":1,"maxRisk":2,"averageRate":"2.5"}]`)).ids()
	same := user.post(
		written(`[ {"averageRate":"2.5", "maxRisk":2,`+object+`,"count":1 } ]`),
		written(`[{"\u0075uid":"00000000-0000-4000-8000-000000000900","count":1,"maxRisk":2,"averageRate":"2.5"}]`),
	)
	if diff := cmp.Diff([]uuid.UUID{first[0], first[0]}, same.ids()); diff != "" {
		t.Errorf("uuids (-want +got):\n%s", diff)
	}
	other := user.post(written(`[{` + object + `,"count":2,"maxRisk":2,"averageRate":"2.5"}]`)).ids()
	if diff := cmp.Diff(setOf(append(first, other...)), setOf(s.stored())); diff != "" {
		t.Errorf("different content of a day is kept beside the other (-want +got):\n%s", diff)
	}
}

// TestRetryWithUUID tells what was there already.
func TestRetryWithUUID(t *testing.T) {
	t.Parallel()
	s := setup(t)
	user := s.user("user")
	named := func(n int) item { return threat(n, 0, n).with("uuid", id(100+n)) }
	if diff := cmp.Diff([]uuid.UUID{id(101), id(102)}, user.post(named(1), named(2)).ids()); diff != "" {
		t.Fatalf("created (-want +got):\n%s", diff)
	}
	tests := []struct {
		name       string
		batch      []item
		created    []uuid.UUID
		duplicates []uuid.UUID
	}{
		{"all again", []item{named(1), named(2)}, []uuid.UUID{}, []uuid.UUID{id(101), id(102)}},
		{"mixed", []item{named(2), named(3), named(1)}, []uuid.UUID{id(103)}, []uuid.UUID{id(102), id(101)}},
		{"other content", []item{threat(7, 7, 7).with("uuid", id(101))}, []uuid.UUID{}, []uuid.UUID{id(101)}},
		{"twice in a batch", []item{named(4), named(4)}, []uuid.UUID{id(104)}, []uuid.UUID{id(104)}},
	}
	for _, tt := range tests {
		got := user.call("POST", "/api/v1/stats/", tt.batch).list(http.StatusMultiStatus)
		if diff := cmp.Diff(tt.created, got.ids()); diff != "" {
			t.Errorf("%s: created (-want +got):\n%s", tt.name, diff)
		}
		if diff := cmp.Diff(tt.duplicates, got.Duplicates); diff != "" {
			t.Errorf("%s: duplicates (-want +got):\n%s", tt.name, diff)
		}
	}
	if got := len(s.stored()); got != 4 {
		t.Errorf("%d stats are stored, want 4", got)
	}
	null := user.post(threat(5, 0, 5).with("uuid", nil)).ids()
	if len(null) != 1 || null[0] == uuid.Nil {
		t.Errorf("uuid null: %v", null)
	}
}

// TestSimultaneousPosts sends the same batch at the same time.
func TestSimultaneousPosts(t *testing.T) {
	t.Parallel()
	s := setup(t)
	user := s.user("user")
	batch := []item{threat(1, 0, 1), threat(2, 0, 1), threat(3, 0, 1), threat(4, 0, 1).with("uuid", id(104))}
	answers := make([]answer, 6)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = user.call("POST", "/api/v1/stats/", batch) })
	}
	wg.Wait()
	created := 0
	for _, a := range answers {
		switch a.status {
		case http.StatusCreated:
			created++
		case http.StatusMultiStatus:
		default:
			t.Errorf("status %d: %s", a.status, a.body)
		}
	}
	if created != 1 {
		t.Errorf("%d posts created the item that has a uuid", created)
	}
	if got := len(s.stored()); got != 4 {
		t.Errorf("%d stats are stored, want 4", got)
	}
}
