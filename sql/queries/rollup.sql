-- name: LockShared :exec
SELECT pg_advisory_xact_lock_shared(@lock_key::bigint);

-- name: LockExclusive :exec
SELECT pg_advisory_xact_lock(@lock_key::bigint);

-- name: LockAll :exec
-- Locks in the order of the keys.
SELECT pg_advisory_xact_lock(lock_key) FROM unnest(@lock_keys::bigint[]) AS lock_key;

-- name: TryLockExclusive :one
SELECT pg_try_advisory_xact_lock(@lock_key::bigint);

-- name: LockSession :exec
-- Holds the lock until the connection is closed.
SELECT pg_advisory_lock(@lock_key::bigint);

-- name: Notify :exec
-- Notifies listeners, and counts for services that poll (see change_version). Locks rows
-- in the order of the changes.
WITH counted AS (
    INSERT INTO change_version (change, part, version)
    SELECT change, CASE WHEN change = '' THEN (random() * 1e15)::bigint ELSE 0 END, 1
    FROM unnest(@changes::text[]) AS change
    ORDER BY change
    ON CONFLICT ON CONSTRAINT change_version_pkey DO UPDATE SET version = change_version.version + 1
)
SELECT pg_notify(@channel::text, change) FROM unnest(@changes::text[]) AS change;

-- name: AwaitStandby :exec
-- Makes a commit wait for the synchronous standby although it changes nothing. A standby
-- refuses txid_current() like a write.
SELECT pg_logical_emit_message(true, 'stats-service', txid_current()::text) WHERE current_setting('synchronous_standby_names') <> '';

-- name: ChangeVersions :many
SELECT change, sum(version)::bigint AS version FROM change_version GROUP BY change ORDER BY change;

-- name: ClientsCounted :many
-- Whether the stats of these clients count, and as local or not.
SELECT id, local, is_processed FROM client WHERE id = ANY (@ids::bigint[]) ORDER BY id;

-- name: AppendDeltas :exec
INSERT INTO rollup_delta (type, date, local, packed)
SELECT unnest(@types::text[]), unnest(@dates::date[]), unnest(@locals::boolean[]), unnest(@packed::bytea[]);

-- name: OldestDeltas :many
SELECT id, type, date, local, packed FROM rollup_delta ORDER BY id LIMIT @max_rows::bigint;

-- name: DeleteDeltas :exec
DELETE FROM rollup_delta WHERE id = ANY (@ids::bigint[]);

-- name: CountDeltas :one
SELECT count(*) FROM rollup_delta;

-- name: Rollups :many
SELECT r.type, r.date, r.local, r.packed
FROM rollup AS r
JOIN (
    SELECT unnest(@types::text[]) AS type, unnest(@dates::date[]) AS date, unnest(@locals::boolean[]) AS local
) AS wanted ON wanted.type = r.type AND wanted.date = r.date AND wanted.local = r.local
ORDER BY r.type, r.date, r.local;

-- name: PutRollups :exec
INSERT INTO rollup (type, date, local, packed)
SELECT unnest(@types::text[]), unnest(@dates::date[]), unnest(@locals::boolean[]), unnest(@packed::bytea[])
ON CONFLICT (type, date, local) DO UPDATE SET packed = EXCLUDED.packed;

-- name: DeleteRollup :exec
DELETE FROM rollup WHERE type = @type::text AND date = @date::date AND local = @local::boolean;

-- name: RollupsByDay :many
-- One statement reads one state of the database: it sees a delta either by itself or in
-- the rollup that it was merged into.
SELECT date, packed FROM rollup
WHERE rollup.type = @type::text
  AND (sqlc.narg('date_from')::date IS NULL OR rollup.date >= sqlc.narg('date_from')::date)
  AND (sqlc.narg('date_to')::date IS NULL OR rollup.date <= sqlc.narg('date_to')::date)
  AND (NOT @local_only::boolean OR rollup.local)
UNION ALL
SELECT date, packed FROM rollup_delta
WHERE rollup_delta.type = @type::text
  AND (sqlc.narg('date_from')::date IS NULL OR rollup_delta.date >= sqlc.narg('date_from')::date)
  AND (sqlc.narg('date_to')::date IS NULL OR rollup_delta.date <= sqlc.narg('date_to')::date)
  AND (NOT @local_only::boolean OR rollup_delta.local)
ORDER BY date;

-- name: RollupsBetween :many
SELECT type, date, local, packed FROM rollup
WHERE rollup.date >= @date_from::date AND rollup.date <= @date_to::date
UNION ALL
SELECT type, date, local, packed FROM rollup_delta
WHERE rollup_delta.date >= @date_from::date AND rollup_delta.date <= @date_to::date
ORDER BY date;

-- name: RollupsComplete :one
SELECT complete FROM rollup_state WHERE id = 1;

-- name: SetRollupsComplete :exec
UPDATE rollup_state SET complete = true WHERE id = 1;

-- name: ClearRollups :exec
DELETE FROM rollup WHERE date IS NOT NULL;

-- name: ClearDeltas :exec
-- Deletes the deltas that the transaction's snapshot shows. Later ones stay.
DELETE FROM rollup_delta WHERE date IS NOT NULL;

-- name: FirstStatsDay :one
SELECT date FROM stats WHERE date >= @date_from::date ORDER BY date LIMIT 1;

-- name: FirstRollupDay :one
SELECT date FROM rollup WHERE rollup.date >= @date_from::date
UNION ALL
SELECT date FROM rollup_delta WHERE rollup_delta.date >= @date_from::date
ORDER BY date
LIMIT 1;

-- name: ObservationsBetween :many
-- Each document's observations once, with the days on which they count.
-- Unordered: the rows are added up.
-- @sqlc-vet-disable no-unordered-list
SELECT k.type, k.local, k.days::int[] AS days, d.observations
FROM (
    SELECT s.anr, s.digest, s.type, coalesce(c.local, false) AS local, array_agg(s.date - DATE '1970-01-01') AS days
    FROM stats AS s
    LEFT JOIN client AS c ON c.id = s.client_id
    WHERE s.date >= @date_from::date AND s.date <= @date_to::date
      AND coalesce(c.is_processed, true)
    GROUP BY s.anr, s.digest, s.type, coalesce(c.local, false)
) AS k
JOIN document AS d ON d.anr = k.anr AND d.digest = k.digest;

-- name: ObservationsOfClient :many
-- See ObservationsBetween.
-- @sqlc-vet-disable no-unordered-list
SELECT k.type, k.days::int[] AS days, d.observations
FROM (
    SELECT s.anr, s.digest, s.type, array_agg(s.date - DATE '1970-01-01') AS days
    FROM stats AS s
    WHERE s.client_id = @client_id::bigint
    GROUP BY s.anr, s.digest, s.type
) AS k
JOIN document AS d ON d.anr = k.anr AND d.digest = k.digest;

-- name: ObservationsByDay :many
-- See ObservationsBetween. Leaves out muted clients. OFFSET 0 makes PostgreSQL look up
-- documents one by one: a join would read the documents of all analyses if the planner
-- expects many rows.
-- @sqlc-vet-disable no-unordered-list
SELECT k.days::int[] AS days, d.observations
FROM (
    SELECT s.anr, s.digest, array_agg(s.date - DATE '1970-01-01') AS days
    FROM stats AS s
    WHERE s.type = @type::text
      AND (sqlc.narg('anrs')::uuid[] IS NULL OR s.anr = ANY (sqlc.narg('anrs')::uuid[]))
      AND (sqlc.narg('client_id')::bigint IS NULL OR coalesce(s.client_id, -1) = sqlc.narg('client_id')::bigint)
      AND (sqlc.narg('date_from')::date IS NULL OR s.date >= sqlc.narg('date_from')::date)
      AND (sqlc.narg('date_to')::date IS NULL OR s.date <= sqlc.narg('date_to')::date)
      AND coalesce(s.client_id, 0) NOT IN (SELECT client.id FROM client WHERE NOT client.is_processed)
      AND (NOT @local_only::boolean OR s.client_id IN (SELECT client.id FROM client WHERE client.local))
    GROUP BY s.anr, s.digest
) AS k
CROSS JOIN LATERAL (
    SELECT document.observations FROM document WHERE document.anr = k.anr AND document.digest = k.digest OFFSET 0
) AS d;
