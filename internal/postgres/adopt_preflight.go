// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// preflightChecks each return a sentence for everything that would make an adoption
// fail, or lose something, after the Python service can no longer write.
var preflightChecks = []string{dependents, takenNames, missingKeys, badRows}

// preflight returns an error that names everything that has to be changed first. It
// also counts the stats.
func (a *adoption) preflight(ctx context.Context) error {
	problems, err := a.check(ctx, missingRights)
	if err != nil {
		return err
	}
	if a.encoding != encodingUTF8 {
		problems = append(problems, wrongEncoding(a.encoding))
	}
	if len(problems) > 0 { // the other checks may be impossible
		return oneOrMore(problems)
	}
	checks := slices.Clone(preflightChecks)
	if a.Revision >= 2 {
		checks = append(checks, badCoordinates)
	}
	for _, check := range checks {
		found, err := a.check(ctx, check)
		if err != nil {
			return err
		}
		problems = append(problems, found...)
	}
	if len(problems) > 0 {
		return oneOrMore(problems)
	}
	return a.conn.QueryRow(ctx, a.sql(`SELECT count(*) FROM OLD.stats`)).Scan(&a.total)
}

func (a *adoption) check(ctx context.Context, check string) (problems []string, err error) {
	rows, err := a.conn.Query(ctx, a.sql(check))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// oneOrMore lists several problems below each other.
func oneOrMore(problems []string) error {
	if len(problems) == 1 {
		return errors.New(problems[0])
	}
	return errors.New("\n- " + strings.Join(problems, "\n- "))
}

// missingRights returns the rights that the last transaction needs and the role lacks.
// The new tables go to the owner of the old ones.
const missingRights = `
WITH owner AS (SELECT relowner AS id FROM pg_class WHERE oid = 'OLD.stats'::regclass)
SELECT format('the role %I does not own the table %s: connect as its owner %I, or as a superuser', current_user, oid::regclass, pg_get_userbyid(relowner))
FROM pg_class
WHERE oid IN ('OLD.client'::regclass, 'OLD.stats'::regclass, to_regclass('OLD.alembic_version'), to_regclass('OLD.goose_db_version'))
  AND NOT pg_has_role(relowner, 'USAGE')
UNION ALL
SELECT format('the role %1$I may not create a schema here: GRANT CREATE ON DATABASE %2$I TO %1$I', current_user, current_database())
WHERE NOT has_database_privilege(current_database(), 'CREATE')
UNION ALL
SELECT DISTINCT format('the role %1$I may not create tables in the schema %2$I: GRANT CREATE ON SCHEMA %2$I TO %1$I', role.rolname, n.nspname)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace, owner JOIN pg_roles AS role ON role.oid = owner.id OR role.rolname = current_user
WHERE c.oid = 'OLD.stats'::regclass AND NOT has_schema_privilege(role.oid, n.oid, 'CREATE')
  AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)`

// dependents returns what prevents dropping the old tables: views, foreign keys,
// inheriting tables, functions. What belongs to a table itself, such as a policy, is
// dropped with it.
const dependents = `
SELECT format('%s depends on the old tables client and stats: drop it, take over the database, and create it again ' ||
	'(the view stats_with_data has the columns of the old stats)', coalesce('view ' || r.ev_class::regclass, pg_describe_object(d.classid, d.objid, 0)))
FROM (
	SELECT classid, objid FROM pg_depend
	WHERE refclassid = 'pg_class'::regclass AND refobjid IN ('OLD.client'::regclass, 'OLD.stats'::regclass)
	   OR refclassid = 'pg_type'::regclass AND refobjid IN (SELECT reltype FROM pg_class WHERE oid IN ('OLD.client'::regclass, 'OLD.stats'::regclass))
	GROUP BY classid, objid
	HAVING bool_and(deptype = 'n')
) AS d LEFT JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
ORDER BY 1`

// takenNames returns relations that have the name of one of the service's tables.
var takenNames = `
SELECT format('%s is in the way of a table of that name: rename it', pg_describe_object('pg_class'::regclass, taken, 0))
FROM unnest('{stats_with_data,client_id_seq,` + strings.Join(ownTables, ",") + `}'::text[]) AS name, to_regclass('OLD.' || name) AS taken
WHERE taken IS NOT NULL AND name NOT IN ('client', 'stats', 'goose_db_version')
  AND taken IS DISTINCT FROM pg_get_serial_sequence('OLD.client', 'id')::regclass`

// missingKeys returns constraints of the Python service that the copy relies on and
// that are missing.
const missingKeys = `
SELECT format('the column %s of the table %s is not unique: CREATE UNIQUE INDEX ON %2$s (%1$s)', name, of)
FROM (VALUES ('OLD.client'::regclass, 'id'), ('OLD.client'::regclass, 'uuid'), ('OLD.client'::regclass, 'name'),
	('OLD.client'::regclass, 'token'), ('OLD.stats'::regclass, 'uuid')) AS key (of, name)
WHERE NOT EXISTS (
	SELECT 1 FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
	WHERE i.indrelid = of AND a.attname = name AND i.indisunique AND i.indisvalid AND i.indnkeyatts = 1 AND i.indpred IS NULL)
UNION ALL
SELECT format('the column %s of the table %s may be NULL: ALTER TABLE %2$s ALTER COLUMN %1$s SET NOT NULL', attname, attrelid::regclass)
FROM pg_attribute
WHERE NOT attnotnull AND (attrelid = 'OLD.client'::regclass AND attname IN ('id', 'uuid')
	OR attrelid = 'OLD.stats'::regclass AND attname IN ('uuid', 'anr', 'type', 'date', 'data'))`

// badRows returns rows that violate the constraints of the old tables, or that the
// Python service cannot read, and that do not fit the new tables.
const badRows = `
SELECT format('%s stats belong to a client that does not exist: UPDATE stats SET client_id = NULL WHERE client_id NOT IN (SELECT id FROM client)', count(*))
FROM OLD.stats AS s WHERE client_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM OLD.client AS c WHERE c.id = s.client_id)
HAVING count(*) > 0
UNION ALL
SELECT format('%s stats have a date or a time that is not in the years 1 to 9999: correct it', count(*))
FROM OLD.stats WHERE date NOT BETWEEN '0001-01-01' AND '9999-12-31' OR created_at NOT BETWEEN '0001-01-01' AND '9999-12-31'
HAVING count(*) > 0
UNION ALL
SELECT format('the client %s has a time that is not in the years 1 to 9999: correct it', uuid)
FROM OLD.client
WHERE last_seen NOT BETWEEN '0001-01-01' AND '9999-12-31' OR created_at NOT BETWEEN '0001-01-01' AND '9999-12-31'
   OR updated_at NOT BETWEEN '0001-01-01' AND '9999-12-31'`

// badCoordinates returns clients with numbers that JSON does not have.
const badCoordinates = `
SELECT format('the client %s has coordinates that are not numbers: UPDATE client SET latitude = NULL, longitude = NULL WHERE uuid = %L', uuid, uuid)
FROM OLD.client WHERE latitude IN ('NaN', 'Infinity', '-Infinity') OR longitude IN ('NaN', 'Infinity', '-Infinity')`
