// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/pgtest"
	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/secret"
	"github.com/monarc-project/stats-service/internal/stats"
)

func TestCreateClient(t *testing.T) {
	t.Parallel()
	store := setup(t)
	latitude, longitude := 49.6, 6.1
	given := stats.Client{
		UUID: id(1), Name: "Café – Zürich", Token: "a-token-of-our-own", Role: stats.RoleAdmin,
		Latitude: &latitude, Longitude: &longitude, Local: true, IsSharingEnabled: true, IsActive: true,
	}
	created, err := store.CreateClient(t.Context(), given)
	if err != nil {
		t.Fatal(err)
	}
	given.IsProcessed = true // whatever was given
	ours := cmpopts.IgnoreFields(stats.Client{}, "ID", "CreatedAt", "UpdatedAt")
	if diff := cmp.Diff(given, created, ours); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	if created.ID == 0 || !created.CreatedAt.After(start) || !created.UpdatedAt.Equal(created.CreatedAt) {
		t.Errorf("id %d, created %s, updated %s", created.ID, created.CreatedAt, created.UpdatedAt)
	}
	found, err := store.ClientByToken(t.Context(), "a-token-of-our-own")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(created, found); diff != "" {
		t.Errorf("found by token (-want +got):\n%s", diff)
	}
}

func TestCreateClientDefaults(t *testing.T) {
	t.Parallel()
	store := setup(t)
	created, err := store.CreateClient(t.Context(), stats.Client{Name: "client"})
	if err != nil {
		t.Fatal(err)
	}
	if created.UUID == uuid.Nil || len(created.Token) != 86 {
		t.Errorf("uuid %s, token %q", created.UUID, created.Token)
	}
	if created.Role != stats.RoleUser || created.IsActive || created.Local || created.IsSharingEnabled {
		t.Errorf("what was not asked for was granted: %+v", created)
	}
}

func TestCreateClientInvalid(t *testing.T) {
	t.Parallel()
	store := setup(t)
	tests := map[string]struct {
		client stats.Client
		field  string // empty: accepted
	}{
		"no name":             {stats.Client{}, "name"},
		"100 characters":      {stats.Client{Name: strings.Repeat("é", 100)}, ""},
		"101 characters":      {stats.Client{Name: strings.Repeat("é", 101)}, "name"},
		"NUL":                 {stats.Client{Name: "a\x00b"}, "name"},
		"line break":          {stats.Client{Name: "a\nb"}, "name"},
		"not UTF-8":           {stats.Client{Name: "a\xff"}, "name"},
		"quotes are harmless": {stats.Client{Name: `'; DROP TABLE client; --"`}, ""},
		"token with space":    {stats.Client{Name: "1", Token: "two words"}, "token"},
		"token with newline":  {stats.Client{Name: "2", Token: "two\r\nlines"}, "token"},
		"token not ASCII":     {stats.Client{Name: "3", Token: "clé"}, "token"},
		"token of 512":        {stats.Client{Name: "4", Token: strings.Repeat("t", 512)}, ""},
		"token of 513":        {stats.Client{Name: "5", Token: strings.Repeat("t", 513)}, "token"},
		"unknown role":        {stats.Client{Name: "6", Role: 3}, "role"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := store.CreateClient(t.Context(), tc.client)
			if tc.field == "" {
				if err != nil {
					t.Fatalf("got %v, want it accepted", err)
				}
				return
			}
			if invalid, ok := errors.AsType[*stats.InvalidError](err); !ok || invalid.Fields[tc.field] == "" {
				t.Errorf("got %v, want an *InvalidError about %s", err, tc.field)
			}
		})
	}
}

func TestCreateClientTaken(t *testing.T) {
	t.Parallel()
	store := setup(t)
	first, err := store.CreateClient(t.Context(), stats.Client{UUID: id(1), Name: "first", Token: "first-token", Role: stats.RoleAdmin})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		client stats.Client
		field  string
	}{
		"name":               {stats.Client{Name: "first"}, "name"},
		"name, other token":  {stats.Client{Name: "first", Token: "other-token"}, "name"},
		"token":              {stats.Client{Name: "second", Token: "first-token"}, "token"},
		"uuid":               {stats.Client{Name: "third", UUID: id(1)}, "uuid"},
		"everything but one": {stats.Client{Name: "fourth", UUID: id(1), Token: "fourth-token"}, "uuid"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := store.CreateClient(t.Context(), tc.client)
			if conflict, ok := errors.AsType[*stats.ConflictError](err); !ok || conflict.Field != tc.field {
				t.Errorf("got %v, want a *ConflictError about %s", err, tc.field)
			}
			if diff := cmp.Diff(stats.Client{}, got); diff != "" {
				t.Errorf("the other client is shown:\n%s", diff)
			}
		})
	}
	t.Run("the same again", func(t *testing.T) {
		t.Parallel()
		again, err := store.CreateClient(t.Context(), stats.Client{Name: "first", Token: "first-token"})
		if !errors.Is(err, stats.ErrUnchanged) {
			t.Fatalf("got %v, want ErrUnchanged", err)
		}
		if diff := cmp.Diff(first, again); diff != "" {
			t.Errorf("stored client (-want +got):\n%s", diff)
		}
	})
}

// Names that differ only in Unicode composition conflict, also with a decomposed name from
// an earlier release.
func TestClientNameComposition(t *testing.T) {
	t.Parallel()
	const composed, decomposed = "Caf\u00e9", "Cafe\u0301"
	url := pgtest.New(t)
	store := open(t, url)
	other := newClient(t, store, "other")
	created, err := store.CreateClient(t.Context(), stats.Client{Name: decomposed, Token: "cafe"})
	if err != nil || created.Name != composed {
		t.Fatalf("created %q, %v", created.Name, err)
	}
	for _, stored := range []string{composed, decomposed} {
		conn := dial(t, url)
		if _, err := conn.Exec(t.Context(), "UPDATE client SET name = $1 WHERE uuid = $2", stored, created.UUID); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{composed, decomposed} {
			if same, err := store.CreateClient(t.Context(), stats.Client{Name: name, Token: "cafe"}); !errors.Is(err, stats.ErrUnchanged) || same.UUID != created.UUID {
				t.Errorf("%+q beside %+q, same token: %v, %v", name, stored, same.UUID, err)
			}
			_, err := store.CreateClient(t.Context(), stats.Client{Name: name, Token: "another"})
			if _, taken := errors.AsType[*stats.ConflictError](err); !taken {
				t.Errorf("%+q beside %+q: %v", name, stored, err)
			}
			_, err = store.UpdateClient(t.Context(), other.UUID, postgres.ClientChange{Name: &name})
			if _, taken := errors.AsType[*stats.ConflictError](err); !taken {
				t.Errorf("rename to %+q beside %+q: %v", name, stored, err)
			}
		}
	}
	long := strings.Repeat(decomposed, 25)
	if longest, err := store.CreateClient(t.Context(), stats.Client{Name: long}); err != nil || longest.Name != strings.Repeat(composed, 25) {
		t.Errorf("a hundred characters, composed: %q, %v", longest.Name, err)
	}
}

func TestClientNotFound(t *testing.T) {
	t.Parallel()
	store := setup(t)
	_, byToken := store.ClientByToken(t.Context(), "unknown")
	_, byNoToken := store.ClientByToken(t.Context(), "")
	_, byUUID := store.ClientByUUID(t.Context(), id(1))
	_, sharing := store.SetSharing(t.Context(), id(1), true)
	for name, err := range map[string]error{"token": byToken, "no token": byNoToken, "uuid": byUUID, "sharing": sharing} {
		if !errors.Is(err, stats.ErrNotFound) {
			t.Errorf("%s: got %v, want ErrNotFound", name, err)
		}
	}
}

func TestListClients(t *testing.T) {
	t.Parallel()
	store := setup(t)
	none, err := store.ListClients(t.Context())
	if err != nil || none == nil || len(none) != 0 {
		t.Errorf("got %v, %v; want an empty list", none, err)
	}
	want := []stats.Client{newClient(t, store, "b"), newClient(t, store, "a"), newClient(t, store, "c")}
	got, err := store.ListClients(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("clients (-want +got):\n%s", diff)
	}
	want[1].Token = ""
	one, err := store.ClientByUUID(t.Context(), want[1].UUID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want[1], one); diff != "" {
		t.Errorf("client by uuid (-want +got):\n%s", diff)
	}
}

func TestListClientsWithAnotherKey(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	client := newClient(t, open(t, url), "client")
	opts := options(t, url)
	opts.Secret = secret.New("another secret key")
	store, err := postgres.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	clients, err := store.ListClients(t.Context())
	if !errors.Is(err, secret.ErrCannotOpen) || !strings.Contains(err.Error(), "client") {
		t.Errorf("got %v, want ErrCannotOpen that names the client", err)
	}
	if len(clients) != 1 || clients[0].UUID != client.UUID || clients[0].Token != "" {
		t.Errorf("got %v, want the client without its token", clients)
	}
	if clients, err := store.Clients(t.Context()); err != nil || len(clients) != 1 {
		t.Errorf("without tokens: %v, %v", clients, err)
	}
	// Authentication does not need the key.
	if found, err := store.ClientByToken(t.Context(), client.Token); err != nil || found.ID != client.ID {
		t.Errorf("by token: %v, %v", found, err)
	}
}

// A dump of the database must not reveal tokens.
func TestTokensAreNotReadable(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	client := newClient(t, open(t, url), "client")
	var readable bool
	err := dial(t, url).QueryRow(t.Context(), `SELECT client::text LIKE '%' || $1 || '%'
		OR position($1::bytea IN token_sealed) > 0 OR position($1::bytea IN token_digest) > 0 FROM client`, client.Token).Scan(&readable)
	if err != nil || readable {
		t.Errorf("readable: %t, %v", readable, err)
	}
}

func TestSetSharing(t *testing.T) {
	t.Parallel()
	store := setup(t)
	alice, bob := newClient(t, store, "alice"), newClient(t, store, "bob")
	changed, err := store.SetSharing(t.Context(), alice.UUID, false)
	if err != nil {
		t.Fatal(err)
	}
	want := alice
	want.Token, want.IsSharingEnabled, want.UpdatedAt = "", false, changed.UpdatedAt
	if diff := cmp.Diff(want, changed); diff != "" || !changed.UpdatedAt.After(alice.UpdatedAt) {
		t.Errorf("changed at %s (-want +got):\n%s", changed.UpdatedAt, diff)
	}
	other, err := store.ClientByToken(t.Context(), bob.Token)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(bob, other); diff != "" {
		t.Errorf("the other client (-want +got):\n%s", diff)
	}
}

func TestEnsureAdmin(t *testing.T) {
	t.Parallel()
	store := setup(t)
	user := newClient(t, store, "user")
	inactive, err := store.CreateClient(t.Context(), stats.Client{Name: "inactive", Role: stats.RoleAdmin})
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range []bool{true, false} {
		if created, err := store.EnsureAdmin(t.Context(), "admin-token", "admin"); err != nil || created != want {
			t.Errorf("call %d: created %t, %v; want %t", n, created, err, want)
		}
	}
	admin, err := store.ClientByToken(t.Context(), "admin-token")
	if err != nil || admin.Name != "admin" || admin.Role != stats.RoleAdmin || !admin.IsActive {
		t.Errorf("admin is %+v, %v", admin, err)
	}
	if created, err := store.EnsureAdmin(t.Context(), "admin-token", "another name"); created || err != nil {
		t.Errorf("token of an admin with another name: created %t, %v", created, err)
	}
	for name, token := range map[string]string{"token of a user": user.Token, "token of an inactive admin": inactive.Token, "taken name": "new-token"} {
		_, err := store.EnsureAdmin(t.Context(), token, "admin")
		if _, ok := errors.AsType[*stats.ConflictError](err); !ok {
			t.Errorf("%s: got %v, want a *ConflictError", name, err)
		}
	}
	if _, err := store.EnsureAdmin(t.Context(), "", "nobody"); err == nil {
		t.Error("empty token: no error, so a generated one that nobody knows")
	}
	if still, err := store.ClientByToken(t.Context(), user.Token); err != nil || still.Role != stats.RoleUser {
		t.Errorf("the user became %+v, %v", still, err)
	}
}

func TestRecordSeen(t *testing.T) {
	t.Parallel()
	store := setup(t)
	alice, bob := newClient(t, store, "alice"), newClient(t, store, "bob")
	noon := time.Date(2024, 6, 1, 12, 0, 0, 0, time.UTC)
	for _, seen := range []map[int64]time.Time{
		nil,
		{alice.ID: noon, 999: noon},
		{alice.ID: noon.Add(-time.Hour)}, // a late report changes nothing
	} {
		if err := store.RecordSeen(t.Context(), seen); err != nil {
			t.Fatal(err)
		}
	}
	clients, err := store.ListClients(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	alice.LastSeen = &noon
	if diff := cmp.Diff([]stats.Client{alice, bob}, clients); diff != "" {
		t.Errorf("clients (-want +got):\n%s", diff)
	}
}

func TestClientsCancelled(t *testing.T) {
	t.Parallel()
	store := setup(t)
	_, create := store.CreateClient(cancelled(), stats.Client{Name: "client"})
	_, list := store.ListClients(cancelled())
	_, find := store.ClientByToken(cancelled(), "token")
	for name, err := range map[string]error{"create": create, "list": list, "find": find} {
		if !errors.Is(err, context.Canceled) || errors.Is(err, stats.ErrUnavailable) {
			t.Errorf("%s: got %v, want context.Canceled", name, err)
		}
	}
}
