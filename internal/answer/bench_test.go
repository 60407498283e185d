// SPDX-License-Identifier: AGPL-3.0-or-later

package answer_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/klauspost/compress/gzhttp"

	"github.com/monarc-project/stats-service/internal/answer"
)

// BenchmarkCompression repeatedly sends one answer: in the compressed form that Encoded
// keeps, and compressed each time by gzhttp, see docs/adr/0015.
func BenchmarkCompression(b *testing.B) {
	var body bytes.Buffer
	for i := range 200 {
		fmt.Fprintf(&body, `{"object":"14c790a2-ed95-48f0-9827-74641%07x","count":%d,"maxRisk":%d,"averageRate":%d.%d},`, i*7919, i%17, i%5, i%4, i*31%97)
	}
	encoded := answer.NewEncoded(body.Bytes())
	wrap, err := gzhttp.NewWrapper(gzhttp.CompressionLevel(5))
	if err != nil {
		b.Fatal(err)
	}
	each := wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body.Bytes()) // writing to a recorder cannot fail
	}))
	kept := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := answer.NegotiationOf(answer.WithNegotiation(r.Context(), r.Header))
		if err := encoded.Write(w, n, answer.CachePublic); err != nil {
			b.Error(err)
		}
	})
	for _, coding := range []string{"gzip", "zstd"} {
		for name, handler := range map[string]http.Handler{"kept": kept, "gzhttp": each} {
			b.Run(coding+"/"+name, func(b *testing.B) {
				request := httptest.NewRequest(http.MethodGet, "/", nil)
				request.Header.Set("Accept-Encoding", coding)
				sent := 0
				for b.Loop() {
					w := httptest.NewRecorder()
					handler.ServeHTTP(w, request)
					sent = w.Body.Len()
				}
				b.ReportMetric(float64(sent), "bytes")
			})
		}
	}
}
