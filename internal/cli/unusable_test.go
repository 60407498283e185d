// SPDX-License-Identifier: AGPL-3.0-or-later

package cli_test

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/monarc-project/stats-service/internal/pgtest"
)

// newDatabase returns the address of a database with tables, and a function that runs
// a statement in it. What statements change holds for connections made later, which
// excludes those of a pooler.
func newDatabase(t *testing.T) (address string, run func(statement string)) {
	t.Helper()
	address = pgtest.WithoutPooler(pgtest.New(t))
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return address, func(statement string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// setReadOnly has a database refuse writes, as a standby does.
func setReadOnly(t *testing.T, address string, run func(statement string)) (repair func()) {
	t.Helper()
	config, err := pgx.ParseConfig(address)
	if err != nil {
		t.Fatal(err)
	}
	run("ALTER DATABASE " + config.Database + " SET default_transaction_read_only = on")
	return func() { run("ALTER DATABASE " + config.Database + " RESET default_transaction_read_only") }
}

// TestDatabaseUnusableAtStart starts the service on a database that can be reached and not be
// used: it answers 503, and is ready once the database is repaired.
func TestDatabaseUnusableAtStart(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*testing.T) (address string, repair func()){
		"silent": func(t *testing.T) (string, func()) {
			proxy := pgtest.NewProxy(t, pgtest.New(t))
			proxy.Stall()
			return proxy.URL + "&connect_timeout=1", proxy.Resume
		},
		"read-only, without the admin client": func(t *testing.T) (string, func()) {
			address, run := newDatabase(t)
			return address, setReadOnly(t, address, run)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, repair := prepare(t)
			s := newSupervisor(t, "ADMIN_TOKEN=admin-token", "DATABASE_URL="+address)
			service := s.start()
			s.awaitTold("EXTEND_TIMEOUT_USEC=")
			s.wantRefusals()
			repair()
			s.awaitTold("READY=1")
			if status, _, body := s.get("/readyz"); status != http.StatusOK || !strings.Contains(body, `"status":"ready"`) {
				t.Errorf("/readyz after the repair: %d %s", status, body)
			}
			if status, _, body := s.get("/stats/threats.json"); status != http.StatusOK {
				t.Errorf("/stats/threats.json after the repair: %d %s", status, body)
			}
			service.stop()
		})
	}
}

// wantRefusals requests the API and pages of a service without a usable database.
func (s *supervisor) wantRefusals() {
	s.t.Helper()
	if status, _, body := s.get("/healthz"); status != http.StatusOK {
		s.t.Errorf("/healthz: %d %s", status, body)
	}
	for _, path := range []string{"/readyz", "/api/v1/client/me", "/stats/threats.json", "/", "/about.json"} {
		status, header, body := s.get(path)
		if status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || !strings.Contains(body, `"message":"The database `) {
			s.t.Errorf("%s: %d %v %s", path, status, header, body)
		}
	}
}

// TestDatabaseReadOnlyAtStart starts the service on a standby of its database: it is ready,
// answers reads, and refuses posts until the database takes writes.
func TestDatabaseReadOnlyAtStart(t *testing.T) {
	t.Parallel()
	address, run := newDatabase(t)
	s := newSupervisor(t, "ADMIN_TOKEN=admin-token", "DATABASE_URL="+address)
	first := s.start() // creates the admin client
	s.awaitTold("READY=1")
	first.stop()
	setReadOnly(t, address, run)
	service := s.start()
	s.awaitTold("READY=1")
	s.awaitReadOnly()
	const stat = `[{"anr":"f3caa83b-28fb-49fd-b7ad-6e4cd1aaad07","type":"threat","date":"2026-03-01","data":[]}]`
	caller := &load{t: t, base: s.base}
	for _, request := range []struct {
		method, path, body string
		want               int
	}{
		{http.MethodGet, "/api/v1/client/me", "", http.StatusOK},
		{http.MethodPost, "/api/v1/stats/", stat, http.StatusServiceUnavailable},
	} {
		if _, err := caller.call(&http.Transport{DisableKeepAlives: true}, request.method, request.path, []byte(request.body), request.want); err != nil {
			t.Error(err)
		}
	}
	service.stop()
}

// awaitReadOnly waits until /readyz reports a read-only database: for a second it has the
// state that the start has found.
func (s *supervisor) awaitReadOnly() {
	s.t.Helper()
	for deadline := time.Now().Add(waitLimit); ; time.Sleep(10 * time.Millisecond) {
		status, _, body := s.get("/readyz")
		if status == http.StatusOK && strings.Contains(body, `"status":"degraded"`) && strings.Contains(body, `"database":"read-only"`) {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("/readyz: %d %s", status, body)
		}
	}
}

// TestDatabaseRefusesAtStart starts the service on databases that only an operator can
// repair: it exits with 1 and the cause, and never reports that it waits.
func TestDatabaseRefusesAtStart(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		prepare func(*testing.T) (address string)
		cause   string
	}{
		"wrong password":        {func(t *testing.T) string { return refusingServer(t, "28P01") }, "28P01"},
		"role may not log in":   {func(t *testing.T) string { return refusingServer(t, "28000") }, "28000"},
		"role may not connect":  {func(t *testing.T) string { return refusingServer(t, "42501") }, "42501"},
		"no rights on a table":  {altered("REVOKE ALL ON client FROM CURRENT_USER"), "42501"},
		"no tables":             {func(t *testing.T) string { return pgtest.WithoutPooler(pgtest.Empty(t)) }, "is not initialized"},
		"a table is missing":    {altered("ALTER TABLE client RENAME TO moved"), "lacks the service's tables"},
		"a column is missing":   {altered("ALTER TABLE client RENAME COLUMN token_digest TO moved"), "lacks the service's tables"},
		"schema of a newer one": {altered("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)"), "newer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSupervisor(t, "ADMIN_TOKEN=admin-token", "DATABASE_URL="+tt.prepare(t))
			service := s.start()
			defer time.AfterFunc(waitLimit, func() { _ = service.Process.Kill() }).Stop()
			_ = service.Wait()
			if code := service.ProcessState.ExitCode(); code != 1 || !strings.Contains(service.log.String(), tt.cause) {
				t.Errorf("exit code %d, want 1 and %q", code, tt.cause)
			}
		})
	}
}

// altered prepares a database with tables in which a statement was run.
func altered(statement string) func(*testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		address, run := newDatabase(t)
		run(statement)
		return address
	}
}

// refusingServer serves like a PostgreSQL that refuses every connection with an SQLSTATE.
// The server of the tests trusts all of its roles.
func refusingServer(t *testing.T, code string) (address string) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			refuseStartup(conn, code)
		}
	}()
	at := url.URL{Scheme: "postgres", User: url.UserPassword("statsservice", "wrong"), Host: listener.Addr().String(), Path: "/statsservice", RawQuery: "sslmode=disable"}
	return at.String()
}

func refuseStartup(conn net.Conn, code string) {
	defer conn.Close()
	backend := pgproto3.NewBackend(conn, conn)
	if _, err := backend.ReceiveStartupMessage(); err != nil {
		return
	}
	backend.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: code, Message: "refused"})
	_ = backend.Flush()
}
