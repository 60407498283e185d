// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// stub answers every request in the same way. The name of the file says what
// its answers are.
func stub(ts *testscript.TestScript, args []string) {
	status, err := strconv.Atoi(args[1])
	ts.Check(err)
	body := ts.ReadFile(args[2])
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mime.TypeByExtension(filepath.Ext(args[2])))
		if status/100 == 3 {
			w.Header().Set("Location", "https://login.example.org/")
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.URL)
}

// silences are, by the URL of a server that never answers, closed when it was
// asked something.
var silences sync.Map

func silent(ts *testscript.TestScript, args []string) {
	heard, once := make(chan struct{}), sync.Once{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then it is noticed that the caller has gone
		once.Do(func() { close(heard) })
		if len(args) == 1 {
			<-r.Context().Done()
			return
		}
		answerWith(w, r, ts.MkAbs(args[1]))
	}))
	ts.Defer(server.Close)
	silences.Store(server.URL, heard)
	ts.Setenv(args[0], server.URL)
}

// answerWith waits for the file.
func answerWith(w http.ResponseWriter, r *http.Request, path string) {
	for r.Context().Err() == nil {
		if body, err := os.ReadFile(path); err == nil && len(body) > 0 {
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write(body)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func asked(ts *testscript.TestScript, args []string) {
	heard, ok := silences.Load(args[0])
	if !ok {
		ts.Fatalf("no silent server has the URL %s", args[0])
	}
	eventually(ts, "nobody asked "+args[0], func() bool {
		select {
		case <-heard.(chan struct{}):
			return true
		default:
			return false
		}
	})
}
