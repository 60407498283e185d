// SPDX-License-Identifier: AGPL-3.0-or-later

package processor

import (
	stdjson "encoding/json"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/quagmt/udecimal"
)

// day returns midnight UTC of a date written as YYYY-MM-DD.
func day(text string) time.Time {
	date, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return date
}

// decimals parses up to three sums.
func decimals(texts ...string) (sums [3]udecimal.Decimal) {
	for i, text := range texts {
		sums[i] = udecimal.MustParse(text)
	}
	return sums
}

// process runs a processor and returns its JSON, which must not depend on the
// encoder.
func process(t *testing.T, name string, sums []DailySum, params Params) string {
	t.Helper()
	p, ok := Find(name)
	if !ok {
		t.Fatalf("there is no processor %s", name)
	}
	return encode(t, p.Process(sums, params))
}

func encode(t *testing.T, result any) string {
	t.Helper()
	encoded, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	standard, err := stdjson.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(encoded), string(standard)); diff != "" {
		t.Errorf("encoding/json writes something else (-experiment +standard):\n%s", diff)
	}
	return string(encoded)
}

// checkJSON compares JSON by content and, since the order of members is part
// of the contract, by bytes.
func checkJSON(t *testing.T, want, got string) {
	t.Helper()
	if diff := cmp.Diff(compact(t, want), got); diff != "" {
		t.Errorf("result differs (-want +got):\n%s", diff)
	}
}

func compact(t *testing.T, text string) string {
	t.Helper()
	value := stdjson.RawMessage(text)
	out, err := stdjson.Marshal(value)
	if err != nil {
		t.Fatalf("the expected JSON is broken: %v\n%s", err, text)
	}
	return string(out)
}
