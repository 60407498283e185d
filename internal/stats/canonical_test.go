package stats

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

func TestCanonical(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ data, want string }{
		"literals":                {` [ null , true,false ] `, `[null,true,false]`},
		"sorted members":          {`{"b":1,"a":{"d":2,"c":3}, "":4}`, `{"":4,"a":{"c":3,"d":2},"b":1}`},
		"lists have an order":     {`[3,1,2]`, `[3,1,2]`},
		"escapes":                 {`["\u0041\/\u00e9\u000a\"\\1.0\""]`, `["A/é\n\"\\1.0\""]`},
		"names escaped":           {`{"\u0061":1}`, `{"a":1}`},
		"numbers in strings stay": {`{"1.0":"1.0","e":"\\","f":10}`, `{"1.0":"1.0","e":"\\","f":1e1}`},
		"zeros":                   {`[0,-0,0.0,0e5,0E-5,-0.00e99999999999999]`, `[0,0,0,0,0,0]`},
		"ones":                    {`[1,1.0,1e0,1E+0,10e-1,0.1e1,0.001e3]`, `[1,1,1,1,1,1,1]`},
		"trailing zeros":          {`[10,1e1,100.0,1200,-50]`, `[1e1,1e1,1e2,12e2,-5e1]`},
		"fractions":               {`[2.82,2.820,0.5,-0.05,282e-2]`, `[282e-2,282e-2,5e-1,-5e-2,282e-2]`},
		"beyond float64": {
			`[9007199254740993,9007199254740992,0.1000000000000000000000000000000000000000001,1e400]`,
			`[9007199254740993,9007199254740992,1000000000000000000000000000000000000000001e-43,1e400]`,
		},
		"longer than any buffer": {`[` + strings.Repeat("12", 100) + `.5]`, `[` + strings.Repeat("12", 100) + `5e-1]`},
		"largest exponents":      {`[10e999999999,0.1e-999999999,1000e-1000000003]`, `[1e1000000000,1e-1000000000,1e-1000000000]`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Canonical([]byte(tt.data))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("canonical form differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCanonicalErrors(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		``:                            "unexpected EOF",
		`{"a":1,"a":2}`:               "duplicate object member name",
		`[1`:                          "unexpected EOF",
		`[1]2`:                        "after top-level value",
		"[\"\xff\"]":                  "invalid UTF-8",
		`[1e1000000001]`:              "the exponent of 1e1000000001 is too large",
		`[10e1000000000]`:             "the exponent of 10e1000000000 is too large",
		`[1e-9999999999999999999999]`: "the exponent of 1e-9999999999999999999999 is too large",
	} {
		got, err := Canonical([]byte(data))
		if err == nil {
			t.Errorf("%s becomes %s", data, got)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %q does not contain %q", data, err, want)
		}
	}
}

func TestCanonicalKeepsItsInput(t *testing.T) {
	t.Parallel()
	data := []byte(`{"b": 10, "a": "\u0041"}`)
	if _, err := Canonical(data); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`{"b": 10, "a": "\u0041"}`, string(data)); diff != "" {
		t.Errorf("input has changed (-want +got):\n%s", diff)
	}
}

func TestContentID(t *testing.T) {
	t.Parallel()
	client := uuid.MustParse("11111111-1111-4111-8111-111111111111")
	base := Stat{
		ANR:  uuid.MustParse("22222222-2222-4222-8222-222222222222"),
		Type: Threat,
		Date: time.Date(2024, 5, 31, 0, 0, 0, 0, time.UTC),
		Data: []byte(`[{"a":1.0,"b":"x"}]`),
	}
	id := func(client uuid.UUID, change func(*Stat)) uuid.UUID {
		s := base
		change(&s)
		got, err := ContentID(client, s)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	same := func(*Stat) {}
	want := id(client, same)
	if want.Version() != 8 || want.Variant() != uuid.RFC4122 {
		t.Errorf("%s has version %d and variant %s", want, want.Version(), want.Variant())
	}
	// Stored ids rely on this value, computed with another SHA-256: it must never change.
	if got := want.String(); got != "43ce1361-653c-8d18-95d1-24bcd9179c61" {
		t.Errorf("id is %s", got)
	}
	for name, change := range map[string]func(*Stat){
		"uuid":      func(s *Stat) { s.UUID = uuid.New() },
		"client id": func(s *Stat) { s.ClientID = 7 },
		"created":   func(s *Stat) { s.CreatedAt = time.Unix(0, 0) },
		"writing":   func(s *Stat) { s.Data = []byte(` [ {"b" : "\u0078", "a":1e0} ]`) },
	} {
		if got := id(client, change); got != want {
			t.Errorf("another %s makes another id: %s", name, got)
		}
	}
	for name, change := range map[string]func(*Stat){
		"analysis":  func(s *Stat) { s.ANR[15]++ },
		"type":      func(s *Stat) { s.Type = Vulnerability },
		"date":      func(s *Stat) { s.Date = s.Date.AddDate(0, 0, 1) },
		"value":     func(s *Stat) { s.Data = []byte(`[{"a":1.1,"b":"x"}]`) },
		"JSON type": func(s *Stat) { s.Data = []byte(`[{"a":"1","b":"x"}]`) },
	} {
		if got := id(client, change); got == want {
			t.Errorf("another %s has the same id", name)
		}
	}
	if got := id(uuid.New(), same); got == want {
		t.Error("another client has the same id")
	}
	if _, err := ContentID(client, Stat{Data: []byte("{")}); err == nil {
		t.Error("broken data has an id")
	}
}
