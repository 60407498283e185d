// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestInTurn(t *testing.T) {
	t.Parallel()
	var order string
	source := func(name string, size int64, took ...time.Duration) func() (int64, time.Duration, error) {
		return func() (int64, time.Duration, error) {
			order += name
			once := took[0]
			took = took[1:]
			return size, once, nil
		}
	}
	got, err := inTurn(3, source("a", 10, 5, 1, 3), source("b", 20, 2, 9, 4))
	if err != nil {
		t.Fatal(err)
	}
	want := []transfer{{bytes: 10, took: 3}, {bytes: 20, took: 4}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(transfer{})); diff != "" {
		t.Errorf("medians (-want +got):\n%s", diff)
	}
	if order != "ababab" {
		t.Errorf("sources were read in the order %s, want them in turn", order)
	}
	broken := errors.New("broken")
	if _, err := inTurn(1, func() (int64, time.Duration, error) { return 0, 0, broken }); !errors.Is(err, broken) {
		t.Errorf("error %v, want that of the source", err)
	}
}

func TestReportList(t *testing.T) {
	t.Parallel()
	var b bench
	b.reportList(transfer{90e6, time.Second}, transfer{50e6, 500 * time.Millisecond}, transfer{90e6, 90 * time.Millisecond}, 36e6)
	want := []string{"90.0 MB", "1,000 ms", "90 MB/s", "36.0 MB", "100 MB/s", "90 %", "1000 MB/s"}
	if diff := cmp.Diff(want, b.report.sections[0].rows[0]); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
	if share, peak := b.report.goals[listShare].figure, b.report.goals[listPeak].figure; share != 90 || peak != 36 {
		t.Errorf("goals %v %% and %v MB, want 90 and 36", share, peak)
	}
}
