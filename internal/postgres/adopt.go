// SPDX-License-Identifier: AGPL-3.0-or-later

package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/monarc-project/stats-service/gen/db"
	"github.com/monarc-project/stats-service/internal/audit"
)

// adoptionSchema is where the new tables are filled while the old ones still serve the
// Python service. Dropping it with CASCADE undoes an unfinished adoption.
const adoptionSchema = "statsservice_adoption"

// adoptionLock is held by the process that takes a database over.
var adoptionLock = lockKey("take over a Python database")

// handoverTimeout bounds the wait for old tables that others use.
const handoverTimeout = 60 * time.Second

var (
	// ErrNothingToAdopt reports that a database is already the service's own.
	ErrNothingToAdopt = errors.New("the database is this service's own: there is nothing to take over")
	// ErrEmpty reports that a database has no tables of either service.
	ErrEmpty = errors.New("the database is empty, and there is nothing to take over: `stats-service db_init` makes the tables")
)

// Adopt takes over, in place, the database of a Python instance: every client with its
// token and every stat with its UUID, day, content, client and time.
//
// Triggers first refuse every change to the old tables. The new tables are filled in a
// schema of their own; the old ones can be read until then. One transaction compares
// every row and replaces the tables. After an interruption, the next call continues
// after the last page.
//
// The error is ErrNothingToAdopt or ErrEmpty if there is nothing (more) to take over,
// and ErrForeign or ErrEarlierBuild for a database that cannot be taken over.
func Adopt(ctx context.Context, opts Options, progress Progress) (Adoption, error) {
	if opts.Secret == nil {
		return Adoption{}, errors.New("take over the database: no secret key to seal tokens with")
	}
	a, err := openAdoption(ctx, opts, progress)
	if err != nil {
		return Adoption{}, err
	}
	defer closeSoon(ctx, a.conn)
	opts.URL = a.url
	if err := a.run(ctx, opts); err != nil {
		err = adoptionError(ctx, err)
		if a.begun {
			err = fmt.Errorf("%w. The Python service cannot write until this is run again to its end, "+
				"or DROP SCHEMA %s CASCADE gives the database back to it", err, adoptionSchema)
		}
		return a.Adoption, err
	}
	return a.Adoption, nil
}

// adoptionError keeps the message of PostgreSQL, which names the obstacle.
func adoptionError(ctx context.Context, err error) error {
	if ctx.Err() == nil && sqlState(err) == codeLockNotAvailable {
		return fmt.Errorf("take over the database: another process has had the old tables in use for %s: "+
			"stop the Python service, and run this again", handoverTimeout)
	}
	if ctx.Err() != nil || sqlState(err) != "" || isConnectionError(err) {
		err = translate(ctx, err)
	}
	return fmt.Errorf("take over the database: %w", err)
}

// NeedsAdoption reports whether the database is one of the Python service, also if its
// adoption has begun.
func NeedsAdoption(ctx context.Context, url string) (bool, error) {
	found, err := inspectURL(ctx, url)
	return found.kind == python || found.kind == adopting, err
}

// Adopted reports whether the database was taken over from the Python service.
func (s Maintenance) Adopted(ctx context.Context) (adopted bool, err error) {
	err = s.pool.QueryRow(ctx, `SELECT to_regclass('adoption_state') IS NOT NULL`).Scan(&adopted)
	return adopted, translate(ctx, err)
}

// adoption is one call of Adopt or SurveyAdoption.
type adoption struct {
	Adoption
	conn     *pgx.Conn
	url      string // of the connection
	old      string // the schema of the old tables, quoted
	encoding string // of the database
	page     int    // bounds the stats of a transaction
	begun    bool
	store    *Store // on the new tables, in their schema of their own
	total    int64  // stats
	done     int64  // steps, of which each stat has two
	progress Progress
}

func openAdoption(ctx context.Context, opts Options, progress Progress) (*adoption, error) {
	conn, url, err := connectDirectly(ctx, opts)
	if err != nil {
		return nil, err
	}
	registerCodecs(conn.TypeMap())
	a := &adoption{conn: conn, url: url, progress: progress, page: cmp.Or(opts.adoptionPage, adoptionPage)}
	if err := a.inspect(ctx, opts.Log); err != nil {
		closeSoon(ctx, conn)
		return nil, err
	}
	return a, nil
}

// adoptionSettings are for the connection that copies. A page that is lost in a crash
// of the server is copied again. With row_security off, a policy that hides rows is an
// error.
const adoptionSettings = `SELECT set_config('plan_cache_mode', 'force_custom_plan', false), set_config('row_security', 'off', false),
	set_config('synchronous_commit', 'off', false), set_config('enable_seqscan', 'off', false)
UNION ALL
SELECT set_config(name, '0', false), '', '', '' FROM pg_settings
WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')`

// lock waits for another process that takes the same database over.
func (a *adoption) lock(ctx context.Context, log *slog.Logger) error {
	var alone bool
	if err := a.conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, adoptionLock).Scan(&alone); err != nil || alone {
		return err
	}
	if log != nil {
		log.Warn("waiting for another process that takes this database over, or looks at it")
	}
	return db.New(a.conn).LockSession(ctx, adoptionLock)
}

func (a *adoption) inspect(ctx context.Context, log *slog.Logger) error {
	if _, err := a.conn.Exec(ctx, adoptionSettings); err != nil {
		return adoptionError(ctx, err)
	}
	if err := a.lock(ctx, log); err != nil {
		return adoptionError(ctx, err)
	}
	found, err := inspect(ctx, a.conn)
	if err != nil {
		return err
	}
	if found.kind != python && found.kind != adopting {
		return cmp.Or(found.err(), found.nothing())
	}
	a.old, a.begun = pgx.Identifier{found.schema}.Sanitize(), found.kind == adopting
	a.Revision, a.encoding = found.revision, found.encoding
	return nil
}

// sql inserts the schema of the old tables into a statement.
func (a *adoption) sql(statement string) string {
	return strings.ReplaceAll(statement, "OLD.", a.old+".")
}

func (a *adoption) advance(n int) {
	a.done += int64(n)
	a.progress.tell(a.done, 2*a.total)
}

func (a *adoption) run(ctx context.Context, opts Options) (err error) {
	if err := a.preflight(ctx); err != nil {
		return err
	}
	a.advance(0)
	if !a.begun {
		if err := a.transact(ctx, a.begin); err != nil {
			return err
		}
		a.begun = true
	}
	if err := a.makeTables(ctx); err != nil {
		return err
	}
	if a.store, err = openIn(ctx, opts, adoptionSchema); err != nil {
		return err
	}
	defer a.store.Close()
	if err := a.copyClients(ctx, opts); err != nil {
		return err
	}
	if err := a.copyStats(ctx); err != nil {
		return err
	}
	if err := a.computeRollups(ctx); err != nil {
		return err
	}
	if err := a.describeCopy(ctx); err != nil {
		return err
	}
	a.advance(0)
	if err := a.transact(ctx, a.handOver); err != nil {
		return err
	}
	a.finish(ctx)
	return nil
}

// transact runs fn in a transaction that locks the old tables. It retries after a
// deadlock: a request of the Python service reads, and then waits to write.
func (a *adoption) transact(ctx context.Context, fn func(ctx context.Context, tx pgx.Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := pgx.BeginFunc(ctx, a.conn, func(tx pgx.Tx) error { return fn(ctx, tx) })
		if sqlState(err) != codeDeadlock || attempt == transactAttempts {
			return err
		}
		if err := pause(ctx, attempt); err != nil {
			return err
		}
	}
}

// adoptionState remains after the adoption. The export needs it.
const adoptionState = `.adoption_state (
	id smallint PRIMARY KEY, adopted_at timestamptz NOT NULL, revision smallint NOT NULL, alembic_version text)`

// begin creates the schema and its bookkeeping, and has triggers refuse every change
// from now on.
func (a *adoption) begin(ctx context.Context, tx pgx.Tx) error {
	for _, statement := range []string{
		fmt.Sprintf(`SET LOCAL lock_timeout = %d`, handoverTimeout.Milliseconds()),
		`SET LOCAL synchronous_commit = on`,
		`CREATE SCHEMA ` + adoptionSchema,
		`CREATE FUNCTION ` + adoptionSchema + `.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			RAISE EXCEPTION 'the MONARC Stats Service written in Go takes this database over: it can be read, but not changed any more'
				USING HINT = 'Stop the Python service. DROP SCHEMA ` + adoptionSchema + ` CASCADE gives the database back to it.';
		END $$`,
		`CREATE TRIGGER adoption BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON OLD.client
			FOR EACH STATEMENT EXECUTE FUNCTION ` + adoptionSchema + `.refuse()`,
		`CREATE TRIGGER adoption BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON OLD.stats
			FOR EACH STATEMENT EXECUTE FUNCTION ` + adoptionSchema + `.refuse()`,
		// The UUID of the last copied stat, and the number of copied stats.
		`CREATE TABLE ` + adoptionSchema + `.progress (after uuid, copied bigint NOT NULL)`,
		`INSERT INTO ` + adoptionSchema + `.progress VALUES (NULL, 0)`,
		// The document of each content by its hash, and why the content is left out of
		// results.
		`CREATE TABLE ` + adoptionSchema + `.content (anr uuid, hash uuid, digest uuid NOT NULL, reason text, PRIMARY KEY (anr, hash))`,
		`CREATE TABLE ` + adoptionSchema + adoptionState,
	} {
		if _, err := tx.Exec(ctx, a.sql(statement)); err != nil {
			return err
		}
	}
	return nil
}

// makeTables creates the new tables beside the old ones.
func (a *adoption) makeTables(ctx context.Context) (err error) {
	config := a.conn.Config().Copy()
	config.RuntimeParams["search_path"] = adoptionSchema
	provider, closeConn, err := openProvider(config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeConn()) }()
	_, err = provider.Up(ctx)
	return err
}

// openIn opens a Store on the tables of a schema.
func openIn(ctx context.Context, opts Options, schema string) (*Store, error) {
	opts.AcquireTimeout = cmp.Or(opts.AcquireTimeout, defaultAcquireTimeout)
	config, err := poolConfig(opts)
	if err != nil {
		return nil, err
	}
	config.ConnConfig.RuntimeParams["search_path"] = schema
	config.ConnConfig.RuntimeParams["statement_timeout"] = "0"
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return newStore(pool, opts), nil
}

// computeRollups computes the rollups.
func (a *adoption) computeRollups(ctx context.Context) error {
	if _, err := a.conn.Exec(ctx, `ANALYZE `+adoptionSchema+`.stats, `+adoptionSchema+`.document, `+adoptionSchema+`.client`); err != nil {
		return err
	}
	r := rebuilding{shared: a.store.shared, steps: 2 * a.total, done: a.done, progress: a.progress}
	_, err := r.rollups(ctx)
	a.done = r.done
	return err
}

// handOver compares every row and replaces the old tables with the new ones.
func (a *adoption) handOver(ctx context.Context, tx pgx.Tx) error {
	for _, statement := range []string{
		fmt.Sprintf(`SET LOCAL lock_timeout = %d`, handoverTimeout.Milliseconds()),
		`SET LOCAL synchronous_commit = on`,
		`SET LOCAL enable_seqscan = on`,
		`LOCK TABLE OLD.client, OLD.stats IN SHARE ROW EXCLUSIVE MODE`, // still allows reading
	} {
		if _, err := tx.Exec(ctx, a.sql(statement)); err != nil {
			return err
		}
	}
	if err := a.compare(ctx, tx); err != nil {
		return err
	}
	version, err := a.alembicVersion(ctx, tx)
	if err != nil {
		return err
	}
	const note = `INSERT INTO ` + adoptionSchema + `.adoption_state VALUES (1, now(), $1, $2)`
	if _, err := tx.Exec(ctx, note, a.Revision, version); err != nil {
		return err
	}
	if err := a.replaceTables(ctx, tx); err != nil {
		return err
	}
	if err := a.note(ctx, tx); err != nil {
		return err
	}
	return notify(ctx, db.New(tx), []Change{ChangeEverything})
}

// replaceTables drops the old tables and moves the new ones. They go to the owner of
// the old ones: a superuser may run the adoption. The schema is dropped without
// CASCADE, so that a table that was forgotten here is an error.
func (a *adoption) replaceTables(ctx context.Context, tx pgx.Tx) error {
	var owner string
	err := tx.QueryRow(ctx, a.sql(`SELECT quote_ident(pg_get_userbyid(relowner)) FROM pg_class WHERE oid = 'OLD.stats'::regclass`)).Scan(&owner)
	if err != nil {
		return err
	}
	statements := []string{`DROP TABLE OLD.stats, OLD.client`,
		`DROP TABLE IF EXISTS OLD.alembic_version, OLD.goose_db_version`} // which a refused db_init has left
	move := func(kind, name string) {
		statements = append(statements, fmt.Sprintf(`ALTER %s %s.%s SET SCHEMA %s`, kind, adoptionSchema, name, a.old),
			fmt.Sprintf(`ALTER %s OLD.%s OWNER TO %s`, kind, name, owner))
	}
	for _, table := range ownTables {
		move("TABLE", table)
	}
	move("VIEW", "stats_with_data")
	move("FUNCTION", "audit_log_append_only()")
	statements = append(statements, fmt.Sprintf(`DROP TABLE %[1]s.progress, %[1]s.content`, adoptionSchema),
		fmt.Sprintf(`DROP FUNCTION %s.refuse()`, adoptionSchema), `DROP SCHEMA `+adoptionSchema)
	for _, statement := range statements {
		if _, err := tx.Exec(ctx, a.sql(statement)); err != nil {
			return err
		}
	}
	return nil
}

// note records the adoption in the audit log.
func (a *adoption) note(ctx context.Context, tx pgx.Tx) error {
	after, err := json.Marshal(map[string]any{"clients": a.Clients, "stats": a.Stats})
	if err != nil {
		return err
	}
	events := auditColumns([]audit.Event{{
		At: a.store.timestamp(), Actor: audit.ActorOf(ctx), Action: audit.DatabaseAdopt, Target: audit.Database, After: after,
	}})
	return db.New(tx).AppendAudit(ctx, events)
}

// compareStatements count the rows that differ between the old and the new tables. The
// contents were compared page by page.
var compareStatements = map[string]string{
	"clients": `SELECT count(*) FROM OLD.client AS o FULL JOIN ` + adoptionSchema + `.client AS n ON n.id = o.id
		WHERE o.id IS NULL OR n.id IS NULL OR (o.uuid, o.name) IS DISTINCT FROM (n.uuid, n.name)
		   OR sha256(convert_to(nullif(o.token, ''), 'UTF8')) IS DISTINCT FROM n.token_digest`,
	"stats": `SELECT count(*) FROM OLD.stats AS o FULL JOIN ` + adoptionSchema + `.stats AS n ON n.uuid = o.uuid
		WHERE o.uuid IS NULL OR n.uuid IS NULL
		   OR (o.anr, o.type, o.date, o.client_id) IS DISTINCT FROM (n.anr, n.type, n.date, n.client_id)`,
}

func (a *adoption) compare(ctx context.Context, tx pgx.Tx) error {
	for what, statement := range compareStatements {
		var n int64
		if err := tx.QueryRow(ctx, a.sql(statement)).Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("%d %s differ between the old tables and the new ones, which are both still there: nothing was dropped", n, what)
		}
	}
	return nil
}

// alembicVersion returns the version of the Python service's migrations, nil if there
// is none.
func (a *adoption) alembicVersion(ctx context.Context, tx pgx.Tx) (version *string, err error) {
	var exists bool
	if err := tx.QueryRow(ctx, a.sql(`SELECT to_regclass('OLD.alembic_version') IS NOT NULL`)).Scan(&exists); err != nil || !exists {
		return nil, err
	}
	err = tx.QueryRow(ctx, a.sql(`SELECT max(version_num) FROM OLD.alembic_version`)).Scan(&version)
	return version, err
}

// finish vacuums and measures the new tables.
func (a *adoption) finish(ctx context.Context) {
	vacuum(ctx, a.conn, a.old, ownTables)
	for _, table := range ownTables {
		var size int64
		if a.conn.QueryRow(ctx, `SELECT pg_total_relation_size($1::text::regclass)`, a.old+"."+table).Scan(&size) == nil {
			a.BytesAfter += size
		}
	}
}

// vacuum vacuums tables. It ignores errors: only speed depends on it.
func vacuum(ctx context.Context, conn *pgx.Conn, schema string, tables []string) {
	for _, table := range tables {
		_, _ = conn.Exec(ctx, `VACUUM (ANALYZE) `+schema+`.`+table)
	}
}

// adoptionPage bounds the stats of a transaction. oldChunkBytes bounds the documents in
// memory by their stored size, which compression makes smaller than their text.
const (
	adoptionPage  = 500
	oldChunkBytes = 1 << 20
)

// after returns the UUID of the last copied stat, nil at the start.
func (a *adoption) after(ctx context.Context) (after *uuid.UUID, err error) {
	var copied int64
	err = a.conn.QueryRow(ctx, `SELECT after, copied FROM `+adoptionSchema+`.progress`).Scan(&after, &copied)
	a.advance(int(copied))
	return after, err
}

func (a *adoption) copyStats(ctx context.Context) error {
	after, err := a.after(ctx)
	if err != nil {
		return err
	}
	for {
		rows, err := a.oldRows(ctx, after)
		if err != nil || len(rows) == 0 {
			return err
		}
		if err := pgx.BeginFunc(ctx, a.conn, func(tx pgx.Tx) error { return a.copyPage(ctx, tx, rows) }); err != nil {
			return err
		}
		after = &rows[len(rows)-1].id
		a.advance(len(rows))
	}
}
