// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !race

package httpapi_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/sample"
)

// benchRequest serves the same request again and again, without the network.
func benchRequest(b *testing.B, user caller, status int, request func() *http.Request) {
	b.Helper()
	var sent int64
	b.ReportAllocs()
	for b.Loop() {
		w := newDiscarding()
		if user.serve(w, request()); w.status != status {
			b.Fatalf("status %d", w.status)
		}
		sent = w.size
	}
	b.SetBytes(sent)
}

// year is a service with weekly stats of a year.
func year(b *testing.B) caller {
	b.Helper()
	user := setupCaching(b, pgtest.New(b)).user("user")
	generator := sample.New(sample.Options{Clients: 1, Analyses: 4, Days: 365, Step: 7, Until: today})
	for _, date := range generator.Dates() {
		user.call("POST", "/api/v1/stats/", generator.FrontOfficeBatch(0, date)).want(http.StatusCreated)
	}
	return user
}

func BenchmarkClientMe(b *testing.B) {
	user := setupCaching(b, pgtest.New(b)).user("user")
	request := user.request("GET", "/api/v1/client/me", nil)
	benchRequest(b, user, http.StatusOK, func() *http.Request { return request.Clone(context.Background()) })
}

func BenchmarkPublic(b *testing.B) {
	user := year(b)
	const path = "/stats/vulnerabilities.json"
	tag := user.call("GET", path, nil, header{"Accept-Encoding", "identity"}).want(http.StatusOK).header.Get("ETag")
	for name, headers := range map[string][]header{
		"warm":         nil,
		"warm/gzip":    {{"Accept-Encoding", "gzip"}},
		"warm/zstd":    {{"Accept-Encoding", "zstd"}},
		"not-modified": {{"If-None-Match", tag}},
	} {
		status := http.StatusOK
		if name == "not-modified" {
			status = http.StatusNotModified
		}
		b.Run(name, func(b *testing.B) {
			request := user.request("GET", path, nil, headers...)
			benchRequest(b, user, status, func() *http.Request { return request.Clone(context.Background()) })
		})
	}
	b.Run("cold", func(b *testing.B) {
		request := user.request("GET", path, nil)
		benchRequest(b, user, http.StatusOK, func() *http.Request {
			user.cache.Invalidate("vulnerability")
			return request.Clone(context.Background())
		})
	})
}

func BenchmarkProcessed(b *testing.B) {
	user := year(b)
	for name, drop := range map[string]bool{"warm": false, "cold": true} {
		b.Run(name, func(b *testing.B) {
			benchRequest(b, user, http.StatusOK, func() *http.Request {
				if drop {
					user.cache.Invalidate("vulnerability")
				}
				return user.request("GET", "/api/v1/stats/processed/", `{"processor":"vulnerability_average_on_date"}`)
			})
		})
	}
}

func BenchmarkList(b *testing.B) {
	user := setup(b).user("user")
	user.stock()
	for name, headers := range map[string][]header{
		"plain":  nil,
		"gzip":   {{"Accept-Encoding", "gzip"}},
		"zstd":   {{"Accept-Encoding", "zstd"}},
		"masked": {maskedBy("data{anr,data}")},
	} {
		b.Run(name, func(b *testing.B) {
			request := user.request("GET", "/api/v1/stats/", nil, headers...)
			benchRequest(b, user, http.StatusOK, func() *http.Request { return request.Clone(context.Background()) })
		})
	}
}

// BenchmarkDecode decodes a batch and refuses it for its last item, so that the
// database has no part in it.
func BenchmarkDecode(b *testing.B) {
	user := setup(b).user("user")
	batch := sample.New(sample.Options{Clients: 1, Analyses: 20, Days: 1, Until: today}).FrontOfficeBatch(0, today)
	batch = append(bytes.TrimSuffix(bytes.TrimSpace(batch), []byte("]")), `,{"anr":"x"}]`...)
	b.SetBytes(int64(len(batch)))
	b.ReportAllocs()
	for b.Loop() {
		request := httptest.NewRequest("POST", "/api/v1/stats/", io.NopCloser(bytes.NewReader(batch)))
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("X-API-KEY", user.token)
		w := newDiscarding()
		if user.serve(w, request); w.status != http.StatusBadRequest {
			b.Fatalf("status %d", w.status)
		}
	}
}
