// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"cmp"
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/text/unicode/norm"

	"github.com/monarc-project/stats-service/internal/stats"
)

// Adoption describes a finished or possible adoption, and what is unusual about the
// database. Nothing unusual gets lost.
type Adoption struct {
	Revision  int   // of the Python service's tables: 0, 1 with is_sharing_enabled, 2 with coordinates
	Clients   int64 // all
	Stats     int64 // all
	Documents int64 // distinct contents of the analyses

	WithoutToken   []string         // UUIDs of clients that cannot log in
	WithoutName    []string         // UUIDs of clients
	SameName       []string         // names that differ from another only in Unicode composition
	OtherRole      []string         // UUIDs of clients that are neither user nor admin, and become users
	NoClient       int64            // stats without a client: they count, and only admins see them
	SameDay        int64            // stats beyond the first of a client, analysis, type and day: all count
	DroppedObjects []string         // objects of others that are dropped with the old tables
	LeftOut        []LeftOut        // stats that are kept and returned, but left out of results
	ByType         map[string]int64 // all stats
	BytesBefore    int64            // of the old tables with their indexes
	BytesAfter     int64            // of the new ones; 0 before the end
}

// LeftOut counts the stats that are left out of results for a reason.
type LeftOut struct {
	Type   string
	Reason string
	Stats  int64
}

// SurveyAdoption reports what Adopt would do, and changes nothing. It returns the
// errors of Adopt.
func SurveyAdoption(ctx context.Context, opts Options, progress Progress) (Adoption, error) {
	a, err := openAdoption(ctx, opts, progress)
	if err != nil {
		return Adoption{}, err
	}
	defer closeSoon(ctx, a.conn)
	if err := a.survey(ctx); err != nil {
		return a.Adoption, adoptionError(ctx, err)
	}
	return a.Adoption, nil
}

// survey reads each content once, while others may write.
func (a *adoption) survey(ctx context.Context) error {
	if err := a.preflight(ctx); err != nil {
		return err
	}
	if err := a.describeOldTables(ctx); err != nil {
		return err
	}
	seen := map[contentKey]*LeftOut{} // nil for a valid content
	found := map[LeftOut]*LeftOut{}
	var after *uuid.UUID
	for {
		rows, err := a.oldRows(ctx, after)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			break
		}
		err = a.readContents(ctx, unknownRows(rows, seen), func(contents []*oldContent) error {
			for _, c := range contents {
				seen[c.key()] = leftOut(found, c)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, row := range rows {
			if because := seen[row.key()]; because != nil {
				because.Stats++
			}
		}
		after = &rows[len(rows)-1].id
		a.advance(2 * len(rows))
	}
	a.Documents = int64(len(seen))
	for _, because := range found {
		a.LeftOut = append(a.LeftOut, *because)
	}
	a.sortLeftOut()
	return nil
}

// leftOut returns the counter of all contents that are left out for the same reason,
// nil for a valid content.
func leftOut(found map[LeftOut]*LeftOut, c *oldContent) *LeftOut {
	if c.reason == nil {
		return nil
	}
	because := LeftOut{Type: string(c.kind), Reason: *c.reason}
	if found[because] == nil {
		found[because] = &because
	}
	return found[because]
}

func (a *adoption) sortLeftOut() {
	slices.SortFunc(a.LeftOut, func(x, y LeftOut) int {
		return cmp.Or(cmp.Compare(y.Stats, x.Stats), cmp.Compare(x.Type, y.Type), cmp.Compare(x.Reason, y.Reason))
	})
}

// describeCopy describes what was copied, before the old tables are dropped.
func (a *adoption) describeCopy(ctx context.Context) error {
	if err := a.describeOldTables(ctx); err != nil {
		return err
	}
	if err := a.conn.QueryRow(ctx, `SELECT count(*) FROM `+adoptionSchema+`.document`).Scan(&a.Documents); err != nil {
		return err
	}
	const statement = `
		SELECT s.type, c.reason, count(*)
		FROM (SELECT anr, digest, min(reason) AS reason FROM ` + adoptionSchema + `.content WHERE reason IS NOT NULL GROUP BY anr, digest) AS c
		JOIN ` + adoptionSchema + `.stats AS s ON s.anr = c.anr AND s.digest = c.digest
		GROUP BY s.type, c.reason`
	rows, err := a.conn.Query(ctx, statement)
	if err != nil {
		return err
	}
	a.LeftOut, err = pgx.CollectRows(rows, pgx.RowToStructByPos[LeftOut])
	a.sortLeftOut()
	return err
}

// describeOldTables describes the old tables without their contents.
func (a *adoption) describeOldTables(ctx context.Context) error {
	const sizes = `SELECT (SELECT count(*) FROM OLD.client), (SELECT count(*) FROM OLD.stats),
		(SELECT count(*) FROM OLD.stats WHERE client_id IS NULL),
		(SELECT coalesce(sum(n - 1), 0)::bigint FROM (SELECT count(*) AS n FROM OLD.stats GROUP BY client_id, anr, type, date) AS day),
		pg_total_relation_size('OLD.client') + pg_total_relation_size('OLD.stats')`
	err := a.conn.QueryRow(ctx, a.sql(sizes)).Scan(&a.Clients, &a.Stats, &a.NoClient, &a.SameDay, &a.BytesBefore)
	if err != nil {
		return err
	}
	if err := a.countTypes(ctx); err != nil {
		return err
	}
	rows, err := a.conn.Query(ctx, a.sql(droppedObjects))
	if err != nil {
		return err
	}
	if a.DroppedObjects, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return err
	}
	rows, err = a.conn.Query(ctx, a.sql(`SELECT uuid::text, name, token, role FROM OLD.client ORDER BY id`))
	if err != nil {
		return err
	}
	var id string
	var name, token *string
	var role *int32
	names := map[string]string{}
	_, err = pgx.ForEachRow(rows, []any{&id, &name, &token, &role}, func() error {
		if token == nil || *token == "" {
			a.WithoutToken = append(a.WithoutToken, id)
		}
		if role != nil && *role != int32(stats.RoleUser) && *role != int32(stats.RoleAdmin) {
			a.OtherRole = append(a.OtherRole, id)
		}
		if name == nil {
			a.WithoutName = append(a.WithoutName, id)
			return nil
		}
		composed := norm.NFC.String(*name)
		if _, taken := names[composed]; taken {
			a.SameName = append(a.SameName, *name)
		}
		names[composed] = *name
		return nil
	})
	return err
}

const droppedObjects = `
WITH old AS (SELECT oid, relname, relowner, relacl FROM pg_class WHERE oid IN ('OLD.client'::regclass, 'OLD.stats'::regclass))
SELECT format('trigger %I on %s', tgname, relname) FROM old JOIN pg_trigger ON tgrelid = old.oid WHERE NOT tgisinternal AND tgname <> 'adoption'
UNION ALL
SELECT format('policy %I on %s', polname, relname) FROM old JOIN pg_policy ON polrelid = old.oid
UNION ALL
SELECT format('publication %I of %s', pubname, relname)
FROM old JOIN pg_publication_rel ON prrelid = old.oid JOIN pg_publication AS p ON p.oid = prpubid
UNION ALL
SELECT DISTINCT format('rights of %s on %s', CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END, relname)
FROM old, aclexplode(relacl) WHERE grantee <> relowner
ORDER BY 1`

func (a *adoption) countTypes(ctx context.Context) error {
	a.ByType = map[string]int64{}
	rows, err := a.conn.Query(ctx, a.sql(`SELECT type, count(*) FROM OLD.stats GROUP BY type`))
	if err != nil {
		return err
	}
	var t string
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&t, &n}, func() error {
		a.ByType[t] = n
		return nil
	})
	return err
}
