// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRequestAsBytes(t *testing.T) {
	t.Parallel()
	got := string(request{path: "/a?b=c", key: "k", body: `{"é":1}`, encoding: "gzip", etag: `"1"`}.raw())
	want := "GET /a?b=c HTTP/1.1\r\nHost: bench\r\nX-API-KEY: k\r\nAccept-Encoding: gzip\r\nIf-None-Match: \"1\"\r\n" +
		"Content-Type: application/json\r\nContent-Length: 8\r\n\r\n{\"é\":1}"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("GET / HTTP/1.1\r\nHost: bench\r\n\r\n", string(request{path: "/"}.raw())); diff != "" {
		t.Errorf("bare request (-want +got):\n%s", diff)
	}
}

// echo answers with the body and the headers of the request.
func echo(t *testing.T) *plain {
	t.Helper()
	p, err := servePlain(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("ETag", `"of `+r.Header.Get("X-API-KEY")+`"`)
		w.Header().Set("Content-Encoding", r.Header.Get("Accept-Encoding"))
		if r.URL.Path == "/gone" {
			w.WriteHeader(http.StatusGone)
		}
		_, _ = w.Write(body)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func TestAnswersAreRead(t *testing.T) {
	t.Parallel()
	c, err := dial(t.Context(), echo(t).url)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"", "one", strings.Repeat("long ", 50_000)} { // one connection for all
		var sink strings.Builder
		got, err := c.ask(request{path: "/", key: "me", encoding: "br", body: body}.raw(), &sink)
		if err != nil {
			t.Fatal(err)
		}
		if want := (received{status: 200, bytes: int64(len(body)), etag: `"of me"`, encoding: "br"}); got != want || sink.String() != body {
			t.Errorf("reply %+v with %d bytes, want %+v", got, sink.Len(), want)
		}
	}
}

func TestTimesAsksAsOftenAsItMay(t *testing.T) {
	t.Parallel()
	base := echo(t).url
	asked := 0
	ask := func(int) request { asked++; return request{path: "/", body: "body"} }
	got, err := times(t.Context(), base, 3, time.Hour, ask)
	if err != nil || got.n != 3 || asked != 3 || got.last.bytes != 4 || got.median <= 0 || got.slowest < got.median {
		t.Errorf("timing %+v after %d questions, error %v", got, asked, err)
	}
	if got, err = times(t.Context(), base, 3, 0, ask); err != nil || got.n != 1 {
		t.Errorf("%d answers in no time, error %v; want the one that there always is", got.n, err)
	}
	if _, err = times(t.Context(), base, 1, 0, func(int) request { return request{path: "/gone"} }); err == nil ||
		!strings.Contains(err.Error(), "GET /gone was answered with status 410") {
		t.Errorf("error %v, want one about the status", err)
	}
}

func TestRateCountsAnswers(t *testing.T) {
	t.Parallel()
	base := echo(t).url
	if got, err := rate(t.Context(), base, 2, time.Millisecond, request{path: "/"}, http.StatusOK); err != nil || got <= 0 {
		t.Errorf("rate %v, error %v", got, err)
	}
	if _, err := rate(t.Context(), base, 2, time.Millisecond, request{path: "/gone"}, http.StatusOK); err == nil ||
		!strings.Contains(err.Error(), "GET /gone: answered with status 410, not 200") {
		t.Errorf("error %v, want one about the status", err)
	}
}

func TestPlainHandlers(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		handler http.HandlerFunc
		want    received
	}{
		"fixed":     {fixed(1234), received{status: 200, bytes: 1234}},
		"streamed":  {streamed(100_000), received{status: 200, bytes: 100_000}},
		"unchanged": {unchanged, received{status: 304}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := servePlain(tt.handler)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			c, err := dial(t.Context(), p.url)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := c.ask(request{path: "/"}.raw(), io.Discard); err != nil || got != tt.want {
				t.Errorf("reply %+v, error %v; want %+v", got, err, tt.want)
			}
		})
	}
}

func TestMedianOfTimes(t *testing.T) {
	t.Parallel()
	for want, took := range map[time.Duration][]time.Duration{1: {1}, 2: {3, 2}, 3: {9, 1, 3}, 4: {4, 8, 1, 6}} {
		before := append([]time.Duration(nil), took...)
		if got := median(took); got != want {
			t.Errorf("median of %v is %d, want %d", took, got, want)
		}
		if diff := cmp.Diff(before, took); diff != "" {
			t.Errorf("median changed what it was given (-want +got):\n%s", diff)
		}
	}
}
