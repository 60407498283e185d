// SPDX-License-Identifier: AGPL-3.0-or-later

package upload_test

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/monarc-project/stats-service/internal/upload"
)

// TestConnectionIsReusedAfterBodies sends one request after another, whose bodies are
// read by the handler, after it, or not at all.
func TestConnectionIsReusedAfterBodies(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		opts upload.Options
		read int64
	}{
		"nothing":           {upload.Options{}, 0},
		"a part":            {upload.Options{MaxDrain: 10}, 10},
		"all":               {upload.Options{MinRate: 1}, 1 << 20},
		"all after it":      {upload.Options{MaxDrain: 1 << 20}, 0},
		"a part before too": {upload.Options{MaxDrain: 1 << 20, MinRate: 1}, 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var logged bytes.Buffer
			server := httptest.NewUnstartedServer(upload.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.CopyN(io.Discard, r.Body, tc.read)
				w.WriteHeader(http.StatusTeapot)
			}), tc.opts))
			server.Config.ErrorLog = log.New(&logged, "", 0)
			server.Start()
			for _, size := range []int{1000, 100_000, 500_000, 1000} {
				response, err := server.Client().Post(server.URL, "text/plain", strings.NewReader(strings.Repeat("a", size)))
				if err != nil {
					t.Fatalf("%d bytes: %v", size, err)
				}
				_, _ = io.Copy(io.Discard, response.Body)
				if response.Body.Close(); response.StatusCode != http.StatusTeapot {
					t.Errorf("%d bytes: status %d", size, response.StatusCode)
				}
			}
			server.Close()
			if logged.Len() > 0 {
				t.Errorf("the server logged: %.500s", logged.String())
			}
		})
	}
}
