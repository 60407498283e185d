// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseSample(t *testing.T) {
	t.Parallel()
	const text = `# HELP go_goroutines Number of goroutines that currently exist.
go_goroutines 25
process_open_fds 12
process_resident_memory_bytes 4.1e+07
stats_service_database_connections{server="primary",state="idle"} 3
stats_service_database_connections{server="primary",state="in use"} 2
stats_service_database_connections_max{server="primary"} 16
`
	got, err := parseSample(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample{4.1e7, 25, 12, 5}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := parseSample(strings.NewReader("go_goroutines 25\n")); err == nil {
		t.Error("metrics without memory are taken")
	}
}

// TestGrowthIsReported lets each quantity grow while the others come and go.
func TestGrowthIsReported(t *testing.T) {
	t.Parallel()
	calm := sample{40e6, 30, 20, 8}
	series := func(grows int) (samples []sample) {
		for n := range 200 {
			s := append(sample(nil), calm...)
			for i, q := range quantities {
				if n < 60 || n%2 == 0 { // at first, and now and then
					s[i] += q.more
				}
			}
			if grows >= 0 {
				s[grows] += float64(n) / 50 * (calm[grows]*quantities[grows].share + quantities[grows].more)
			}
			samples = append(samples, s)
		}
		return samples
	}
	if err := report(io.Discard, series(-1), 3*time.Minute); err != nil {
		t.Errorf("nothing grows: %v", err)
	}
	for i, q := range quantities {
		err := report(io.Discard, series(i), 3*time.Minute)
		if err == nil || !strings.Contains(err.Error(), q.name) {
			t.Errorf("%s grow: error %v", q.name, err)
		}
	}
}

func TestLatenciesByPercentile(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		windows int
		last    time.Duration
		slow    bool
	}{
		"steady":           {3, 10 * time.Millisecond, false},
		"slower and slow":  {3, 30 * time.Millisecond, true},
		"too short to say": {2, 30 * time.Millisecond, false},
	} {
		l := newLatencies(time.Duration(tt.windows) * windowLength)
		for i := range tt.windows {
			took := 10 * time.Millisecond
			if i == tt.windows-1 {
				took = tt.last
			}
			for range 100 {
				l.note(l.begun.Add(time.Duration(i)*windowLength), took)
			}
		}
		if err := l.report(io.Discard); (err != nil) != tt.slow {
			t.Errorf("%s: error %v", name, err)
		}
		if l.count() != 100*tt.windows {
			t.Errorf("%s: %d requests", name, l.count())
		}
	}
}
