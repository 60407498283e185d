// SPDX-License-Identifier: AGPL-3.0-or-later

package httpapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
)

// TestMutedClientCountsNowhere mutes a client while its values are cached. They
// count in no average and no public figure until it is processed again, and are
// returned to it all the while, those that it posts meanwhile too.
func TestMutedClientCountsNowhere(t *testing.T) {
	t.Parallel()
	s := setupCaching(t, pgtest.New(t))
	loud, quiet, admin := s.user("loud"), s.user("quiet"), s.admin("admin")
	loud.post(threat(1, 1, 900), threat(3, 1, 900))
	quiet.post(threat(2, 1, 2), threat(3, 1, 4))

	count := func(c caller, anrs ...int) float64 {
		t.Helper()
		query := map[string]any{"processor": "threat_average_on_date"}
		if len(anrs) > 0 {
			var ids []string
			for _, n := range anrs {
				ids = append(ids, id(n).String())
			}
			query["anrs"] = ids
		}
		var got struct {
			Data []struct{ Averages struct{ Count float64 } }
		}
		c.call("GET", "/api/v1/stats/processed/", query).want(http.StatusOK).into(&got)
		if len(got.Data) == 0 {
			return 0
		}
		return got.Data[0].Averages.Count
	}
	public := func() float64 {
		t.Helper()
		var got map[string]map[string]struct{ Count float64 }
		if err := json.Unmarshal([]byte(quiet.threats()), &got); err != nil {
			t.Fatal(err)
		}
		return got[id(900).String()][day(1)].Count
	}
	mute := func(processed bool) {
		t.Helper()
		if _, err := s.store.UpdateClient(t.Context(), loud.client.UUID, postgres.ClientChange{Processed: &processed}); err != nil {
			t.Fatal(err)
		}
		until(t, "the change is heard of", func() bool { return (public() < 100) == !processed })
	}
	type figures struct{ all, own, named, ofAdmin, public float64 }
	want := func(when string, want figures) {
		t.Helper()
		for range 2 { // computed, then cached
			got := figures{count(quiet), count(loud, 1, 3), count(quiet, 1, 2, 3), count(admin, 1, 2, 3), public()}
			if got != want {
				t.Errorf("%s: means %+v, want %+v", when, got, want)
			}
		}
		if different, err := s.store.RollupsAgree(t.Context()); err != nil || len(different) > 0 {
			t.Errorf("%s: the rollups do not match the stats: %v %v", when, different, err)
		}
	}

	want("before", figures{451.5, 900, 3, 451.5, 451.5})
	mute(false)
	want("muted", figures{3, 0, 3, 3, 3})
	loud.post(threat(1, 1, 901))
	want("muted and posting", figures{3, 0, 3, 3, 3})
	if _, err := s.store.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	want("muted, after a rebuild", figures{3, 0, 3, 3, 3})
	if got := loud.call("GET", "/api/v1/stats/", nil).list(http.StatusOK); len(got.Data) != 3 {
		t.Errorf("the muted client gets %d stats, want its three", len(got.Data))
	}
	if body := string(loud.call("GET", "/api/v1/stats/"+id(3).String(), nil).want(http.StatusOK).body); !strings.Contains(body, "900") {
		t.Errorf("the muted client gets other data: %s", body)
	}
	if total, err := s.store.Totals(t.Context()); err != nil || total.Clients != 1 || total.Stats != 2 {
		t.Errorf("totals %+v (%v), want those of the other client", total, err)
	}
	loud.call("DELETE", "/api/v1/stats/"+id(3).String(), nil).want(http.StatusNoContent)
	mute(true)
	want("processed again", figures{451.75, 900.5, 3, 451.75, 451.75})
}
