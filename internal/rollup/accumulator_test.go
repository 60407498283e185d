// SPDX-License-Identifier: AGPL-3.0-or-later

package rollup

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/quagmt/udecimal"

	"github.com/monarc-project/stats-service/internal/processor"
	"github.com/monarc-project/stats-service/internal/stats"
)

// known returns subjects 1 to 9. Subjects 1, 2 and 3 are one object with two different
// labels and none.
func known() map[int64]Subject {
	subjects := map[int64]Subject{}
	for n := int64(1); n < 10; n++ {
		s := Subject{Type: stats.Threat, Key: stats.Key{Object: string(rune('a' + max(n, 3)))}}
		if n != 3 {
			s.Labels[1] = string(rune('A' + n))
		}
		subjects[n] = s
	}
	return subjects
}

// document packs observations with these values, by subject.
func document(t *testing.T, values map[int64]string) []byte {
	t.Helper()
	var observations []stats.Observation
	var ids []int64
	for id, text := range values {
		value := udecimal.MustParse(text)
		observations, ids = append(observations, stats.Observation{Values: [3]udecimal.Decimal{value, value, value}}), append(ids, id)
	}
	packed, err := Pack(stats.Threat, observations, ids)
	if err != nil {
		t.Fatal(err)
	}
	return packed
}

var equalDecimals = cmp.Comparer(func(a, b udecimal.Decimal) bool { return a.Equal(b) })

func TestDayIsADateWithoutTime(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"1970-01-01", "1969-12-31", "2024-02-29", "0001-01-01", "9999-12-31"} {
		date, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		if got := DayOf(date).Date(); !got.Equal(date) || got.Location() != time.UTC {
			t.Errorf("%s became %s", text, got)
		}
	}
	if DayOf(time.Unix(0, 0).UTC()) != 0 {
		t.Error("1970-01-01 is not day 0")
	}
}

// The sums do not depend on the method that added the documents.
func TestObserveObserveOnAndMergeAgree(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		runs, days, totals := NewAccumulator(), NewAccumulator(), NewAccumulator()
		sums := Totals{}
		for range random.IntN(6) {
			values := map[int64]string{}
			for range random.IntN(5) {
				values[1+random.Int64N(10)] = randomDecimal(random) // 10 is not known
			}
			packed := document(t, values)
			var on []Day
			for day := Day(19_000); len(on) < random.IntN(12); day += Day(random.IntN(4)) { // also twice, and with gaps
				on = append(on, day)
			}
			random.Shuffle(len(on), func(i, j int) { on[i], on[j] = on[j], on[i] })
			counts := map[Day]int64{}
			for _, day := range on {
				counts[day]++
			}
			for day, n := range counts {
				noError(t, days.Observe(day, packed, n))
				noError(t, sums.Observe(Key{Type: stats.Threat, Day: day}, packed, n))
			}
			noError(t, runs.ObserveOn(on, packed))
		}
		rows, err := sums.Rows()
		noError(t, err)
		for _, row := range rows {
			noError(t, totals.Merge(row.Day, row.Packed))
		}
		want := days.DailySums(known())
		for name, a := range map[string]*Accumulator{"runs": runs, "totals": totals} {
			if diff := cmp.Diff(want, a.DailySums(known()), equalDecimals); diff != "" {
				t.Fatalf("days and %s differ (-days +%s):\n%s", name, name, diff)
			}
		}
	}
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestDailySums(t *testing.T) {
	t.Parallel()
	a := NewAccumulator()
	long := document(t, map[int64]string{1: "1", 5: "2"})
	noError(t, a.ObserveOn([]Day{12, 10, 11}, long))
	noError(t, a.ObserveOn([]Day{20}, long))
	noError(t, a.Observe(11, document(t, map[int64]string{3: "4", 2: "8"}), 2))
	noError(t, a.Observe(12, document(t, map[int64]string{6: "1"}), 1))
	noError(t, a.Observe(12, document(t, map[int64]string{6: "1"}), -1))
	values := func(n int64) [3]udecimal.Decimal {
		d := udecimal.MustFromInt64(n, 0)
		return [3]udecimal.Decimal{d, d, d}
	}
	sum := func(day Day, object string, label string, count, total int64) processor.DailySum {
		return processor.DailySum{
			Date: day.Date(), Key: stats.Key{Object: object}, Count: count, Sums: values(total), Labels: stats.Labels{1: label},
		}
	}
	want := []processor.DailySum{
		sum(10, "d", "B", 1, 1), sum(10, "f", "F", 1, 2),
		sum(11, "d", "C", 5, 25), sum(11, "f", "F", 1, 2), // the label of subject 2, since 3 has none
		sum(12, "d", "B", 1, 1), sum(12, "f", "F", 1, 2),
		sum(20, "d", "B", 1, 1), sum(20, "f", "F", 1, 2),
	}
	if diff := cmp.Diff(want, a.DailySums(known()), equalDecimals); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDamagedBytesAddNothing(t *testing.T) {
	t.Parallel()
	a, sums := NewAccumulator(), Totals{}
	damaged := []byte{1, 3, 5, 0, 2}
	for name, err := range map[string]error{
		"observations": a.Observe(1, damaged, 1), "days": a.ObserveOn([]Day{1, 2}, damaged), "total": a.Merge(1, damaged),
		"totals": sums.Observe(Key{}, damaged, 1), "subjects": EachSubject(damaged, func(int64, bool) { t.Error("called") }),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if got := a.DailySums(known()); len(got) != 0 || len(a.Subjects()) != 0 || len(sums) != 0 {
		t.Errorf("added %v, %v, %v", got, a.Subjects(), sums)
	}
}

// Observing a document n times at once is as exact as n single observations.
func TestMultiplyingIsExact(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		a, n := amountFrom(randomDecimal(random)), random.Int64N(7)-3
		var want sum
		for range max(n, -n) {
			if n < 0 {
				d := a.decimal().Neg()
				want.add(amountOf(d))
			} else {
				want.add(a)
			}
		}
		if got := a.times(n).decimal(); !got.Equal(want.total()) {
			t.Fatalf("%d times %s is %s, want %s", n, a.decimal(), got, want.total())
		}
	}
}
