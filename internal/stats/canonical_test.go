// SPDX-License-Identifier: AGPL-3.0-or-later

package stats

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

func TestCanonicalForm(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ data, want string }{
		"literals":                {` [ null , true,false ] `, `[null,true,false]`},
		"sorted members":          {`{"b":1,"a":{"d":2,"c":3}, "":4}`, `{"":4,"a":{"c":3,"d":2},"b":1}`},
		"lists have an order":     {`[3,1,2]`, `[3,1,2]`},
		"escapes":                 {`["\u0041\/\u00e9\u000a\"\\1.0\""]`, `["A/é\n\"\\1.0\""]`},
		"names escaped":           {`{"\u0061":1}`, `{"a":1}`},
		"numbers in strings stay": {`{"1.0":"1.0","e":"\\","f":10}`, `{"1.0":"1.0","e":"\\","f":1e1}`},
		"zeros":                   {`[0,-0,0.0,0e5,0E-5]`, `[0,0,0,0,0]`},
		"ones":                    {`[1,1.0,1e0,1E+0,10e-1,0.1e1,0.001e3]`, `[1,1,1,1,1,1,1]`},
		"trailing zeros":          {`[10,1e1,100.0,1200,-50]`, `[1e1,1e1,1e2,12e2,-5e1]`},
		"fractions":               {`[2.82,2.820,0.5,-0.05,282e-2]`, `[282e-2,282e-2,5e-1,-5e-2,282e-2]`},
		"beyond float64": {
			`[9007199254740993,9007199254740992,0.1000000000000000000000000000000000000000001,1e400]`,
			`[9007199254740993,9007199254740992,1000000000000000000000000000000000000000001e-43,1e400]`,
		},
		"longer than any buffer": {`[` + strings.Repeat("12", 100) + `.5]`, `[` + strings.Repeat("12", 100) + `5e-1]`},
		"largest exponents":      {`[10e400,0.1e-400,1000e-400]`, `[1e401,1e-401,1e-397]`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := canonicalForm([]byte(tt.data))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("canonical form differs (-want +got):\n%s", diff)
			}
		})
	}
}

// Data that cannot be parsed is identified by its bytes, so every row of an adopted
// database has a digest.
func TestUnreadableDataHasADigest(t *testing.T) {
	t.Parallel()
	seen := map[Digest]string{}
	for _, data := range []string{``, `{"a":1,"a":2}`, `[1`, `[1]2`, "[\"\xff\"]", `[1e1000000001]`, `["\u0000"]`, strings.Repeat("[", 101) + strings.Repeat("]", 101)} {
		if _, err := canonicalForm([]byte(data)); err == nil {
			t.Errorf("%s can be read", data)
		}
		digest := DigestOf(Threat, []byte(data))
		if other, twice := seen[digest]; twice {
			t.Errorf("%s and %s have the same digest", data, other)
		}
		if digest != DigestOf(Threat, []byte(data)) {
			t.Errorf("%s has two digests", data)
		}
		seen[digest] = data
	}
}

func TestReadDocumentKeepsItsInput(t *testing.T) {
	t.Parallel()
	data := []byte(`{"b": 10, "a": "\u0041"}`)
	DigestOf(Threat, data)
	if diff := cmp.Diff(`{"b": 10, "a": "\u0041"}`, string(data)); diff != "" {
		t.Errorf("input has changed (-want +got):\n%s", diff)
	}
}

func TestDigestIgnoresNotation(t *testing.T) {
	t.Parallel()
	const data = `[{"uuid":"` + fireID + `","count":1.0,"maxRisk":2,"averageRate":"x"}]`
	want := DigestOf(Threat, []byte(data))
	// Stored documents rely on this value, computed with another SHA-256: it must never change.
	if got := hex.EncodeToString(want[:]); got != "839b67f57b1a796d9ab2da35d292d21d" {
		t.Errorf("digest is %s", got)
	}
	if got := DigestOf(Threat, []byte(` [ {"count":1e0, "maxRisk":2 , "\u0075uid":"`+fireID+`","averageRate":"\u0078"} ]`)); got != want {
		t.Errorf("another notation has another digest: %x", got)
	}
	for name, other := range map[string]Digest{
		"type":      DigestOf(Vulnerability, []byte(data)),
		"value":     DigestOf(Threat, []byte(strings.Replace(data, "1.0", "1.1", 1))),
		"JSON type": DigestOf(Threat, []byte(strings.Replace(data, "1.0", `"1"`, 1))),
	} {
		if other == want {
			t.Errorf("another %s has the same digest", name)
		}
	}
}

func TestDerivedUUIDIsStableAndDistinct(t *testing.T) {
	t.Parallel()
	client := uuid.MustParse("11111111-1111-4111-8111-111111111111")
	anr := uuid.MustParse("22222222-2222-4222-8222-222222222222")
	date := time.Date(2024, 5, 31, 0, 0, 0, 0, time.UTC)
	want := DerivedUUID(client, anr, date, Digest{1})
	if want.Version() != 8 || want.Variant() != uuid.RFC4122 {
		t.Errorf("%s has version %d and variant %s", want, want.Version(), want.Variant())
	}
	// Stored stats rely on this value, computed with another SHA-256: it must never change.
	if got := want.String(); got != "d83080cd-cbcd-8c15-a0e2-c03feb5007a4" {
		t.Errorf("UUID is %s", got)
	}
	for name, other := range map[string]uuid.UUID{
		"client":   DerivedUUID(anr, anr, date, Digest{1}),
		"analysis": DerivedUUID(client, client, date, Digest{1}),
		"date":     DerivedUUID(client, anr, date.AddDate(0, 0, 1), Digest{1}),
		"digest":   DerivedUUID(client, anr, date, Digest{2}),
	} {
		if other == want {
			t.Errorf("another %s has the same UUID", name)
		}
	}
}
