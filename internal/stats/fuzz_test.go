package stats

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

func FuzzObservations(f *testing.F) {
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
	}
	f.Fuzz(func(t *testing.T, i int, data []byte) {
		types := Types()
		of := types[uint(i)%uint(len(types))]
		before := bytes.Clone(data)
		observations, err := Observations(of, data)
		if !bytes.Equal(before, data) {
			t.Fatal("the input has changed")
		}
		slow, slowErr := readWith(newReader(data), folds[of])
		if (err == nil) != (slowErr == nil) || err == nil && !cmp.Equal(slow, observations) {
			t.Fatalf("read fast: %v, %v; otherwise: %v, %v", observations, err, slow, slowErr)
		}
		if err != nil {
			checkExplained(t, err)
			return
		}
		checkConsistent(t, of, observations)
		if _, err := Canonical(data); err != nil {
			t.Errorf("accepted data has no canonical form: %v", err)
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

func FuzzCanonical(f *testing.F) {
	for _, data := range []string{
		`{"b":[1.0,10,-0,2.82e1],"a":"\u0041\"1.0"}`, `[1e400,10e999999999]`, `"\\"`, `1`, `{"":{"":[]}}`, `[`,
	} {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		once, err := Canonical(data)
		if !bytes.Equal(before, data) {
			t.Fatal("the input has changed")
		}
		if err != nil {
			return
		}
		twice, err := Canonical(once)
		if err != nil {
			t.Fatalf("%s has no canonical form: %v", once, err)
		}
		if diff := cmp.Diff(string(once), string(twice)); diff != "" {
			t.Errorf("the canonical form of a canonical form differs (-once +twice):\n%s", diff)
		}
	})
}

// The fast way to the canonical form refuses or agrees with the one for any data.
func FuzzFastCanonical(f *testing.F) {
	for _, data := range []string{
		` { "b" : [ 1.50 , -0 , 1e2 , { } ] , "a" : "\u00e9\/\"\\\b\f\n\r\t\u001f\u007f\u2028é" , "a0" : null } `,
		`{"a":1,"a":2}`, `{"b":{"d":1,"c":[true,false]},"a":{"f":"","e":{}}}`, `["\ud83d\ude00","\ud800"]`,
		`{"é":1,"\u0061":2}`, `[1,]`, `[01]`, `{"a" 1}`, `{"a":1,}`, `nul`, `"\x"`, `"\u00e9\"\\\/\b\f\n\r\t\u001F"`, "\"\xff\"", `[1e99999999999]`, `[]]`, `1 2`, ``,
	} {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var fast canonicalizer
		if !fast.run(data) {
			return
		}
		if text := bytes.TrimSpace(data); text[0] == '"' {
			want, _ := jsontext.AppendUnquote(nil, text)
			if got := unquote(text); got != string(want) {
				t.Errorf("%s is %q, want %q", text, got, want)
			}
		}
		want, err := canonicalOfAny(data)
		if err != nil {
			t.Fatalf("%q is refused: %v", fast.out, err)
		}
		if diff := cmp.Diff(string(want), string(fast.out)); diff != "" {
			t.Errorf("canonical form (-want +got):\n%s", diff)
		}
	})
}

// What front offices send must not be too unusual for the fast ways.
func TestUsualDataIsReadFast(t *testing.T) {
	t.Parallel()
	for of, data := range analysis() {
		var c canonicalizer
		if !c.run(data) {
			t.Errorf("%s has no fast canonical form", of)
		}
		if _, err := readWith(newFastReader(data), folds[of]); err != nil {
			t.Errorf("%s is not read fast: %v", of, err)
		}
	}
}
