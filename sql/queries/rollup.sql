-- name: LockShared :exec
SELECT pg_advisory_xact_lock_shared(@lock_key::bigint);

-- name: LockExclusive :exec
SELECT pg_advisory_xact_lock(@lock_key::bigint);

-- name: TryLockExclusive :one
SELECT pg_try_advisory_xact_lock(@lock_key::bigint);

-- name: LockSession :exec
-- Until the connection is closed.
SELECT pg_advisory_lock(@lock_key::bigint);

-- name: Notify :exec
SELECT pg_notify(@channel::text, change) FROM unnest(@changes::text[]) AS change;

-- name: ClientsLocal :many
SELECT id, local FROM client WHERE id = ANY (@ids::bigint[]) ORDER BY id;

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
-- In one statement, and so from one state of the database: a delta is seen
-- either by itself or in the rollup that it was added to.
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
-- Those that the transaction's snapshot shows: later ones stay.
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
SELECT s.type, s.date, c.local, s.observations
FROM stats AS s
JOIN client AS c ON c.id = s.client_id
WHERE s.date >= @date_from::date AND s.date <= @date_to::date
ORDER BY s.date;

-- name: ObservationsOfClient :many
SELECT type, date, observations FROM stats WHERE client_id = @client_id::bigint ORDER BY date;

-- name: CountStats :one
SELECT count(*) FROM stats;

-- name: StatsToDerive :many
-- A page of all stats, in the order of their uuids.
SELECT s.uuid, s.anr, s.type, s.date, s.data, s.client_id, s.content_id, s.observations, c.uuid AS client_uuid
FROM stats AS s
JOIN client AS c ON c.id = s.client_id
WHERE s.uuid > @after::uuid
ORDER BY s.uuid
LIMIT @max_rows::bigint;

-- name: SetContentIDs :exec
-- Missing is written in a way that no index serves: there may be as many missing
-- as there are rows.
UPDATE stats
SET content_id = derived.content_id
FROM (SELECT unnest(@uuids::uuid[]) AS uuid, unnest(@content_ids::uuid[]) AS content_id) AS derived
WHERE stats.uuid = derived.uuid
  AND coalesce(stats.content_id, '00000000-0000-0000-0000-000000000000') = '00000000-0000-0000-0000-000000000000';

-- name: SetObservations :many
-- Only where they still are what they were: what is returned was changed by this
-- and nobody else.
UPDATE stats
SET observations = derived.observations
FROM (
    SELECT unnest(@uuids::uuid[]) AS uuid, unnest(@before::bytea[]) AS before, unnest(@observations::bytea[]) AS observations
) AS derived
WHERE stats.uuid = derived.uuid AND stats.observations IS NOT DISTINCT FROM derived.before
RETURNING stats.uuid;
