// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// UUIDs survive the way to the server and back in every form that statements use.
func TestUUIDs(t *testing.T) {
	t.Parallel()
	store, _ := storeWithClient(t)
	one, two := uuid.New(), uuid.New()
	var (
		plain, null    uuid.UUID
		pointer, none  *uuid.UUID
		list           []uuid.UUID
		text, absent   string
		wants, nowhere = &two, (*uuid.UUID)(nil)
	)
	err := store.pool.QueryRow(t.Context(),
		`SELECT $1::uuid, NULL::uuid, $2::uuid, $3::uuid, $4::uuid[], $1::uuid::text, coalesce($3::uuid::text, 'none')`,
		one, wants, nowhere, []uuid.UUID{one, two}).Scan(&plain, &null, &pointer, &none, &list, &text, &absent)
	if err != nil {
		t.Fatal(err)
	}
	want := []any{one, uuid.Nil, &two, (*uuid.UUID)(nil), []uuid.UUID{one, two}, one.String(), "none"}
	if diff := cmp.Diff(want, []any{plain, null, pointer, none, list, text, absent}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Sending UUIDs makes next to no garbage: there are three of them in each row.
func TestUUIDsMakeNoGarbage(t *testing.T) { // not parallel, since it counts allocations
	store, _ := storeWithClient(t)
	conn, err := store.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	types := conn.Conn().TypeMap()
	array, _ := types.TypeForName("_uuid")
	ids, buffer := make([]uuid.UUID, 1000), make([]byte, 0, 64<<10)
	allocations := testing.AllocsPerRun(5, func() {
		if _, err := types.Encode(array.OID, pgtype.BinaryFormatCode, ids, buffer); err != nil {
			t.Error(err)
		}
	})
	if each := allocations / float64(len(ids)); each > 2 {
		t.Errorf("%.1f allocations for each UUID", each)
	}
}

// Documents arrive unchanged, and make no garbage.
func TestDocumentsCodec(t *testing.T) {
	store, _ := storeWithClient(t)
	conn, err := store.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for _, all := range []documents{nil, {[]byte(`{"a": [1, "é"]}`)}, {[]byte(`[]`), []byte(`{"b": null}`)}} {
		var got []string
		if err := conn.QueryRow(t.Context(), `SELECT ARRAY(SELECT unnest($1::jsonb[])::text)`, all).Scan(&got); err != nil {
			t.Fatal(err)
		}
		want := []string{}
		for _, data := range all {
			want = append(want, string(data))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	array, _ := conn.Conn().TypeMap().TypeForName("_jsonb")
	all := make(documents, 1000)
	for i := range all {
		all[i] = make([]byte, 1000)
	}
	allocations := testing.AllocsPerRun(5, func() {
		if _, err := conn.Conn().TypeMap().Encode(array.OID, pgtype.BinaryFormatCode, all, nil); err != nil {
			t.Error(err)
		}
	})
	if allocations > 10 {
		t.Errorf("%.0f allocations for an array", allocations)
	}
}
