//go:build unix

package localpg

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// archive returns what the repository offers: a zip file with, inside, the
// programs as bin/postgres, bin/initdb and bin/pg_ctl.
func archive(t *testing.T) []byte {
	t.Helper()
	inner, err := os.ReadFile("testdata/binaries.txz")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	outer := zip.NewWriter(&out)
	file, err := outer.Create("postgres.txz")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(inner); err != nil {
		t.Fatal(err)
	}
	if err := outer.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// repository answers downloads; the request for the checksum of one fails,
// which the library forgives.
func repository(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// bare returns a server that has its folder and its account, but no process.
func bare(t *testing.T, o Options) *Server {
	t.Helper()
	s := &Server{opts: o, place: layout{dir: o.Dir}, acct: currentAccount(t), log: o.logger()}
	if err := s.prepareHome(); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFetch(t *testing.T) {
	t.Parallel()
	jar := archive(t)
	o := fast(folder(t))
	o.Fetch, o.search = true, []string{}
	o.fetchURL = repository(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, ".jar") || !strings.Contains(r.URL.Path, "/16.") {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(jar)
	})
	want := binaries{dir: filepath.Join(o.Dir, "postgres-16", "bin"), version: "16.9", major: 16}
	for _, round := range []string{"fetched", "found again"} {
		got, err := bare(t, o).selectBinaries(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(binaries{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", round, diff)
		}
		o.Fetch = false
	}
}

func TestFetchFails(t *testing.T) {
	t.Parallel()
	o := fast(folder(t))
	o.Fetch, o.search = true, []string{}
	o.fetchURL = repository(t, http.NotFound)
	_, err := Start(t.Context(), o)
	if !errors.Is(err, ErrNoBinaries) || err.Error() != ErrNoBinaries.Error() {
		t.Fatalf("error %v, want exactly ErrNoBinaries", err)
	}
	eventually(t, "the removal of the work folder", func() bool {
		left, err := filepath.Glob(filepath.Join(o.Dir, "fetch-*"))
		return err == nil && len(left) == 0
	})
}

func TestFetchIsBounded(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	o := fast(folder(t))
	o.fetchURL = repository(t, func(http.ResponseWriter, *http.Request) { <-release })
	t.Cleanup(func() { close(release) }) // before the repository closes, which waits for its answers
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := bare(t, o).fetch(ctx, 15)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v, want the end of the context", err)
	}
	wantText(t, err, "fetch PostgreSQL 15.")
}

func TestFetchOfUnknownVersion(t *testing.T) {
	t.Parallel()
	_, err := bare(t, fast(folder(t))).fetch(t.Context(), 99)
	wantText(t, err, "no binaries of PostgreSQL 99")
}
