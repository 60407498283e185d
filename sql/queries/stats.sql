-- name: InsertStats :many
-- Rows whose uuid exists, whoever owns it, are left as they are and not returned.
INSERT INTO stats (uuid, anr, type, date, data, created_at, client_id, content_id, observations)
SELECT
    unnest(@uuids::uuid[]),
    unnest(@anrs::uuid[]),
    unnest(@types::text[]),
    unnest(@dates::date[]),
    unnest(@data::jsonb[]),
    @created_at::timestamptz,
    @client_id::bigint,
    unnest(@content_ids::uuid[]),
    unnest(@observations::bytea[])
ON CONFLICT (uuid) DO NOTHING
RETURNING uuid;

-- name: StatsByContentID :many
-- When several rows have the same content, the oldest is the one that counts.
SELECT DISTINCT ON (content_id) content_id::uuid AS content_id, uuid, created_at
FROM stats
WHERE content_id = ANY (@content_ids::uuid[]) AND client_id = @client_id::bigint
ORDER BY content_id, created_at, uuid;

-- name: LockContent :exec
SELECT pg_advisory_xact_lock(@content_key::bigint);

-- name: ListStats :many
SELECT uuid, anr, type, date, data, created_at, client_id
FROM stats
WHERE (sqlc.narg('client_id')::bigint IS NULL OR client_id = sqlc.narg('client_id')::bigint)
  AND (sqlc.narg('type')::text IS NULL OR type = sqlc.narg('type')::text)
  AND (sqlc.narg('anrs')::uuid[] IS NULL OR anr = ANY (sqlc.narg('anrs')::uuid[]))
  AND (sqlc.narg('date_from')::date IS NULL OR date >= sqlc.narg('date_from')::date)
  AND (sqlc.narg('date_to')::date IS NULL OR date <= sqlc.narg('date_to')::date)
  AND (NOT @local_only::boolean OR client_id IN (SELECT client.id FROM client WHERE client.local))
ORDER BY CASE WHEN @group_by_anr::boolean THEN anr END, date DESC, uuid
LIMIT sqlc.narg('max_rows')::bigint OFFSET @skip_rows::bigint;

-- name: ListLastStats :many
-- Skips from series to series (client, analysis and type) in stats_series_idx.
WITH RECURSIVE series AS (
    (
        SELECT s.client_id, s.anr, s.type
        FROM stats AS s
        WHERE (sqlc.narg('client_id')::bigint IS NULL OR s.client_id = sqlc.narg('client_id')::bigint)
        ORDER BY s.client_id, s.anr, s.type
        LIMIT 1
    )
    UNION ALL
    SELECT following.client_id, following.anr, following.type
    FROM series CROSS JOIN LATERAL (
        SELECT s.client_id, s.anr, s.type
        FROM stats AS s
        WHERE (s.client_id, s.anr, s.type) > (series.client_id, series.anr, series.type)
          AND (sqlc.narg('client_id')::bigint IS NULL OR s.client_id = sqlc.narg('client_id')::bigint)
        ORDER BY s.client_id, s.anr, s.type
        LIMIT 1
    ) AS following
)
SELECT uuid, anr, type, date, data, created_at, client_id
FROM stats
WHERE uuid IN (
    SELECT DISTINCT ON (newest.anr, newest.type) newest.uuid
    FROM series CROSS JOIN LATERAL (
        SELECT s.uuid, s.anr, s.type, s.date, s.created_at
        FROM stats AS s
        WHERE s.client_id = series.client_id AND s.anr = series.anr AND s.type = series.type
        ORDER BY s.date DESC, s.created_at DESC, s.uuid
        LIMIT 1
    ) AS newest
    WHERE (sqlc.narg('type')::text IS NULL OR series.type = sqlc.narg('type')::text)
      AND (NOT @local_only::boolean OR series.client_id IN (SELECT client.id FROM client WHERE client.local))
    ORDER BY newest.anr, newest.type, newest.date DESC, newest.created_at DESC, newest.uuid
)
ORDER BY CASE WHEN @group_by_anr::boolean THEN anr END, date DESC, uuid
LIMIT sqlc.narg('max_rows')::bigint OFFSET @skip_rows::bigint;

-- name: ListLastStatsOfAnalyses :many
SELECT uuid, anr, type, date, data, created_at, client_id
FROM stats
WHERE uuid IN (
    SELECT newest.uuid
    FROM unnest(@anrs::uuid[]) AS wanted_anr
    CROSS JOIN unnest(@types::text[]) AS wanted_type
    CROSS JOIN LATERAL (
        SELECT s.uuid
        FROM stats AS s
        WHERE s.anr = wanted_anr AND s.type = wanted_type
          AND (sqlc.narg('client_id')::bigint IS NULL OR s.client_id = sqlc.narg('client_id')::bigint)
          AND (NOT @local_only::boolean OR s.client_id IN (SELECT client.id FROM client WHERE client.local))
        ORDER BY s.date DESC, s.created_at DESC, s.uuid
        LIMIT 1
    ) AS newest
)
ORDER BY CASE WHEN @group_by_anr::boolean THEN anr END, date DESC, uuid
LIMIT sqlc.narg('max_rows')::bigint OFFSET @skip_rows::bigint;

-- name: ListLastStatsDistributed :many
-- ListLastStats where stats are distributed, for which neither recursion nor
-- LATERAL with LIMIT is to be had: the nodes look at every row that matches.
SELECT uuid, anr, type, date, data, created_at, client_id
FROM stats
WHERE uuid IN (
    SELECT newest.uuid
    FROM (
        SELECT DISTINCT ON (s.anr, s.type) s.uuid, s.anr, s.type, s.date, s.created_at
        FROM stats AS s
        WHERE (sqlc.narg('type')::text IS NULL OR s.type = sqlc.narg('type')::text)
          AND (sqlc.narg('anrs')::uuid[] IS NULL OR s.anr = ANY (sqlc.narg('anrs')::uuid[]))
          AND (sqlc.narg('client_id')::bigint IS NULL OR s.client_id = sqlc.narg('client_id')::bigint)
          AND (NOT @local_only::boolean OR s.client_id IN (SELECT client.id FROM client WHERE client.local))
        ORDER BY s.anr, s.type, s.date DESC, s.created_at DESC, s.uuid
    ) AS newest
)
ORDER BY CASE WHEN @group_by_anr::boolean THEN anr END, date DESC, uuid
LIMIT sqlc.narg('max_rows')::bigint OFFSET @skip_rows::bigint;

-- name: StatByUUID :one
-- The client is compared in a way that no index serves, so that the primary key
-- is taken.
SELECT uuid, anr, type, date, data, created_at, client_id
FROM stats
WHERE uuid = @uuid::uuid
  AND anr = @anr::uuid
  AND coalesce(client_id = sqlc.narg('client_id')::bigint, true);

-- name: DeleteStats :many
DELETE FROM stats
WHERE anr = @anr::uuid
  AND (sqlc.narg('uuid')::uuid IS NULL OR uuid = sqlc.narg('uuid')::uuid)
  AND (sqlc.narg('client_id')::bigint IS NULL OR client_id = sqlc.narg('client_id')::bigint)
RETURNING type, date, client_id, observations;

-- name: DeleteStatsByUUID :many
DELETE FROM stats
WHERE uuid = ANY (@uuids::uuid[])
RETURNING type, date, client_id, observations;

-- name: NextStatsOfClient :many
SELECT uuid FROM stats WHERE client_id = @client_id::bigint ORDER BY date LIMIT @max_rows::bigint;

-- name: CountStatsOfClient :one
SELECT count(*) FROM stats WHERE client_id = @client_id::bigint;

-- name: NextStatsBefore :many
SELECT uuid FROM stats WHERE date < @before::date ORDER BY date LIMIT @max_rows::bigint;

-- name: CountStatsBefore :one
SELECT count(*) FROM stats WHERE date < @before::date;

-- name: RecordPurge :exec
INSERT INTO purge_state (id, before) VALUES (1, @before::date)
ON CONFLICT (id) DO UPDATE SET before = greatest(purge_state.before, EXCLUDED.before);

-- name: PurgedBefore :one
SELECT before FROM purge_state WHERE id = 1;

-- name: HasUnidentified :one
SELECT EXISTS (SELECT FROM stats WHERE content_id IS NULL);

-- name: CountUnidentified :one
SELECT count(*) FROM stats WHERE content_id IS NULL;

-- name: RepeatedContents :many
-- Contents that more than one row has. The id of a content is derived from its
-- client, analysis, type and date too.
SELECT content_id::uuid AS content_id
FROM stats
WHERE content_id IS NOT NULL
GROUP BY content_id
HAVING count(*) > 1
ORDER BY content_id;

-- name: RowsOfContents :many
-- The oldest row of each content comes first.
SELECT uuid, content_id::uuid AS content_id, client_id
FROM stats
WHERE content_id = ANY (@content_ids::uuid[])
  AND (sqlc.narg('type')::text IS NULL OR type = sqlc.narg('type')::text)
  AND (sqlc.narg('date_from')::date IS NULL OR date >= sqlc.narg('date_from')::date)
ORDER BY content_id, client_id, created_at, uuid;

-- name: NewestStats :many
-- The newest stats of each client, analysis and type, without what it says: see
-- ListLastStats.
WITH RECURSIVE series AS (
    (
        SELECT s.client_id, s.anr, s.type
        FROM stats AS s
        ORDER BY s.client_id, s.anr, s.type
        LIMIT 1
    )
    UNION ALL
    SELECT following.client_id, following.anr, following.type
    FROM series CROSS JOIN LATERAL (
        SELECT s.client_id, s.anr, s.type
        FROM stats AS s
        WHERE (s.client_id, s.anr, s.type) > (series.client_id, series.anr, series.type)
        ORDER BY s.client_id, s.anr, s.type
        LIMIT 1
    ) AS following
)
SELECT newest.uuid, newest.anr, newest.type, newest.date, newest.created_at, newest.client_id
FROM series CROSS JOIN LATERAL (
    SELECT s.uuid, s.anr, s.type, s.date, s.created_at, s.client_id
    FROM stats AS s
    WHERE s.client_id = series.client_id AND s.anr = series.anr AND s.type = series.type
    ORDER BY s.date DESC, s.created_at DESC, s.uuid
    LIMIT 1
) AS newest
ORDER BY newest.client_id, newest.anr, newest.type;

-- name: NewestStatsDistributed :many
-- NewestStats where stats are distributed: see ListLastStatsDistributed.
SELECT DISTINCT ON (client_id, anr, type) uuid, anr, type, date, created_at, client_id
FROM stats
ORDER BY client_id, anr, type, date DESC, created_at DESC, uuid;

-- name: CountStatsByType :many
SELECT type, count(*) AS rows FROM stats GROUP BY type ORDER BY type;

-- name: ObservationsByDay :many
SELECT date, observations
FROM stats
WHERE type = @type::text
  AND (sqlc.narg('anrs')::uuid[] IS NULL OR anr = ANY (sqlc.narg('anrs')::uuid[]))
  AND (sqlc.narg('date_from')::date IS NULL OR date >= sqlc.narg('date_from')::date)
  AND (sqlc.narg('date_to')::date IS NULL OR date <= sqlc.narg('date_to')::date)
  AND (NOT @local_only::boolean OR client_id IN (SELECT client.id FROM client WHERE client.local))
ORDER BY date;

-- name: CountUnprocessableStats :one
SELECT count(*) FROM stats WHERE observations IS NULL;

-- name: CountUnprocessableOfType :one
SELECT count(*) FROM stats WHERE type = @type::text AND observations IS NULL;
