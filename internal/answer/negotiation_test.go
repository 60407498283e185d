// SPDX-License-Identifier: AGPL-3.0-or-later

package answer_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/monarc-project/stats-service/internal/answer"
)

// negotiated returns the negotiation of a request with this header.
func negotiated(t *testing.T, header http.Header) answer.Negotiation {
	t.Helper()
	return answer.NegotiationOf(answer.WithNegotiation(t.Context(), header))
}

// decoded returns the body of an answer without its content coding.
func decoded(t *testing.T, coding string, body []byte) string {
	t.Helper()
	var r io.Reader = bytes.NewReader(body)
	var err error
	switch coding {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "zstd":
		r, err = zstd.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// long is JSON that is worth compressing.
var long = `"` + strings.Repeat("stats ", 1000) + `"`

// TestBestAcceptedCodingIsUsed prefers the coding with the highest quality value.
func TestBestAcceptedCodingIsUsed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		accept []string
		want   string
	}{
		{nil, ""},
		{[]string{""}, ""},
		{[]string{"gzip"}, "gzip"},
		{[]string{"x-gzip"}, "gzip"},
		{[]string{"GZIP"}, "gzip"},
		{[]string{"gzip, deflate, br"}, "gzip"},
		{[]string{"gzip, deflate, br, zstd"}, "zstd"},
		{[]string{"zstd;q=0.5, gzip;q=0.8"}, "gzip"},
		{[]string{"gzip;q=0.5 , zstd ; q=0.5"}, "zstd"},
		{[]string{"gzip", "zstd"}, "zstd"},
		{[]string{"*"}, "gzip"},
		{[]string{"gzip;q=0, *"}, ""},
		{[]string{"gzip;q=0"}, ""},
		{[]string{"gzip;q=0.000"}, ""},
		{[]string{"*;q=0"}, ""},
		{[]string{"identity, gzip;q=0.5"}, ""},
		{[]string{"identity;q=0.5, gzip;q=0.5"}, "gzip"},
		{[]string{"identity;q=0, gzip;q=0.1"}, "gzip"},
		{[]string{"br"}, ""},
		{[]string{"gzip;q=x"}, ""},
		{[]string{"gzip;q=NaN"}, ""},
		{[]string{"gzip;q=7"}, ""},
		{[]string{"gzip;level=9;q=0"}, ""},
		{[]string{"gzip;;q=0"}, ""},
		{[]string{"gzip;level=9"}, "gzip"},
		{[]string{",;,=;q"}, ""},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.accept), func(t *testing.T) {
			t.Parallel()
			header := http.Header{"Accept-Encoding": tt.accept}
			kept, single := newConnection(), newConnection()
			if err := answer.NewEncoded([]byte(long)).Write(kept, negotiated(t, header), answer.CachePublic); err != nil {
				t.Fatal(err)
			}
			list := answer.NewArrayWriter(single, http.StatusOK, nil, negotiated(t, header))
			if err := list.Add([]byte(long)); err != nil {
				t.Fatal(err)
			}
			if err := list.End(); err != nil {
				t.Fatal(err)
			}
			for want, w := range map[string]*connection{long: kept, "[" + long + "]": single} {
				got := w.Header().Get("Content-Encoding")
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Fatalf("coding (-want +got):\n%s", diff)
				}
				if decoded(t, got, w.Body.Bytes()) != want || !strings.Contains(w.Header().Get("Vary"), "Accept-Encoding") {
					t.Errorf("the answer has changed: %v", w.Header())
				}
			}
		})
	}
}

// TestSmallAnswersAreNotCompressed sends less than compressFrom.
func TestSmallAnswersAreNotCompressed(t *testing.T) {
	t.Parallel()
	both := negotiated(t, http.Header{"Accept-Encoding": {"gzip, zstd"}})
	w := newConnection()
	if err := (answer.JSON{Status: 200, Value: "small", Negotiation: both}).Write(w); err != nil {
		t.Fatal(err)
	}
	if err := answer.NewEncoded([]byte(`"small"`)).Write(w, both, answer.CachePublic); err != nil {
		t.Fatal(err)
	}
	if got := w.Body.String() + w.Header().Get("Content-Encoding"); got != `"small""small"` {
		t.Errorf("answers %s", got)
	}
}

// TestCompressedListIsSentInChunks checks that each chunk can be decompressed when it arrives.
func TestCompressedListIsSentInChunks(t *testing.T) {
	t.Parallel()
	for _, coding := range []string{"gzip", "zstd"} {
		w := newConnection()
		list := answer.NewArrayWriter(w, http.StatusOK, nil, negotiated(t, http.Header{"Accept-Encoding": {coding}}))
		item := []byte(`"` + strings.Repeat("x", 100<<10) + `"`)
		for range 2 {
			if err := list.Add(item); err != nil {
				t.Fatal(err)
			}
			if !w.Flushed {
				t.Errorf("%s: the first chunk was not sent", coding)
			}
		}
		if err := list.End(); err != nil {
			t.Fatal(err)
		}
		if got, want := decoded(t, coding, w.Body.Bytes()), "["+string(item)+","+string(item)+"]"; got != want {
			t.Errorf("%s: %d bytes arrived, want %d", coding, len(got), len(want))
		}
		if w.Body.Len() > len(item)/10 {
			t.Errorf("%s: %d bytes are not compressed", coding, w.Body.Len())
		}
	}
}

// TestApacheTags recognises the tags of answers that Apache compressed, because they were
// too small for the service to compress.
func TestApacheTags(t *testing.T) {
	t.Parallel()
	small := answer.NewEncoded([]byte(`{"version":"1"}`))
	w := newConnection()
	if err := small.Write(w, answer.Negotiation{}, answer.CachePrivate); err != nil {
		t.Fatal(err)
	}
	opaque := strings.Trim(w.Header().Get("ETag"), `"`)
	for _, tt := range []struct {
		tag, coding string
		want        int
	}{
		{`"` + opaque + `-gzip"`, "gzip, br", 304},
		{`W/"` + opaque + `-br"`, "gzip, br", 304},
		{`"` + opaque + `-gzip"`, "identity", 200},
		{`"` + opaque + `-other"`, "gzip, br", 200},
		{`"other-gzip"`, "gzip, br", 200},
	} {
		w := newConnection()
		header := http.Header{"Accept-Encoding": {tt.coding}, "If-None-Match": {tt.tag}}
		if err := small.Write(w, negotiated(t, header), answer.CachePrivate); err != nil {
			t.Fatal(err)
		}
		if w.Code != tt.want {
			t.Errorf("%s from a caller that accepts %s: status %d, want %d", tt.tag, tt.coding, w.Code, tt.want)
		}
	}
}

// TestIfNoneMatch compares tags with that of the answer in the negotiated coding.
func TestIfNoneMatch(t *testing.T) {
	t.Parallel()
	encoded := answer.NewEncoded([]byte(long))
	tags := map[string]string{}
	for _, coding := range []string{"identity", "gzip", "zstd"} {
		w := newConnection()
		if err := encoded.Write(w, negotiated(t, http.Header{"Accept-Encoding": {coding}}), answer.CachePrivate); err != nil {
			t.Fatal(err)
		}
		tags[coding] = w.Header().Get("ETag")
	}
	plain := tags["identity"]
	if plain == tags["gzip"] || plain == tags["zstd"] || tags["gzip"] == tags["zstd"] {
		t.Fatalf("the same tag for other bytes: %v", tags)
	}
	tests := []struct {
		name, coding string
		match        []string
		want         int
	}{
		{"nothing", "identity", nil, 200},
		{"the tag", "identity", []string{plain}, 304},
		{"a weak tag", "identity", []string{"W/" + plain}, 304},
		{"anything", "identity", []string{"*"}, 304},
		{"a list", "identity", []string{`"a", W/"b,c" ,` + plain}, 304},
		{"several headers", "identity", []string{`"a"`, plain}, 304},
		{"another", "identity", []string{`"a"`}, 200},
		{"no quotes", "identity", []string{strings.Trim(plain, `"`)}, 200},
		{"not closed", "identity", []string{plain[:len(plain)-1]}, 200},
		{"tag of another coding", "gzip", []string{plain}, 200},
		{"tag of the coding", "gzip", []string{tags["gzip"]}, 304},
		{"empty", "identity", []string{""}, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newConnection()
			header := http.Header{"Accept-Encoding": {tt.coding}, "If-None-Match": tt.match}
			if err := encoded.Write(w, negotiated(t, header), answer.CachePrivate); err != nil {
				t.Fatal(err)
			}
			if w.Code != tt.want || (w.Code == 304) != (w.Body.Len() == 0) {
				t.Errorf("status %d with %d bytes, want %d", w.Code, w.Body.Len(), tt.want)
			}
			got := []string{w.Header().Get("ETag"), w.Header().Get("Cache-Control"), w.Header().Get("Vary")}
			if diff := cmp.Diff([]string{tags[tt.coding], "private, no-cache", "Accept-Encoding, X-Fields"}, got); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
		})
	}
}
