// SPDX-License-Identifier: AGPL-3.0-or-later

package audit_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/audit"
)

// recorder formats events as lines.
type recorder struct{ lines []string }

func (r *recorder) RecordAudit(_ context.Context, events []audit.Event) error {
	for _, e := range events {
		r.lines = append(r.lines, fmt.Sprintf("%s %s %s %s: %s", e.Action, e.Target, e.Actor.Name, e.Actor.Origin, e.After))
	}
	return nil
}

// written returns the entries that Run writes at its end for the calls of note.
func written(t *testing.T, note func(*audit.Keys)) []string {
	t.Helper()
	var kept recorder
	keys := audit.NewKeys(&kept, time.Now, slog.New(slog.NewTextHandler(t.Output(), nil)))
	note(keys)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	keys.Run(ended)
	return kept.lines
}

func TestRefusedKeysMakeOneEntryPerAddress(t *testing.T) {
	t.Parallel()
	got := written(t, func(keys *audit.Keys) {
		for range 1000 {
			keys.Unknown("192.0.2.7")
			keys.Unknown("::ffff:192.0.2.7")
		}
		keys.Inactive("192.0.2.7", "nc3")
		keys.Inactive("192.0.2.7", "nc3")
		keys.Unknown("2001:db8:0:1::1")
		keys.Unknown("2001:db8:0:1:ffff::2")
		keys.Blocked("2001:db8:0:1::3")
		keys.Unknown("2001:db8:0:2::1")
		keys.Unknown("no address")
	})
	want := []string{
		`key.refuse keys anyone 192.0.2.7: {"unknown":2000,"inactive":2,"clients":["nc3"]}`,
		`key.block keys anyone 2001:db8:0:1::/64: {"unknown":2,"blocked":1}`,
		`key.refuse keys anyone 2001:db8:0:2::/64: {"unknown":1}`,
		`key.refuse keys anyone an unknown address: {"unknown":1}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// An attacker with many addresses and keys can fill neither the log nor the memory.
func TestRefusedKeysAreBoundedInNumberAndSize(t *testing.T) {
	t.Parallel()
	got := written(t, func(keys *audit.Keys) {
		var group sync.WaitGroup
		for part := range 10 {
			group.Go(func() {
				for n := range 5_000 {
					keys.Inactive(fmt.Sprintf("10.%d.%d.%d", part, n/256, n%256), fmt.Sprint("client ", n))
				}
			})
		}
		group.Wait()
	})
	if len(got) != 101 {
		t.Fatalf("%d entries, want 100 addresses and the others", len(got))
	}
	for _, line := range got {
		if len(line) > 500 {
			t.Errorf("an entry of %d bytes", len(line))
		}
	}
	if last := got[100]; !cmp.Equal(last[:len("key.refuse keys anyone further addresses")], "key.refuse keys anyone further addresses") {
		t.Errorf("the last entry is %s", last)
	}
}
