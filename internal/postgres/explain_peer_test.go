// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !citus

package postgres

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/monarc-project/stats-service/gen/db"
)

// The queries of a push must not read all stats or all receipts.
func TestPeerQueriesUseIndexes(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	store := openNew(t)
	fill(ctx, t, store)
	for _, statement := range []string{
		`INSERT INTO peer (url, created_at) VALUES ('https://a', now()), ('https://b', now())`,
		`INSERT INTO peer_receipt SELECT anr, uuid, id FROM stats, peer WHERE date < '2024-12-20'`,
		`ANALYZE peer_receipt`,
	} {
		if _, err := store.pool.Exec(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	client, peer, from, to, day := int64(7), int64(1), dayOf("2024-11-30"), dayOf("2024-12-30"), dayOf("2024-12-25")
	for name, q := range map[string]indexedQuery{
		"next day": {db.NextUnsentDay, []any{client, from, to, (*string)(nil), peer}, "stats_client_id_date_idx"},
		"of a day": {db.UnsentOfDay, []any{client, day, uuid.Nil, (*string)(nil), peer, int64(1000)}, "stats_client_id_date_idx"},
		"count":    {db.CountUnsent, []any{client, from, to, (*string)(nil), peer}, "stats_client_id_date_idx"},
	} {
		plan := explain(ctx, t, store, q.statement, q.args)
		whole := strings.Contains(plan, "Seq Scan on public.stats") || strings.Contains(plan, "Seq Scan on public.peer_receipt")
		if whole || !strings.Contains(plan, q.index) {
			t.Errorf("%s: want index %s, plan is\n%s", name, q.index, plan)
		}
	}
}
