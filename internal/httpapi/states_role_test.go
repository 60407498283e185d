// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !citus

package httpapi_test

// These tests change roles and settings of a server of the tests' own, which nodes of a
// cluster do not share.

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/internal/pgtest"
)

// roleDatabase is a database with a role of its own, which has the rights of the owner.
type roleDatabase struct {
	t     testing.TB
	admin *pgx.Conn // of a superuser, to the maintenance database
	url   string    // of the role
	role  string
	owner string
	name  string
}

func newRoleDatabase(t testing.TB) *roleDatabase {
	t.Helper()
	address, err := url.Parse(pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	d := &roleDatabase{t: t, owner: address.User.Username(), name: strings.TrimPrefix(address.Path, "/")}
	d.role = "role_of_" + d.name
	address.User = url.UserPassword(d.role, "right")
	d.url = address.String()
	d.admin = d.superuser("postgres")
	d.exec("CREATE ROLE {role} LOGIN PASSWORD 'right' IN ROLE {owner}")
	t.Cleanup(func() { d.disconnect(); d.exec("DROP ROLE {role}") })
	return d
}

// superuser connects to a database as the superuser.
func (d *roleDatabase) superuser(database string) *pgx.Conn {
	d.t.Helper()
	address, err := url.Parse(d.url)
	if err != nil {
		d.t.Fatal(err)
	}
	address.User, address.Path = url.User("postgres"), "/"+database
	conn, err := pgx.Connect(d.t.Context(), address.String())
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// exec runs statements as the superuser. {role}, {owner} and {database} stand for names.
func (d *roleDatabase) exec(statements ...string) { d.t.Helper(); d.execOn(d.admin, statements...) }

func (d *roleDatabase) execOn(conn *pgx.Conn, statements ...string) {
	d.t.Helper()
	names := strings.NewReplacer("{role}", d.role, "{owner}", d.owner, "{database}", d.name)
	for _, statement := range statements {
		if _, err := conn.Exec(context.Background(), names.Replace(statement)); err != nil {
			d.t.Fatal(err)
		}
	}
}

// disconnect ends the sessions of the role, and returns when they have ended.
func (d *roleDatabase) disconnect() {
	d.t.Helper()
	d.exec("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = '{role}'")
}

// askForPassword has the server compare the password of the role, and returns when it
// does.
func (d *roleDatabase) askForPassword() {
	d.t.Helper()
	var path string
	if err := d.admin.QueryRow(d.t.Context(), "SHOW hba_file").Scan(&path); err != nil {
		d.t.Fatal(err)
	}
	rules, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	rules = append([]byte("local all "+d.role+" scram-sha-256\n"), rules...)
	if err := os.WriteFile(path, rules, 0o600); err != nil {
		d.t.Fatal(err)
	}
	d.exec("SELECT pg_reload_conf()")
	wrong := strings.Replace(d.url, "right", "wrong", 1)
	until(d.t, "the server asks for the password", func() bool {
		conn, err := pgx.Connect(d.t.Context(), wrong)
		if err == nil {
			_ = conn.Close(d.t.Context())
		}
		return err != nil
	})
}

// TestDatabaseStates asks every operation in every state of the database in which it
// cannot be used: the answer is 503, the log has the cause, and afterwards all is well.
func TestDatabaseStates(t *testing.T) {
	t.Parallel()
	const moved = "ALTER DATABASE {database}_moved RENAME TO {database}"
	for name, state := range map[string]struct {
		prepare func(*roleDatabase)
		breaks  []string // statements
		repairs []string
		inside  bool   // the statements belong into the database
		cause   string // in the log
	}{
		"wrong password": {
			prepare: (*roleDatabase).askForPassword,
			breaks:  []string{"ALTER ROLE {role} PASSWORD 'another'"},
			repairs: []string{"ALTER ROLE {role} PASSWORD 'right'"},
			cause:   "28P01",
		},
		"role may not log in": {
			breaks: []string{"ALTER ROLE {role} NOLOGIN"}, repairs: []string{"ALTER ROLE {role} LOGIN"}, cause: "28000",
		},
		"no permission": {
			breaks: []string{"REVOKE {owner} FROM {role}"}, repairs: []string{"GRANT {owner} TO {role}"}, cause: "42501",
		},
		"no tables": {
			inside: true,
			breaks: []string{"ALTER SCHEMA public RENAME TO elsewhere"}, repairs: []string{"ALTER SCHEMA elsewhere RENAME TO public"},
			cause: "db_init",
		},
		"too many connections": {
			breaks: []string{"ALTER ROLE {role} CONNECTION LIMIT 0"}, repairs: []string{"ALTER ROLE {role} CONNECTION LIMIT -1"}, cause: "53300",
		},
		"no connections allowed": {
			breaks:  []string{"ALTER DATABASE {database} ALLOW_CONNECTIONS false"},
			repairs: []string{"ALTER DATABASE {database} ALLOW_CONNECTIONS true"},
			cause:   "55000",
		},
		"statements time out": {
			inside:  true,
			breaks:  []string{"ALTER ROLE {role} SET statement_timeout = '50ms'", "BEGIN", "LOCK TABLE client, stats, document, rollup"},
			repairs: []string{"ROLLBACK", "ALTER ROLE {role} RESET statement_timeout"},
			cause:   "57014",
		},
		"no such database": {
			breaks: []string{
				"ALTER DATABASE {database} ALLOW_CONNECTIONS false",
				"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = '{database}'",
				"ALTER DATABASE {database} RENAME TO {database}_moved",
			},
			repairs: []string{moved, "ALTER DATABASE {database} ALLOW_CONNECTIONS true"},
			cause:   "does not exist",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newRoleDatabase(t)
			if state.prepare != nil {
				state.prepare(d)
			}
			s := setupOn(t, d.url)
			s.log.expectErrors()
			admin := s.admin("admin")
			admin.post(threat(1, 0, 1))
			conn := d.admin
			if state.inside {
				conn = d.superuser(d.name)
			}
			d.execOn(conn, state.breaks...)
			d.disconnect()
			until(t, "nothing older is kept", func() bool { return strings.Contains(s.log.String(), "was interrupted") })
			for operation, request := range operations {
				admin.call(request.method, request.path, request.body).wantUnavailable(operation)
			}
			if text := s.log.String(); !strings.Contains(text, state.cause) {
				t.Errorf("the log has no word of %s", state.cause)
			}
			d.execOn(conn, state.repairs...)
			until(t, "the database is used again", func() bool { return admin.call("GET", "/api/v1/client/me", nil).status == http.StatusOK })
			if got := admin.call("GET", "/api/v1/stats/", nil).list(http.StatusOK); len(got.Data) != 1 {
				t.Errorf("%d stats afterwards, want the one from before", len(got.Data))
			}
		})
	}
}

// TestReadOnlyDatabase reads from a database that takes no writes, which are answered
// 503, and writes to it again as soon as it takes them.
func TestReadOnlyDatabase(t *testing.T) {
	t.Parallel()
	d := newRoleDatabase(t)
	before := setupOn(t, d.url)
	admin := before.admin("admin")
	admin.post(threat(1, 0, 1))
	d.exec("ALTER ROLE {role} SET default_transaction_read_only = on")
	s := setupOn(t, d.url) // as after a failover: with connections that are read-only
	s.log.expectErrors()
	admin.service = s
	for operation, request := range operations {
		got := admin.call(request.method, request.path, request.body)
		if request.stores {
			got.wantUnavailable(operation)
		} else {
			got.want(http.StatusOK)
		}
	}
	if text := s.log.String(); !strings.Contains(text, "25006") {
		t.Errorf("the log does not have the cause")
	}
	d.exec("ALTER ROLE {role} RESET default_transaction_read_only")
	until(t, "something is stored again", func() bool {
		return admin.call("POST", "/api/v1/stats/", []item{threat(2, 0, 1)}).status == http.StatusCreated
	})
	admin.call("DELETE", "/api/v1/stats/"+id(1).String(), nil).want(http.StatusNoContent)
}
