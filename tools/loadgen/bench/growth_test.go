// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestServicesTakeTurns(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var order []string
	note := func(name string) string {
		p, err := servePlain(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			order = append(order, name+r.URL.Path)
			mu.Unlock()
			if r.URL.Path == "/5" {
				w.WriteHeader(http.StatusGone)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		return p.url
	}
	first, second := note("first"), note("second")
	paths := func(n int) request { return request{path: "/" + string(rune('0'+n))} }
	one, two, err := alternate(t.Context(), first, second, 2, paths)
	if err != nil || one <= 0 || two <= 0 {
		t.Fatalf("medians %s and %s, error %v", one, two, err)
	}
	var want []string
	for _, n := range "01234" {
		want = append(want, "first/"+string(n), "second/"+string(n))
	}
	if diff := cmp.Diff(want, order); diff != "" {
		t.Errorf("questions (-want +got):\n%s", diff)
	}
	if _, _, err := alternate(t.Context(), first, second, 3, paths); err == nil || !strings.Contains(err.Error(), "status 410") {
		t.Errorf("error %v, want one about the status", err)
	}
}
