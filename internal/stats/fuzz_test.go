// SPDX-License-Identifier: AGPL-3.0-or-later

package stats

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/payloads"
)

func FuzzDocument(f *testing.F) {
	for i := range Types() {
		for _, data := range []string{
			`[]`, `{}`, `{"risks":[]}`, `null`, `[1`, "",
			"[" + object(fireID, `,"label1":"\u0000","x":[1e400]`) + "]",
			"[" + object(fireID, "") + "," + object(floodID, `,"label2":"x"`) + "]",
			`{"total":{"current":{"operational":"0"}},"risks":{"current":{"informational":[{"level":"Low risks","value":"66"}]}}}`,
			`{"scales":[],"risks":{"current":{"informational":[null,[5,null,6],{"4":7}]},"residual":[]}}`,
			`[{"referential":"` + fireID + `","label2":"ISO","current":[{"label2":"A","value":"0.42","controls":[{"value":""}]},{"label2":"A","value":1}]}]`,
		} {
			f.Add(i, []byte(data))
		}
		for _, item := range payloads.Items(f) {
			f.Add(i, []byte(item.Data))
		}
	}
	f.Fuzz(func(t *testing.T, i int, data []byte) {
		types := Types()
		of := types[uint(i)%uint(len(types))]
		before := bytes.Clone(data)
		document, err := ReadDocument(of, data)
		if !bytes.Equal(before, data) {
			t.Fatal("the input has changed")
		}
		if err != nil {
			checkExplained(t, err)
			return
		}
		checkConsistent(t, of, document.Observations)
		if document.Digest != DigestOf(of, data) {
			t.Error("ReadDocument and DigestOf differ")
		}
	})
}

// checkExplained checks that err is about a place in the data.
func checkExplained(t *testing.T, err error) {
	t.Helper()
	var invalid *InvalidError
	if !errors.As(err, &invalid) || len(invalid.Fields) != 1 {
		t.Fatalf("error is %v (%T), want an *InvalidError about one field", err, err)
	}
	for field, reason := range invalid.Fields {
		if !strings.HasPrefix(field, "data") || reason == "" || !utf8.ValidString(field) || len(field) > maxPath+len("…") {
			t.Errorf("field %q, reason %q", field, reason)
		}
	}
}

// checkConsistent checks what storing and processing rely on.
func checkConsistent(t *testing.T, of Type, observations []Observation) {
	t.Helper()
	seen := make(map[Key]bool)
	for _, o := range observations {
		if seen[o.Key] {
			t.Errorf("%+v occurs twice", o.Key)
		}
		seen[o.Key] = true
		checkKey(t, of, o.Key)
		for _, value := range o.Values {
			if value.Abs().GreaterThan(largest) || value.Prec() > maxDecimals {
				t.Errorf("%+v has the value %s", o.Key, value)
			}
		}
		for _, text := range append(o.Labels[:], o.Key.Category) {
			if !utf8.ValidString(text) || strings.Contains(text, "\x00") {
				t.Errorf("%+v has the text %q", o.Key, text)
			}
		}
	}
	for key := range seen {
		if map1 := (Key{State: key.State, Kind: key.Kind}); of == Cartography && !seen[map1] {
			t.Errorf("the map of %+v is not counted", key)
		}
		if own := (Key{Object: key.Object}); of == Compliance && !seen[own] {
			t.Errorf("the referential of %+v is not counted", key)
		}
	}
}

// checkKey checks that key has the fields of its type and no others.
func checkKey(t *testing.T, of Type, key Key) {
	t.Helper()
	rest := key
	if of == Risk || of == Cartography {
		rest.State, rest.Kind, rest.Level = "", "", ""
		if (of == Risk) != (key.Level != "") {
			t.Errorf("%+v has the wrong level", key)
		}
		rest.Impact, rest.Likelihood = "", ""
		if of == Risk && key.Impact+key.Likelihood != "" || (key.Impact == "") != (key.Likelihood == "") {
			t.Errorf("%+v is no cell", key)
		}
	} else {
		id, err := uuid.Parse(key.Object)
		if err != nil || id.String() != key.Object {
			t.Errorf("%+v is about no object", key)
		}
		rest.Object = ""
		if of == Compliance {
			rest.State, rest.Category = "", ""
		}
	}
	if diff := cmp.Diff(Key{}, rest); diff != "" {
		t.Errorf("%s has other fields (-want +got):\n%s", of, diff)
	}
}

// FuzzDigest checks that a document has the digest of its canonical form, which is its
// own canonical form.
func FuzzDigest(f *testing.F) {
	for _, data := range []string{
		`{"b":[1.0,10,-0,2.82e1],"a":"\u0041\"1.0"}`, `[1e400,10e999999999]`, `"\\"`, `1`, `{"":{"":[]}}`, `[`,
		` { "b" : [ 1.50 , -0 , 1e2 , { } ] , "a" : "\u00e9\/\"\\\b\f\n\r\t\u001f\u007f\u2028é" , "a0" : null } `,
		`{"a":1,"a":2}`, `["\ud83d\ude00","\ud800"]`, `{"é":1,"\u0061":2}`, `[1,]`, "\"\xff\"", `1 2`, ``,
	} {
		f.Add([]byte(data))
	}
	for _, item := range payloads.Items(f) {
		f.Add([]byte(item.Data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		once, err := canonicalForm(data)
		if !bytes.Equal(before, data) {
			t.Fatal("the input has changed")
		}
		if err != nil {
			return
		}
		twice, err := canonicalForm(once)
		if err != nil {
			t.Fatalf("%s has no canonical form: %v", once, err)
		}
		if diff := cmp.Diff(string(once), string(twice)); diff != "" {
			t.Errorf("the canonical form of a canonical form differs (-once +twice):\n%s", diff)
		}
		if DigestOf(Threat, data) != DigestOf(Threat, once) {
			t.Errorf("%s and its canonical form %s have different digests", data, once)
		}
		if !sameJSON(t, data, once) {
			t.Errorf("%s is not the same as %s", once, data)
		}
	})
}

// sameJSON reports whether encoding/json takes both for the same value.
func sameJSON(t *testing.T, a, b []byte) bool {
	var values [2]any
	for i, data := range [][]byte{a, b} {
		decoder := json.NewDecoder(bytes.NewReader(data))
		if err := decoder.Decode(&values[i]); err != nil {
			if strings.Contains(err.Error(), "cannot unmarshal number") { // beyond float64
				return true
			}
			t.Fatalf("%s: %v", data, err)
		}
	}
	return cmp.Equal(values[0], values[1])
}

// FuzzParseBatch checks that ParseBatch explains every error and keeps accepted data.
func FuzzParseBatch(f *testing.F) {
	item := `{"anr":"` + fireID + `","type":"threat","date":"2026-03-01","data":[` + object(floodID, "") + `]}`
	for _, body := range []string{
		"", "[]", "null", "[" + item + "]", "[" + item + "," + item + "] x", "[{}]", "[null,[],1]", "[" + item[:40],
		strings.Replace("["+item+"]", `"type"`, `"uuid":"`+fireID+`","type"`, 1), strings.Replace("["+item+"]", `"type"`, `"x":[{}],"type":1,"type"`, 1),
	} {
		f.Add([]byte(body))
	}
	for _, body := range payloads.All(f) {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		batch, err := ParseBatch(body, nil, nil)
		if !bytes.Equal(before, body) {
			t.Fatal("the input has changed")
		}
		if err != nil {
			invalid, ok := errors.AsType[*InvalidError](err)
			if !ok && !errors.Is(err, TooManyItemsError{}) || ok && (invalid.Message == "" || len(invalid.Fields) == 0 || len(invalid.Fields) > maxErrors) {
				t.Fatalf("error is %v (%T)", err, err)
			}
			return
		}
		for i := range batch.Items {
			item := &batch.Items[i]
			if !bytes.Contains(body, item.Data) || !json.Valid(item.Data) {
				t.Errorf("item %d has the data %s", i, item.Data)
			}
			if item.Fingerprint != FingerprintOf(item.Type, item.Data) || item.Digest != DigestOf(item.Type, item.Data) {
				t.Errorf("item %d has another fingerprint or digest than its data", i)
			}
			checkConsistent(t, item.Type, item.Observations)
		}
	})
}
