// SPDX-License-Identifier: AGPL-3.0-or-later

package metrics

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"strings"
)

// Access decides who may read metrics.
type Access struct {
	Token string         // "": no token grants access
	From  []netip.Prefix // addresses that need no token
}

// Admin serves metrics and profiles on a separate listener, with access control. A Unix
// socket is protected by its file mode.
func (m *Metrics) Admin(access Access) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.Handler())
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !access.allowsToken(r) && !access.allowsAddress(r) {
			refuse(w)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// Beside serves metrics at /metrics, also below the prefix, to requests with the token,
// and passes all other requests to next. It ignores addresses: behind a proxy on the
// same machine all requests have the same one.
func (m *Metrics) Beside(next http.Handler, access Access, prefix string) http.Handler {
	if access.Token == "" {
		return next
	}
	metrics := m.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch isMetrics := strings.TrimPrefix(r.URL.Path, prefix) == "/metrics"; {
		case !isMetrics:
			next.ServeHTTP(w, r)
		case !access.allowsToken(r):
			refuse(w)
		default:
			metrics.ServeHTTP(w, r)
		}
	})
}

func refuse(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", "Bearer")
	http.Error(w, "Metrics need the token of METRICS_TOKEN (Authorization: Bearer …), or an address of METRICS_ALLOW.", http.StatusUnauthorized)
}

func (a Access) allowsToken(r *http.Request) bool {
	given, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	want, have := sha256.Sum256([]byte(a.Token)), sha256.Sum256([]byte(given)) // of one length
	return found && a.Token != "" && subtle.ConstantTimeCompare(want[:], have[:]) == 1
}

func (a Access) allowsAddress(r *http.Request) bool {
	address, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr == "" || r.RemoteAddr == "@" // a Unix socket
	}
	for _, prefix := range a.From {
		if prefix.Contains(address.Addr().Unmap()) {
			return true
		}
	}
	return false
}
