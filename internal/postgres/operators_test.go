// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/internal/postgres"
	"github.com/monarc-project/stats-service/internal/stats"
)

func ptr[T any](value T) *T { return &value }

func findClient(t *testing.T, store *postgres.Store, id uuid.UUID) stats.Client {
	t.Helper()
	client, err := store.ClientByUUID(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestUpdateClient(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change postgres.ClientChange
		want   func(*stats.Client)
		field  string // of the error
	}{
		"name":       {change: postgres.ClientChange{Name: ptr("other")}, want: func(c *stats.Client) { c.Name = "other" }},
		"role":       {change: postgres.ClientChange{Role: ptr(stats.RoleAdmin)}, want: func(c *stats.Client) { c.Role = stats.RoleAdmin }},
		"active":     {change: postgres.ClientChange{Active: ptr(false)}, want: func(c *stats.Client) { c.IsActive = false }},
		"nothing":    {field: "client"},
		"empty name": {change: postgres.ClientChange{Name: ptr("")}, field: "name"},
		"long name":  {change: postgres.ClientChange{Name: ptr(strings.Repeat("x", 101))}, field: "name"},
		"bad role":   {change: postgres.ClientChange{Role: ptr(stats.Role(3))}, field: "role"},
		"taken name": {change: postgres.ClientChange{Name: ptr("taken")}, field: "name"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := setup(t)
			want := newClient(t, store, "client")
			newClient(t, store, "taken")
			want.Token = ""
			got, err := store.UpdateClient(t.Context(), want.UUID, tc.change)
			if diff := cmp.Diff(tc.field, fieldOf(err)); diff != "" {
				t.Fatalf("%v (-want +got):\n%s", err, diff)
			}
			if tc.want != nil {
				tc.want(&want)
				want.UpdatedAt = got.UpdatedAt
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("returned (-want +got):\n%s", diff)
				}
			}
			if diff := cmp.Diff(want, findClient(t, store, want.UUID)); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
		})
	}
}

// fieldOf returns the field that an error of the domain is about.
func fieldOf(err error) string {
	if conflict, ok := errors.AsType[*stats.ConflictError](err); ok {
		return conflict.Field
	}
	if invalid, ok := errors.AsType[*stats.InvalidError](err); ok {
		for field := range invalid.Fields {
			return field
		}
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestSetCoordinates(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		latitude, longitude *float64
		field               string
	}{
		"both":               {latitude: ptr(49.61), longitude: ptr(6.13)},
		"ends":               {latitude: ptr(-90.0), longitude: ptr(180.0)},
		"unset":              {},
		"far north":          {latitude: ptr(90.1), longitude: ptr(0.0), field: "latitude"},
		"far west":           {latitude: ptr(0.0), longitude: ptr(-181.0), field: "longitude"},
		"not a number":       {latitude: ptr(math.NaN()), field: "latitude"},
		"infinite longitude": {longitude: ptr(math.Inf(1)), field: "longitude"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := setup(t)
			client := newClient(t, store, "client")
			if _, err := store.SetCoordinates(t.Context(), client.UUID, ptr(1.0), ptr(2.0)); err != nil {
				t.Fatal(err)
			}
			_, err := store.SetCoordinates(t.Context(), client.UUID, tc.latitude, tc.longitude)
			if diff := cmp.Diff(tc.field, fieldOf(err)); diff != "" {
				t.Fatalf("%v (-want +got):\n%s", err, diff)
			}
			if tc.field != "" {
				tc.latitude, tc.longitude = ptr(1.0), ptr(2.0)
			}
			got := findClient(t, store, client.UUID)
			if diff := cmp.Diff([]*float64{tc.latitude, tc.longitude}, []*float64{got.Latitude, got.Longitude}); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSetFlags(t *testing.T) {
	t.Parallel()
	store := setup(t)
	client := newClient(t, store, "client")
	_, sharing := store.SetSharing(t.Context(), client.UUID, false)
	_, local := store.UpdateClient(t.Context(), client.UUID, postgres.ClientChange{Local: ptr(false)})
	if err := errors.Join(sharing, local); err != nil {
		t.Fatal(err)
	}
	got := findClient(t, store, client.UUID)
	if got.IsSharingEnabled || got.Local || !got.IsActive {
		t.Errorf("sharing %t, local %t, active %t", got.IsSharingEnabled, got.Local, got.IsActive)
	}
}

func TestUnknownClient(t *testing.T) {
	t.Parallel()
	store := setup(t)
	ctx, unknown := t.Context(), id(404)
	_, update := store.UpdateClient(ctx, unknown, postgres.ClientChange{Active: ptr(true)})
	_, sharing := store.SetSharing(ctx, unknown, true)
	_, coordinates := store.SetCoordinates(ctx, unknown, nil, nil)
	_, local := store.UpdateClient(ctx, unknown, postgres.ClientChange{Local: ptr(true)})
	_, rotated := store.RotateToken(ctx, unknown, 0)
	_, deleted := store.DeleteClient(ctx, unknown)
	_, counted := store.CountStatsOfClient(ctx, unknown)
	_, emptied := store.DeleteStatsOfClient(ctx, unknown, nil)
	for name, err := range map[string]error{
		"update": update, "sharing": sharing, "coordinates": coordinates, "local": local,
		"rotate": rotated, "delete": deleted, "count": counted, "empty": emptied,
	} {
		if !errors.Is(err, stats.ErrNotFound) || !strings.Contains(err.Error(), unknown.String()) {
			t.Errorf("%s: got %v, want ErrNotFound with the uuid", name, err)
		}
	}
}

func TestRotateToken(t *testing.T) {
	t.Parallel()
	store := setup(t)
	client := newClient(t, store, "client")
	// The clock of the tests advances by a second whenever it is read.
	rotated, err := store.RotateToken(t.Context(), client.UUID, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if rotated.Token == client.Token || len(rotated.Token) != 86 {
		t.Errorf("the new token is %q", rotated.Token)
	}
	for _, token := range []string{client.Token, rotated.Token} {
		if got, err := store.ClientByToken(t.Context(), token); err != nil || got.UUID != client.UUID || got.Token != token {
			t.Errorf("within the grace: %s with another token than presented, %v", got.UUID, err)
		}
	}
	if _, err := store.CreateClient(t.Context(), stats.Client{Name: "thief", Token: client.Token}); fieldOf(err) != "token" {
		t.Errorf("a client with a token in its grace: got %v, want a conflict", err)
	}
	for range 5 {
		store.ClientByToken(t.Context(), "")
	}
	if _, err := store.ClientByToken(t.Context(), client.Token); !errors.Is(err, stats.ErrNotFound) {
		t.Errorf("after the grace: got %v, want ErrNotFound", err)
	}
	listed, err := store.ListClients(t.Context())
	if err != nil || len(listed) != 1 || listed[0].Token != rotated.Token {
		t.Errorf("list: %v, %v; want one client with the new token", listed, err)
	}
}

func TestRotateTokenRefusesNegativeGrace(t *testing.T) {
	t.Parallel()
	store := setup(t)
	client := newClient(t, store, "client")
	if _, err := store.RotateToken(t.Context(), client.UUID, -time.Second); fieldOf(err) != "grace" {
		t.Errorf("got %v, want an error about grace", err)
	}
	if _, err := store.ClientByToken(t.Context(), client.Token); err != nil {
		t.Errorf("the token before: %v", err)
	}
}

func TestDeleteClient(t *testing.T) {
	t.Parallel()
	store := setup(t)
	leaver, other := newClient(t, store, "leaver"), newClient(t, store, "other")
	insert(t, store, leaver, named(threat(t, 1, "2024-05-01"), 1), named(threat(t, 2, "2024-05-01"), 2))
	insert(t, store, other, named(threat(t, 1, "2024-05-01"), 3))
	if n, err := store.DeleteClient(t.Context(), leaver.UUID); n != 2 || err != nil {
		t.Errorf("deleted %d, %v; want 2", n, err)
	}
	if diff := cmp.Diff(ids(3), everything(t, store)); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	if _, err := store.ClientByUUID(t.Context(), leaver.UUID); !errors.Is(err, stats.ErrNotFound) {
		t.Errorf("the client: %v, want ErrNotFound", err)
	}
	_, err := store.InsertBatch(t.Context(), leaver, stats.Batch{Items: []stats.Item{threat(t, 9, "2024-05-01")}})
	if !errors.Is(err, stats.ErrNotFound) {
		t.Errorf("post of a deleted client: %v, want ErrNotFound", err)
	}
}

func TestListLast(t *testing.T) {
	t.Parallel()
	store := setup(t)
	first, second := newClient(t, store, "first"), newClient(t, store, "second")
	vulnerability := item(t, stats.Stat{ANR: id(1), Type: stats.Vulnerability, Date: date("2024-04-01"), Data: threats()})
	insert(t, store, first, named(threat(t, 1, "2024-05-01"), 1), named(threat(t, 1, "2024-05-03"), 2),
		named(threat(t, 2, "2024-05-02"), 3), named(vulnerability, 4))
	insert(t, store, second, named(threat(t, 1, "2024-05-02"), 5))
	var got []uuid.UUID
	err := store.ListLast(t.Context(), func(stat stats.Stat) error {
		got = append(got, stat.UUID)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ids(2, 4, 3, 5), got); diff != "" {
		t.Errorf("newest (-want +got):\n%s", diff)
	}
	stop := errors.New("stop")
	if err := store.ListLast(t.Context(), func(stats.Stat) error { return stop }); err != stop {
		t.Errorf("got %v, want the error of fn", err)
	}
}
