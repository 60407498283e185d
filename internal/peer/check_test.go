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

func TestTest(t *testing.T) {
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

func TestTestOfClocks(t *testing.T) {
	t.Parallel()
	for date, want := range map[string]peer.Report{
		"Fri, 31 May 2024 12:00:00 GMT": {ClockKnown: true, ClockRight: true},
		"Fri, 31 May 2024 12:00:59 GMT": {ClockKnown: true, ClockRight: true, ClockAhead: 59 * time.Second},
		"Fri, 31 May 2024 13:00:00 GMT": {ClockKnown: true, ClockAhead: time.Hour},
		"yesterday":                     {},
	} {
		want.Server = answering(t, http.StatusOK, `{"name":"a","role":"admin"}`, http.Header{"Date": {date}})
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

func TestTestFails(t *testing.T) {
	t.Parallel()
	far := newInstance(t)
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, tt := range map[string]struct{ server, want string }{
		"wrong token":   {far.url, "check the token"},
		"not a service": {answering(t, http.StatusNotFound, "nothing", nil), "is this the address of a stats service?"},
		"not JSON":      {answering(t, http.StatusOK, "<html>", nil), "its answer cannot be read"},
		"nobody":        {closed.URL, "cannot be reached"},
	} {
		report, err := peer.Test(t.Context(), remote(t, tt.server, "unknown"))
		if err == nil || !strings.Contains(err.Error(), tt.want) || report.Server != tt.server {
			t.Errorf("%s: %v, want %q; %+v", name, err, tt.want, report)
		}
	}
}
