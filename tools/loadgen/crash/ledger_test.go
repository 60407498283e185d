// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build linux

package main

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/client"
)

// TestLedgerFindsDifferences checks that differences between ledger and database are found.
func TestLedgerFindsDifferences(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(rows map[key][]uuid.UUID, kept, gone, unsure key)
		want   faults
	}{
		"as acknowledged":             {func(map[key][]uuid.UUID, key, key, key) {}, faults{}},
		"what is not known is stored": {func(rows map[key][]uuid.UUID, _, _, unsure key) { rows[unsure] = []uuid.UUID{uuid.New()} }, faults{}},
		"lost":                        {func(rows map[key][]uuid.UUID, kept, _, _ key) { delete(rows, kept) }, faults{lost: 1}},
		"another UUID":                {func(rows map[key][]uuid.UUID, kept, _, _ key) { rows[kept] = []uuid.UUID{uuid.New()} }, faults{lost: 1}},
		"twice":                       {func(rows map[key][]uuid.UUID, kept, _, _ key) { rows[kept] = append(rows[kept], uuid.New()) }, faults{twice: 1}},
		"what is not known is twice":  {func(rows map[key][]uuid.UUID, _, _, unsure key) { rows[unsure] = []uuid.UUID{uuid.New(), uuid.New()} }, faults{twice: 1}},
		"back":                        {func(rows map[key][]uuid.UUID, _, gone, _ key) { rows[gone] = []uuid.UUID{uuid.New()} }, faults{undone: 1}},
		"nobody posted it":            {func(rows map[key][]uuid.UUID, _, _, _ key) { rows[key{anr: uuid.New()}] = []uuid.UUID{uuid.New()} }, faults{unknown: 1}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &office{random: (&options{seed: 1}).random(0), ledger: newLedger()}
			sent := []client.Stat{o.next(), o.next(), o.next()}
			o.ledger.post(sent)
			rows := map[key][]uuid.UUID{}
			var answer client.Posted
			for _, stat := range sent[:2] {
				stat.UUID = uuid.New()
				answer.Stats = append(answer.Stats, stat)
				rows[keyOf(stat)] = []uuid.UUID{stat.UUID}
			}
			if err := o.ledger.acknowledge(sent[:2], answer); err != nil {
				t.Fatal(err)
			}
			kept, gone, unsure := keyOf(sent[0]), keyOf(sent[1]), keyOf(sent[2])
			o.ledger.change([]key{gone}, deleting)
			o.ledger.change([]key{gone}, deleted)
			delete(rows, gone)
			tt.change(rows, kept, gone, unsure)
			got := compareAll(rows, &crowd{all: []*office{o}})
			got.examples = nil
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(faults{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			again := compareAll(rows, &crowd{all: []*office{o}})
			if again.twice != tt.want.twice || again.unknown != tt.want.unknown || again.lost+again.undone > 0 {
				t.Errorf("the second comparison finds %+v", again)
			}
		})
	}
}

func TestAcknowledgeRefuses(t *testing.T) {
	t.Parallel()
	o := &office{random: (&options{seed: 1}).random(0), ledger: newLedger()}
	sent := []client.Stat{o.next()}
	o.ledger.post(sent)
	for name, answer := range map[string]client.Posted{
		"nothing":          {},
		"another stat":     {Stats: []client.Stat{o.next()}},
		"another's UUID":   {Duplicates: []uuid.UUID{uuid.New()}},
		"more than posted": {Stats: []client.Stat{sent[0], sent[0]}},
	} {
		if err := o.ledger.acknowledge(sent, answer); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if len(o.ledger.live) > 0 {
		t.Error("it counts as stored")
	}
}

func TestPlanOfStats(t *testing.T) {
	t.Parallel()
	names := func(args string) (names []string, kills int) {
		o, err := parse(strings.Fields(args), io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range o.plan() {
			names = append(names, f.name)
			if f.kill {
				kills++
			}
		}
		return names, kills
	}
	quick, _ := names("-seed 1")
	if len(quick) != len(allFaults) {
		t.Errorf("%d faults, want each of %d once", len(quick), len(allFaults))
	}
	long, kills := names("-seed 1 -kills 203")
	if kills != 203 {
		t.Errorf("%d kills, want 203", kills)
	}
	if again, _ := names("-seed 1 -kills 203"); !cmp.Equal(long, again) {
		t.Error("the same seed gives another order")
	}
	if other, _ := names("-seed 2 -kills 203"); cmp.Equal(long, other) {
		t.Error("another seed gives the same order")
	}
	for args, want := range map[string]string{"-without x": `no fault has the name "x"`, "-kills -1": "negative", "200": "unexpected argument"} {
		if _, err := parse(strings.Fields(args), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", args, err, want)
		}
	}
}
