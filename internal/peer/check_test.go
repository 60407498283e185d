// SPDX-License-Identifier: AGPL-3.0-or-later

package peer_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/monarc-project/stats-service/internal/buildinfo"
	"github.com/monarc-project/stats-service/internal/peer"
)

func TestCheckDescribesThePeer(t *testing.T) {
	t.Parallel()
	far := newInstance(t)
	as := newClient(t, far.store, "Municipality")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", "Fri, 31 May 2024 11:58:30 GMT")
		far.handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	report, err := peer.Test(t.Context(), remote(t, server.URL+"//api/v1", as.Token))
	if err != nil {
		t.Fatal(err)
	}
	sharing := true
	want := peer.Report{
		Server: server.URL, Version: buildinfo.String(), Client: "Municipality", Role: "user", Sharing: &sharing,
		ClockKnown: true, ClockAhead: -89 * time.Second,
	}
	if diff := cmp.Diff(want, report); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

func TestCheckComparesClocks(t *testing.T) {
	t.Parallel()
	for date, want := range map[string]peer.Report{
		"Fri, 31 May 2024 12:00:00 GMT": {ClockKnown: true, ClockRight: true},
		"Fri, 31 May 2024 12:00:59 GMT": {ClockKnown: true, ClockRight: true, ClockAhead: 59 * time.Second},
		"Fri, 31 May 2024 13:00:00 GMT": {ClockKnown: true, ClockAhead: time.Hour},
		"yesterday":                     {},
	} {
		want.Server = answering(t, http.StatusOK, `{"name":"a","role":"2","token":"token"}`, http.Header{"Date": {date}})
		want.Client, want.Role = "a", "admin"
		report, err := peer.Test(t.Context(), remote(t, want.Server, "token"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, report); diff != "" {
			t.Errorf("%s (-want +got):\n%s", date, diff)
		}
	}
}

const rightAddress = "is this the address of a stats service?"

func TestCheckExplainsFailures(t *testing.T) {
	t.Parallel()
	far := newInstance(t)
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, tt := range map[string]struct{ server, want string }{
		"wrong token":     {far.url, "check the token"},
		"elsewhere":       {answering(t, http.StatusNotFound, "nothing", nil), rightAddress},
		"a page":          {answering(t, http.StatusOK, "<!DOCTYPE html>\n<html>", nil), "answers 200 OK (but not with a JSON object): " + rightAddress},
		"nothing":         {answering(t, http.StatusOK, "", nil), rightAddress},
		"a list":          {answering(t, http.StatusOK, "[]", nil), rightAddress},
		"another service": {answering(t, http.StatusOK, `{"name":"bob","id":7}`, nil), "answers 200 OK (but does not say whose token this is): " + rightAddress},
		"a refusal of it": {answering(t, http.StatusMethodNotAllowed, "<html>", nil), "answers 405 Method Not Allowed: " + rightAddress},
		"a proxy":         {answering(t, http.StatusUnauthorized, "<html>", nil), "check the token, which must be that of an active client of the peer; " + rightAddress},
		"redirect":        {answering(t, http.StatusFound, "<html>", http.Header{"Location": {"https://login.example.org/"}}), "answers 302 Found (https://login.example.org/): " + rightAddress},
		"nobody":          {closed.URL, "cannot be reached"},
	} {
		report, err := peer.Test(t.Context(), remote(t, tt.server, "unknown"))
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") || report.Server != tt.server {
			t.Errorf("%s: %v, want %q; %+v", name, err, tt.want, report)
		}
	}
}
