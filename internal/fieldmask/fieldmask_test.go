// SPDX-License-Identifier: AGPL-3.0-or-later

package fieldmask_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/fieldmask"
	"github.com/monarc-project/stats-service/internal/payloads"
)

func TestMaskSelectsMembers(t *testing.T) {
	t.Parallel()
	const stat = `{"uuid":"u1","type":"threat","data":[{"uuid":"t1","label1":"Vol","count":3},{"uuid":"t2","count":1.50}]}`
	tests := []struct {
		name, mask, src, want string
	}{
		{"empty mask keeps the bytes", "", ` {"a" : 1} `, ` {"a" : 1} `},
		{"blank mask keeps the bytes", " \t ", `{"a":1}`, `{"a":1}`},
		{"named members", "{uuid,type}", stat, `{"uuid":"u1","type":"threat"}`},
		{"without braces", "uuid,type", stat, `{"uuid":"u1","type":"threat"}`},
		{"white space", " { uuid ,\n\ttype } ", stat, `{"uuid":"u1","type":"threat"}`},
		{"original order", "type,uuid", stat, `{"uuid":"u1","type":"threat"}`},
		{"nested through an array", "data{count}", stat, `{"data":[{"count":3},{"count":1.50}]}`},
		{"nested in braces", "{type,data{uuid,label1}}", stat, `{"type":"threat","data":[{"uuid":"t1","label1":"Vol"},{"uuid":"t2"}]}`},
		{"wildcard keeps all", "*", stat, stat},
		{"wildcard beside a nested mask", "{data{uuid},*}", stat, `{"uuid":"u1","type":"threat","data":[{"uuid":"t1"},{"uuid":"t2"}]}`},
		{"wildcard first", "{*,data{uuid}}", stat, `{"uuid":"u1","type":"threat","data":[{"uuid":"t1"},{"uuid":"t2"}]}`},
		{"mask after a wildcard", "*{x}", `{"a":{"x":1,"y":2},"b":{"y":3}}`, `{"a":{"x":1},"b":{}}`},
		{"absent member", "{nothing,type}", stat, `{"type":"threat"}`},
		{"nothing left", "nothing", stat, `{}`},
		{"array at the top", "a", `[{"a":1,"b":2},{"b":2},{"a":null}]`, `[{"a":1},{},{"a":null}]`},
		{"array of arrays", "a", `[[{"a":1,"b":2}],[]]`, `[[{"a":1}],[]]`},
		{"null under a nested mask", "a{b}", `{"a":null}`, `{"a":null}`},
		{"scalars under a nested mask", "a{b}", `{"a":[1,"x",true,null,{"b":1,"c":2}]}`, `{"a":[1,"x",true,null,{"b":1}]}`},
		{"scalar at the top", "a", ` 12 `, `12`},
		{"kept values are verbatim", "a", `{"b":0,"a": { "x" : 1.0e2, "y":"\u00e9" } }`, `{"a":{ "x" : 1.0e2, "y":"\u00e9" }}`},
		{"escaped name", "ab", `{"a\u0062":1,"c":2}`, `{"a\u0062":1}`},
		{"names of all kinds", "a-b,c:d,e_9,*f", `{"a-b":1,"c:d":2,"e_9":3,"*f":4,"g":5}`, `{"a-b":1,"c:d":2,"e_9":3,"*f":4}`},
		{"last of a name given twice", "a{b},a", `{"a":{"b":1,"c":2}}`, `{"a":{"b":1,"c":2}}`},
		{"duplicate names in the source", "a", `{"a":1,"b":2,"a":3}`, `{"a":1,"a":3}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			mask, err := fieldmask.Parse(tt.mask)
			if err != nil {
				t.Fatalf("Parse(%q): %v", tt.mask, err)
			}
			src := []byte(tt.src)
			got, err := mask.Apply([]byte("before "), src)
			if err != nil {
				t.Fatalf("Apply: %v", err)
			}
			if diff := cmp.Diff("before "+tt.want, string(got)); diff != "" {
				t.Errorf("masked JSON (-want +got):\n%s", diff)
			}
			if string(src) != tt.src {
				t.Errorf("the source was changed to %s", src)
			}
		})
	}
}

func TestApplyToInvalidJSON(t *testing.T) {
	t.Parallel()
	mask, err := fieldmask.Parse("a{b}")
	if err != nil {
		t.Fatal(err)
	}
	for _, src := range []string{``, ` `, `{`, `{"a"`, `{"a":}`, `{"a":[}`, `[1,`, `{1:2}`, `{} {}`, `{}]`, `{"a":{"b":nul}}`, "{\"\xff\":1}"} {
		t.Run(src, func(t *testing.T) {
			t.Parallel()
			got, err := mask.Apply([]byte("before"), []byte(src))
			if err == nil {
				t.Errorf("Apply accepted %q", src)
			}
			if string(got) != "before" {
				t.Errorf("Apply returned %q, want dst as it was given", got)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	const names = "; names consist of letters, digits and _ : - *"
	tests := []struct {
		header string
		offset int
		reason string
	}{
		{"{", 1, "expected a field name, found the end"},
		{"{}", 1, "expected a field name, found '}'"},
		{"}", 0, "expected a field name, found '}'"},
		{"{{a}}", 1, "expected a field name, found '{'"},
		{",a", 0, "expected a field name, found ','"},
		{"a,,b", 2, "expected a field name, found ','"},
		{"a,", 2, "expected a field name, found the end"},
		{"{a,}", 3, "expected a field name, found '}'"},
		{"a{}", 2, "expected a field name, found '}'"},
		{"a b", 2, "expected a comma, found 'b'"},
		{"a{b}c", 4, "expected a comma, found 'c'"},
		{"a{b}{c}", 4, "expected a comma, found '{'"},
		{"{a", 2, "a closing brace is missing"},
		{"a{b", 3, "a closing brace is missing"},
		{"{a{b}", 5, "a closing brace is missing"},
		{"a}", 1, "a closing brace without an opening one"},
		{"{a}}", 3, "unexpected '}' after the end of the mask"},
		{"{a},b", 3, "unexpected ',' after the end of the mask"},
		{"a;b", 1, "unexpected ';'" + names},
		{"a,[b]", 2, "unexpected '['" + names},
		{"é", 0, "unexpected 'é'" + names},
		{"a\x00", 1, `unexpected '\x00'` + names},
		{strings.Repeat("a{", 32) + "b" + strings.Repeat("}", 32), 64, "nested deeper than 32 levels"},
		{strings.Repeat("a", 4097), 4096, "longer than 4096 characters"},
	}
	for _, tt := range tests {
		t.Run(tt.header[:min(len(tt.header), 20)], func(t *testing.T) {
			t.Parallel()
			mask, err := fieldmask.Parse(tt.header)
			var got *fieldmask.ParseError
			if !errors.As(err, &got) {
				t.Fatalf("Parse = %v, %v; want a *ParseError", mask, err)
			}
			want := &fieldmask.ParseError{Offset: tt.offset, Reason: tt.reason}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseErrorText(t *testing.T) {
	t.Parallel()
	_, err := fieldmask.Parse("{a,}")
	const want = "invalid field mask at character 4: expected a field name, found '}'; a mask looks like {uuid,data{label1,count}}"
	if err == nil || err.Error() != want {
		t.Errorf("error = %v\nwant    %s", err, want)
	}
}

func TestParseLimits(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]string{
		"deepest": strings.Repeat("a{", fieldmask.MaxDepth-1) + "b" + strings.Repeat("}", fieldmask.MaxDepth-1),
		"longest": strings.Repeat("a", fieldmask.MaxLength),
	} {
		if _, err := fieldmask.Parse(header); err != nil {
			t.Errorf("%s mask: %v", name, err)
		}
	}
}

func TestMaskOfAMember(t *testing.T) {
	t.Parallel()
	const row = `{"x":1,"y":2}`
	tests := []struct {
		mask, member string
		keep         bool
		want         string // row masked with the sub mask
	}{
		{"", "data", true, row},
		{"data", "data", true, row},
		{"data", "metadata", false, ""},
		{"data{x}", "data", true, `{"x":1}`},
		{"data{x},*", "metadata", true, row},
		{"data{x},*{y}", "metadata", true, `{"y":2}`},
		{"*", "data", true, row},
	}
	for _, tt := range tests {
		t.Run(tt.mask+" "+tt.member, func(t *testing.T) {
			t.Parallel()
			mask, err := fieldmask.Parse(tt.mask)
			if err != nil {
				t.Fatal(err)
			}
			sub, keep := mask.Sub(tt.member)
			if keep != tt.keep {
				t.Fatalf("keep = %v, want %v", keep, tt.keep)
			}
			if !keep {
				return
			}
			got, err := sub.Apply(nil, []byte(row))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("row (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzMask(f *testing.F) {
	f.Add("{a,b{c,d},*}", `{"a":1,"b":[{"c":2,"e":3}],"f":null}`)
	f.Add("a{b{c}}", `[{"a":{"b":"x"}}, {"a" : [ 1 , 2 ]}]`)
	f.Add("*{a}", `{"\u0061":{"a":1,"a":2}}`)
	f.Add("{a,", `{`)
	for _, body := range payloads.All(f) {
		f.Add("{anr,data{uuid,risks{current}}}", string(body))
		f.Add("{data{*},type}", string(body))
	}
	f.Fuzz(func(t *testing.T, header, src string) {
		mask, err := fieldmask.Parse(header)
		if err != nil {
			var bad *fieldmask.ParseError
			if !errors.As(err, &bad) || bad.Offset < 0 || bad.Offset > len(header) {
				t.Fatalf("Parse(%q) = %#v, want a *ParseError within the header", header, err)
			}
			return
		}
		once, err := mask.Apply(nil, []byte(src))
		if err != nil || mask == nil {
			return
		}
		if !jsontext.Value(once).IsValid(jsontext.AllowDuplicateNames(true)) {
			t.Fatalf("mask %q of %q is not JSON: %q", header, src, once)
		}
		twice, err := mask.Apply(nil, once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("mask %q applied again to %q = %q, %v", header, once, twice, err)
		}
	})
}

func BenchmarkApply(b *testing.B) {
	row := `{"uuid":"d1a0c1a2-0000-4000-8000-000000000000","label1":"Vol de supports ou de documents","label2":"Theft of media or documents","count":12,"maxRisk":48,"averageRate":"17.25"}`
	src := []byte(`{"type":"threat","data":[` + strings.Repeat(row+",", 299) + row + `]}`)
	for _, header := range []string{"{type}", "{type,data}", "{data{uuid,count}}", "{data{label3},*}"} {
		b.Run(header, func(b *testing.B) {
			mask, err := fieldmask.Parse(header)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			var dst []byte
			for b.Loop() {
				if dst, err = mask.Apply(dst[:0], src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
