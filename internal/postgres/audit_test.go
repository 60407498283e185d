// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/monarc-project/stats-service/internal/audit"
	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

// audited returns the audit log, a line for each entry.
func audited(t *testing.T, store *postgres.Store, since time.Time) (lines []string) {
	t.Helper()
	err := store.EachAuditEvent(t.Context(), since, func(e audit.Event) error {
		lines = append(lines, fmt.Sprintf("%s %s by %s from %s: %s -> %s", e.Action, e.Target, e.Actor.Name, e.Actor.Origin, e.Before, e.After))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// Every change of a client and every deletion has an entry with its actor.
func TestAuditLog(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store := open(t, url)
	alice := audit.WithActor(t.Context(), audit.Actor{Name: audit.Operator("alice"), Origin: "desk"})
	client, err := store.CreateClient(alice, stats.Client{Name: "NC3", UUID: id(1), Token: "a-token", Local: true, IsSharingEnabled: true, IsActive: true})
	if err != nil {
		t.Fatal(err)
	}
	_, taken := store.CreateClient(alice, stats.Client{Name: "NC3"})
	if taken == nil {
		t.Fatal("a name was taken twice")
	}
	insert(t, store, client, threat(t, 1, "2024-05-01", "1 1 2 0.5 one"), threat(t, 2, "2024-05-02", "1 1 2 0.5 one"),
		threat(t, 3, "2024-05-03", "1 1 2 0.5 one"), named(threat(t, 4, "2024-05-03", "1 1 2 0.5 one"), 4), named(threat(t, 4, "2024-05-03", "1 1 2 0.5 one"), 5))
	steps := []error{
		second(store.UpdateClient(alice, client.UUID, postgres.ClientChange{Name: ptr("NC4"), Processed: ptr(false), Active: ptr(true)})),
		second(store.UpdateClient(alice, client.UUID, postgres.ClientChange{Active: ptr(true)})), // changes nothing
		second(store.SetSharing(alice, client.UUID, false)),
		second(store.SetCoordinates(alice, client.UUID, ptr(49.5), ptr(6.0))),
		second(store.SetCoordinates(alice, client.UUID, nil, ptr(6.0))),
		second(store.RotateToken(alice, client.UUID, time.Hour)),
		second(store.DeleteStats(alice, client.Scope(), id(3), nil)),
		second(store.DeleteStats(alice, client.Scope(), id(3), nil)), // deletes nothing
		second(store.RemoveDuplicates(alice, postgres.DuplicateQuery{}, nil)),
		second(store.RemoveDuplicates(alice, postgres.DuplicateQuery{}, nil)),
		second(store.PurgeStats(alice, date("2024-05-02"), nil)),
		second(store.PurgeStats(alice, date("2024-05-02"), nil)),
		second(store.DeleteStats(t.Context(), client.Scope(), id(2), ptr(id(404)))),
		second(store.DeleteStatsOfClient(t.Context(), client.UUID, nil)),
		second(store.DeleteClient(t.Context(), client.UUID)),
		second(store.EnsureAdmin(t.Context(), "admin-token", "admin")),
	}
	if err := errors.Join(steps...); err != nil {
		t.Fatal(err)
	}
	const nc3 = "client 00000000-0000-4000-8000-000000000001"
	want := []string{
		`client.create ` + nc3 + ` by operator alice from desk:  -> {"name": "NC3", "role": 1, "local": true, "is_active": true, "is_processed": true, "is_sharing_enabled": true}`,
		`client.update ` + nc3 + ` by operator alice from desk: {"name": "NC3", "is_processed": true} -> {"name": "NC4", "is_processed": false}`,
		`client.update ` + nc3 + ` by operator alice from desk: {"is_sharing_enabled": true} -> {"is_sharing_enabled": false}`,
		`client.update ` + nc3 + ` by operator alice from desk: {} -> {"latitude": 49.5, "longitude": 6}`,
		`client.update ` + nc3 + ` by operator alice from desk: {"latitude": 49.5} -> {}`,
		`client.rotate ` + nc3 + ` by operator alice from desk:  -> {"previous_token_until": TIME}`,
		`stats.delete analysis 00000000-0000-4000-8000-000000000003 by operator alice from desk: {"stats": 1} -> `,
		`stats.delete stats by operator alice from desk: {"stats": 1} -> {"duplicates": true}`,
		`stats.purge stats by operator alice from desk: {"stats": 1} -> {"before": "2024-05-02"}`,
		`stats.delete ` + nc3 + ` by service from : {"stats": 2} -> `,
		`client.delete ` + nc3 + ` by service from : {"name": "NC4", "role": 1, "local": true, "stats": 0, "is_active": true, "longitude": 6, "is_processed": false, "is_sharing_enabled": false} -> `,
		`client.create ADMIN by service from :  -> {"name": "admin", "role": 2, "local": true, "is_active": true, "is_processed": true, "is_sharing_enabled": true}`,
	}
	got := audited(t, store, time.Time{})
	for i, line := range got {
		if before, rest, found := strings.Cut(line, `"previous_token_until": "`); found {
			_, rest, _ = strings.Cut(rest, `"`)
			got[i] = before + `"previous_token_until": TIME` + rest
		}
	}
	if last := len(got) - 1; last >= 0 {
		admin, err := store.ClientByToken(t.Context(), "admin-token")
		if err != nil {
			t.Fatal(err)
		}
		got[last] = strings.Replace(got[last], audit.Client(admin.UUID.String()), "ADMIN", 1)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("audit log (-want +got):\n%s", diff)
	}
	if n := count(t, url, `SELECT count(*) FROM audit_log WHERE audit_log::text ~ 'token"|a-token|admin-token'`); n != 0 {
		t.Errorf("%d entries hold a token", n)
	}
}

// A page that ends between entries of the same time loses none of them.
func TestAuditPagesLoseNothing(t *testing.T) {
	t.Parallel()
	store := setup(t)
	var events []audit.Event
	for n := range 2_500 {
		events = append(events, audit.Event{
			At: start.Add(time.Duration(n/1_500) * time.Second), Actor: audit.Actor{Name: audit.Anyone, Origin: fmt.Sprint(n)}, Action: audit.KeyRefuse, Target: audit.AllKeys,
		})
	}
	if err := store.RecordAudit(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	got := audited(t, store, time.Time{})
	if len(got) != len(events) || !slices.Equal(got[1_500:], audited(t, store, start.Add(time.Second))) {
		t.Errorf("%d entries, %d of them from the second moment on; want %d and 1000",
			len(got), len(audited(t, store, start.Add(time.Second))), len(events))
	}
	stopped := errors.New("enough")
	if err := store.EachAuditEvent(t.Context(), time.Time{}, func(audit.Event) error { return stopped }); err != stopped {
		t.Errorf("got %v, want the error of fn", err)
	}
}

// Entries cannot be changed or deleted by accident. The retention deletes old entries, and
// records that.
func TestAuditLogIsAppendOnly(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store := open(t, url)
	appendOnly(t, url, store)
}

func appendOnly(t *testing.T, url string, store *postgres.Store) {
	t.Helper()
	newClient(t, store, "appended")
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	for _, statement := range []string{
		`UPDATE audit_log SET actor = 'nobody'`, `DELETE FROM audit_log`, `DELETE FROM audit_log WHERE false`, `TRUNCATE audit_log`,
		`TRUNCATE audit_log CASCADE`,
	} {
		if _, err := conn.Exec(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "only ever appended to") {
			t.Errorf("%s: %v, want a refusal", statement, err)
		}
	}
	kept := len(audited(t, store, time.Time{}))
	if n, err := store.PurgeAudit(t.Context(), start); err != nil || n != 0 {
		t.Errorf("%d entries deleted, %v; want none that old", n, err)
	}
	if got := len(audited(t, store, time.Time{})); got != kept || kept == 0 {
		t.Errorf("%d entries, want the %d that there were", got, kept)
	}
	if n, err := store.PurgeAudit(t.Context(), start.AddDate(10, 0, 0)); err != nil || int(n) != kept {
		t.Errorf("%d entries deleted, %v; want %d", n, err, kept)
	}
	got := audited(t, store, time.Time{})
	if len(got) != 1 || !strings.HasPrefix(got[0], "audit.purge audit log by service") || !strings.Contains(got[0], fmt.Sprintf(`"entries": %d`, kept)) {
		t.Errorf("the log is %q, want a word about the purge", got)
	}
	if _, err := conn.Exec(t.Context(), `DELETE FROM audit_log`); err == nil {
		t.Error("the log can be deleted after a purge")
	}
}
