// SPDX-License-Identifier: AGPL-3.0-or-later

package stats

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

const goodItem = `{"anr":"` + floodID + `","type":"threat","date":"2026-03-01","data":[{"uuid":"` + fireID + `","count":1,"maxRisk":2,"averageRate":"2.5"}]}`

// itemWith returns goodItem with from replaced by to.
func itemWith(t *testing.T, from, to string) string {
	t.Helper()
	changed := strings.Replace(goodItem, from, to, 1)
	if changed == goodItem {
		t.Fatalf("the item does not contain %s", from)
	}
	return changed
}

// ParseBatch decodes, validates, measures and identifies the items of a body.
func TestParseBatch(t *testing.T) {
	t.Parallel()
	data := `[ {"uuid":"` + fireID + `", "averageRate":2.50,"count":1,"maxRisk":2} ]`
	body := `[` + goodItem + `, {"date":"20260302","data":` + data + `,"type":"threat","uuid":"` + strings.ToUpper(fireID) + `","anr":"` + floodID + `"}]`
	batch, err := ParseBatch([]byte(body), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	observations := []Observation{{Key: Key{Object: fireID}, Values: values("1", "2", "2.5")}}
	digest := DigestOf(Threat, []byte(data))
	want := []Item{{
		ANR: uuid.MustParse(floodID), Type: Threat, Date: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
		Observations: observations, Digest: batch.Items[0].Digest, Data: batch.Items[0].Data,
		Fingerprint: FingerprintOf(Threat, batch.Items[0].Data),
	}, {
		UUID: uuid.MustParse(fireID), ANR: uuid.MustParse(floodID), Type: Threat, Date: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC),
		Observations: observations, Digest: digest, Data: []byte(data), Fingerprint: FingerprintOf(Threat, []byte(data)),
	}}
	if diff := cmp.Diff(want, batch.Items); diff != "" {
		t.Errorf("items differ (-want +got):\n%s", diff)
	}
	if batch.Items[0].Digest == digest {
		t.Error(`"2.5" and 2.50 have the same digest`)
	}
}

func TestParseBatchAcceptsNoItems(t *testing.T) {
	t.Parallel()
	batch, err := ParseBatch([]byte(" [ ] \n"), func([]SentDocument) (map[SentDocument]Digest, error) {
		return nil, errors.New("nothing was to be looked up")
	}, nil)
	if err != nil || len(batch.Items) != 0 {
		t.Errorf("%d items, %v", len(batch.Items), err)
	}
}

// A document whose bytes are known is not parsed again, even if that would fail.
func TestParseBatchDoesNotParseKnownDocuments(t *testing.T) {
	t.Parallel()
	unreadable := itemWith(t, `"count":1`, `"count":"x"`)
	known := func(sent []SentDocument) (map[SentDocument]Digest, error) {
		return map[SentDocument]Digest{sent[1]: {7}}, nil
	}
	batch, err := ParseBatch([]byte("["+goodItem+","+unreadable+"]"), known, nil)
	if err != nil {
		t.Fatal(err)
	}
	if first, second := batch.Items[0], batch.Items[1]; first.Known || len(first.Observations) != 1 ||
		!second.Known || second.Digest != (Digest{7}) || second.Observations != nil {
		t.Errorf("items are %+v", batch.Items)
	}
	checkInvalid(t, batch.Items[1].Read(), "data.0.count", `"x" is not a number`)
	if err := batch.Items[0].Read(); err != nil {
		t.Error(err)
	}
	failure := errors.New("the database is gone")
	_, err = ParseBatch([]byte("["+goodItem+"]"), func([]SentDocument) (map[SentDocument]Digest, error) { return nil, failure }, nil)
	if !errors.Is(err, failure) {
		t.Errorf("error is %v, want that of the look-up", err)
	}
}

// All errors of a batch are reported at once, each with its path.
func TestParseBatchReportsEveryError(t *testing.T) {
	t.Parallel()
	body := "[" + strings.Join([]string{
		goodItem,
		itemWith(t, `"2.5"`, `"x"`),
		strings.Replace(itemWith(t, floodID, "1"), "2026-03-01", "2026-02-30", 1),
		itemWith(t, `"type"`, `"role":1,"a":2,"type"`),
		`{"data":{}}`, `null`, `[]`, itemWith(t, `"threat"`, `7`), itemWith(t, `"type"`, `"type":"risk","type"`),
		itemWith(t, `"data":[`, `"data":"[","x":[`),
	}, ",") + "]"
	_, err := ParseBatch([]byte(body), nil, nil)
	invalid, ok := errors.AsType[*InvalidError](err)
	if !ok {
		t.Fatalf("error is %v", err)
	}
	if want := "Unknown arguments: a, role, x"; invalid.Message != want {
		t.Errorf("message is %q, want %q", invalid.Message, want)
	}
	want := map[string]string{
		"1.data.0.averageRate": `"x" is not a number`,
		"2.anr":                `"1" is not a UUID`,
		"2.date":               `"2026-02-30" is not a date: use YYYY-MM-DD`,
		"3.role":               "is not known here", "3.a": "is not known here",
		"4.anr": "is required", "4.type": "is required", "4.date": "is required",
		"5.anr": "is required", "5.type": "is required", "5.date": "is required", "5.data": "is required",
		"6":      "must be an object, not a list",
		"7.type": "must be a string",
		"8.type": "appears twice in the same object", "8.data": "must be an object, not a list",
		"9.data": "must be an object or a list, not a string", "9.x": "is not known here",
	}
	if diff := cmp.Diff(want, invalid.Fields); diff != "" {
		t.Errorf("fields differ (-want +got):\n%s", diff)
	}
}

// The number and the length of the errors are bounded, whatever the body.
func TestParseBatchBoundsItsErrors(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"bad documents":         "[" + strings.Repeat(itemWith(t, `"2.5"`, `"x"`)+",", 500) + goodItem + "]",
		"no members":            "[" + strings.Repeat("{},", 500_000) + "{",
		"unknown members":       "[{" + strings.Repeat(`"x":1,`, 500_000),
		"long unknown members":  `[{"` + strings.Repeat("x", 1<<20) + `":1}]`,
		"items of another kind": "[" + strings.Repeat("1,", 500_000),
		"too many members":      "[" + itemWith(t, `"count":1`, `"count":1,"x":{"`+strings.Repeat(`a":1,"`, 500_000)),
	} {
		_, err := ParseBatch([]byte(body), nil, nil)
		invalid, ok := errors.AsType[*InvalidError](err)
		if !ok {
			t.Errorf("%s: error is %v", name, err)
			continue
		}
		length := len(invalid.Message)
		for _, field := range slices.Collect(maps.Keys(invalid.Fields)) {
			length += len(field)
		}
		if n := len(invalid.Fields); n == 0 || n > maxErrors || length > 10_000 {
			t.Errorf("%s: %d errors in %d bytes", name, n, length)
		}
	}
}

// A large batch does not hold its observations in memory; Observe makes them again.
func TestLargeBatchesDropTheirObservations(t *testing.T) {
	t.Parallel()
	data := objectData(2_000)
	item := fmt.Sprintf(`{"anr":%q,"type":"threat","date":"2026-03-01","data":%s}`, fireID, data)
	batch, err := ParseBatch([]byte("["+strings.Repeat(item+",", 19)+item+"]"), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	held := 0
	for i := range batch.Items {
		held += len(batch.Items[i].Observations)
		observations, err := batch.Items[i].Observe()
		if err != nil || len(observations) != 2_000 || batch.Items[i].Digest != batch.Items[0].Digest {
			t.Errorf("item %d has %d observations, %v", i, len(observations), err)
		}
	}
	if held == 0 || held > maxObservations {
		t.Errorf("%d observations are held", held)
	}
}

// TestParseBatchYields checks that yield is called before each item and each document.
func TestParseBatchYields(t *testing.T) {
	t.Parallel()
	const items = 3
	body := []byte("[" + strings.Repeat(goodItem+",", items-1) + goodItem + "]")
	yields := 0
	if _, err := ParseBatch(body, nil, func() error { yields++; return nil }); err != nil || yields != 2*items {
		t.Errorf("%d yields, want %d: %v", yields, 2*items, err)
	}
	for allowed := range 2 * items {
		left := allowed
		_, err := ParseBatch(body, nil, func() error {
			if left--; left < 0 {
				return context.Canceled
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("after %d yields: %v", allowed, err)
		}
	}
}

// TestParseBatchYieldsWithinLongDocuments checks that yield is called at intervals, while
// the end of a long document is looked for and while it is read, whether it is made of
// members or of brackets.
func TestParseBatchYieldsWithinLongDocuments(t *testing.T) {
	t.Parallel()
	const turns = 16
	for name, unit := range map[string]string{"members": `,{"a":0}`, "brackets": ",[]"} {
		rest := strings.Repeat(unit, turns*yieldBytes/len(unit)+1)
		body := []byte("[" + itemWith(t, `"count":1`, `"count":1,"x":[0`+rest+`]`) + "]")
		if yields, err := yieldsOf(body, math.MaxInt); err != nil || yields != 2+2*turns {
			t.Errorf("%s: %d yields, want %d: %v", name, yields, 2+2*turns, err)
		}
		for _, most := range []int{1 + turns/2, 2 + turns + turns/2} {
			if yields, err := yieldsOf(body, most); !errors.Is(err, context.Canceled) || yields != most+1 {
				t.Errorf("%s: error %v after %d yields, want that of the yield after %d", name, err, yields, most)
			}
		}
	}
	long := "[" + strings.Repeat("0,", turns*yieldBytes/2) + "0]"
	for name, body := range map[string]string{"an item that is no object": long, "an unknown member": `{"x":` + long + `}`} {
		yields, err := yieldsOf([]byte("["+body+"]"), math.MaxInt)
		if _, invalid := errors.AsType[*InvalidError](err); !invalid || yields != 1+turns {
			t.Errorf("%s: %d yields, want %d: %v", name, yields, 1+turns, err)
		}
	}
}

// yieldsOf parses a batch and returns how often it yields. More often than most fails.
func yieldsOf(body []byte, most int) (yields int, err error) {
	_, err = ParseBatch(body, nil, func() error {
		if yields++; yields > most {
			return context.Canceled
		}
		return nil
	})
	return yields, err
}

func TestParseBatchRefusesTooManyItems(t *testing.T) {
	t.Parallel()
	body := "[" + strings.Repeat(goodItem+",", MaxItems) + goodItem + "]"
	if _, err := ParseBatch([]byte(body), nil, nil); !errors.Is(err, TooManyItemsError{}) {
		t.Errorf("error is %v", err)
	}
}

func TestParseBatchRefusesOtherBodies(t *testing.T) {
	t.Parallel()
	for body, field := range map[string]string{
		"": "body", " ": "body", "null": "body", goodItem: "body", "5": "body", "[" + goodItem: "body", "[" + goodItem + "] x": "body",
		"[" + goodItem + "] []": "body", "[" + goodItem[:30]: "0.anr", "[" + goodItem + `,{"anr":]`: "1", "[/**/]": "0",
	} {
		_, err := ParseBatch([]byte(body), nil, nil)
		invalid, ok := errors.AsType[*InvalidError](err)
		if !ok || invalid.Fields[field] == "" {
			t.Errorf("%.60s: error is %v, want one about %s", body, err, field)
		}
	}
}
