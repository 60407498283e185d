-- name: InsertStats :many
-- Returns no rows for UUIDs that exist already, whoever owns them, and leaves those
-- stats unchanged.
INSERT INTO stats (created_at, client_id, uuid, anr, digest, date, type)
SELECT
    @created_at::timestamptz,
    @client_id::bigint,
    unnest(@uuids::uuid[]),
    unnest(@anrs::uuid[]),
    unnest(@digests::uuid[]),
    unnest(@dates::date[]),
    unnest(@types::text[])
ON CONFLICT DO NOTHING
RETURNING uuid;

-- name: StoredStats :many
-- Which of these the client has; the oldest of several equal stats. The client is
-- compared in a form that no index matches: it may have a million other stats.
SELECT DISTINCT ON (s.anr, s.date, s.digest) s.anr, s.date, s.digest, s.uuid, s.created_at
FROM (
    SELECT unnest(@anrs::uuid[]) AS anr, unnest(@types::text[]) AS type,
        unnest(@dates::date[]) AS date, unnest(@digests::uuid[]) AS digest
) AS wanted
JOIN stats AS s ON s.anr = wanted.anr AND s.type = wanted.type AND s.date = wanted.date AND s.digest = wanted.digest
WHERE coalesce(s.client_id, -1) = @client_id::bigint
ORDER BY s.anr, s.date, s.digest, s.created_at, s.uuid;

-- name: TakenUUIDs :many
SELECT uuid FROM stats WHERE uuid = ANY (@uuids::uuid[]) ORDER BY uuid;

-- name: ListStats :many
-- OFFSET 0 makes PostgreSQL read documents last, one by one in the order of the stats,
-- so that it neither sorts nor skips rows with their data. For given analyses, the
-- client is compared in a form that no index matches: the index of series finds fewer
-- rows.
SELECT s.uuid, s.anr, s.type, s.date, d.data, s.created_at, s.client_id
FROM (
    SELECT uuid, anr, type, date, created_at, coalesce(client_id, 0)::bigint AS client_id, digest
    FROM stats
    WHERE (sqlc.narg('client_id')::bigint IS NULL OR CASE
          WHEN sqlc.narg('anrs')::uuid[] IS NULL THEN client_id = sqlc.narg('client_id')::bigint
          ELSE coalesce(client_id, -1) = sqlc.narg('client_id')::bigint
      END)
      AND (sqlc.narg('type')::text IS NULL OR type = sqlc.narg('type')::text)
      AND (sqlc.narg('anrs')::uuid[] IS NULL OR anr = ANY (sqlc.narg('anrs')::uuid[]))
      AND (sqlc.narg('date_from')::date IS NULL OR date >= sqlc.narg('date_from')::date)
      AND (sqlc.narg('date_to')::date IS NULL OR date <= sqlc.narg('date_to')::date)
      AND (NOT @local_only::boolean OR client_id IN (SELECT client.id FROM client WHERE client.local))
    ORDER BY CASE WHEN @group_by_anr::boolean THEN anr END, date DESC, uuid
    LIMIT @max_rows::bigint OFFSET @skip_rows::bigint
) AS s
CROSS JOIN LATERAL (
    SELECT document.data FROM document WHERE document.anr = s.anr AND document.digest = s.digest OFFSET 0
) AS d
ORDER BY CASE WHEN @group_by_anr::boolean THEN s.anr END, s.date DESC, s.uuid;

-- name: NewestDay :one
-- The newest day of ListStats, whether clients are local or not.
SELECT date
FROM stats
WHERE (sqlc.narg('client_id')::bigint IS NULL OR CASE
      WHEN sqlc.narg('anrs')::uuid[] IS NULL THEN client_id = sqlc.narg('client_id')::bigint
      ELSE coalesce(client_id, -1) = sqlc.narg('client_id')::bigint
  END)
  AND (sqlc.narg('type')::text IS NULL OR type = sqlc.narg('type')::text)
  AND (sqlc.narg('anrs')::uuid[] IS NULL OR anr = ANY (sqlc.narg('anrs')::uuid[]))
  AND (sqlc.narg('date_from')::date IS NULL OR date >= sqlc.narg('date_from')::date)
  AND (sqlc.narg('date_to')::date IS NULL OR date <= sqlc.narg('date_to')::date)
ORDER BY date DESC
LIMIT 1;

-- name: ListLastStats :many
-- Skips through indexes from analysis to analysis, and within them from type to type.
WITH RECURSIVE analysis AS (
    (
        SELECT s.anr
        FROM stats AS s
        WHERE (sqlc.narg('client_id')::bigint IS NULL OR s.client_id = sqlc.narg('client_id')::bigint)
        ORDER BY s.anr
        LIMIT 1
    )
    UNION ALL
    SELECT following.anr
    FROM analysis CROSS JOIN LATERAL (
        SELECT s.anr
        FROM stats AS s
        WHERE s.anr > analysis.anr
          AND (sqlc.narg('client_id')::bigint IS NULL OR s.client_id = sqlc.narg('client_id')::bigint)
        ORDER BY s.anr
        LIMIT 1
    ) AS following
), series AS (
    SELECT analysis.anr, first.type
    FROM analysis CROSS JOIN LATERAL (
        SELECT s.type FROM stats AS s WHERE s.anr = analysis.anr ORDER BY s.type LIMIT 1
    ) AS first
    UNION ALL
    SELECT series.anr, following.type
    FROM series CROSS JOIN LATERAL (
        SELECT s.type FROM stats AS s WHERE s.anr = series.anr AND s.type > series.type ORDER BY s.type LIMIT 1
    ) AS following
)
SELECT s.uuid, s.anr, s.type, s.date, d.data, s.created_at, s.client_id
FROM (
    SELECT newest.uuid, newest.anr, newest.type, newest.date, newest.created_at,
        coalesce(newest.client_id, 0)::bigint AS client_id, newest.digest
    FROM series CROSS JOIN LATERAL (
        SELECT s.uuid, s.anr, s.type, s.date, s.created_at, s.client_id, s.digest
        FROM stats AS s
        WHERE s.anr = series.anr AND s.type = series.type
          AND (sqlc.narg('client_id')::bigint IS NULL OR s.client_id = sqlc.narg('client_id')::bigint)
          AND (NOT @local_only::boolean OR s.client_id IN (SELECT client.id FROM client WHERE client.local))
        ORDER BY s.date DESC, s.created_at DESC, s.uuid
        LIMIT 1
    ) AS newest
    WHERE (sqlc.narg('type')::text IS NULL OR series.type = sqlc.narg('type')::text)
    ORDER BY CASE WHEN @group_by_anr::boolean THEN newest.anr END, newest.date DESC, newest.uuid
    LIMIT @max_rows::bigint OFFSET @skip_rows::bigint
) AS s
CROSS JOIN LATERAL (
    SELECT document.data FROM document WHERE document.anr = s.anr AND document.digest = s.digest OFFSET 0
) AS d
ORDER BY CASE WHEN @group_by_anr::boolean THEN s.anr END, s.date DESC, s.uuid;

-- name: ListLastStatsOfAnalyses :many
-- ListLastStats of given analyses.
WITH RECURSIVE series AS (
    SELECT wanted.anr, first.type
    FROM (SELECT unnest(@anrs::uuid[]) AS anr) AS wanted CROSS JOIN LATERAL (
        SELECT s.type FROM stats AS s WHERE s.anr = wanted.anr ORDER BY s.type LIMIT 1
    ) AS first
    UNION
    SELECT series.anr, following.type
    FROM series CROSS JOIN LATERAL (
        SELECT s.type FROM stats AS s WHERE s.anr = series.anr AND s.type > series.type ORDER BY s.type LIMIT 1
    ) AS following
)
SELECT s.uuid, s.anr, s.type, s.date, d.data, s.created_at, s.client_id
FROM (
    SELECT newest.uuid, newest.anr, newest.type, newest.date, newest.created_at,
        coalesce(newest.client_id, 0)::bigint AS client_id, newest.digest
    FROM series CROSS JOIN LATERAL (
        SELECT s.uuid, s.anr, s.type, s.date, s.created_at, s.client_id, s.digest
        FROM stats AS s
        WHERE s.anr = series.anr AND s.type = series.type
          AND (sqlc.narg('client_id')::bigint IS NULL OR s.client_id = sqlc.narg('client_id')::bigint)
          AND (NOT @local_only::boolean OR s.client_id IN (SELECT client.id FROM client WHERE client.local))
        ORDER BY s.date DESC, s.created_at DESC, s.uuid
        LIMIT 1
    ) AS newest
    WHERE (sqlc.narg('type')::text IS NULL OR series.type = sqlc.narg('type')::text)
    ORDER BY CASE WHEN @group_by_anr::boolean THEN newest.anr END, newest.date DESC, newest.uuid
    LIMIT @max_rows::bigint OFFSET @skip_rows::bigint
) AS s
CROSS JOIN LATERAL (
    SELECT document.data FROM document WHERE document.anr = s.anr AND document.digest = s.digest OFFSET 0
) AS d
ORDER BY CASE WHEN @group_by_anr::boolean THEN s.anr END, s.date DESC, s.uuid;

-- name: ListLastStatsDistributed :many
-- ListLastStats for distributed stats, which support neither recursion nor LATERAL with
-- LIMIT: the nodes read every matching row.
SELECT s.uuid, s.anr, s.type, s.date, d.data, s.created_at, s.client_id
FROM (
    SELECT newest.uuid, newest.anr, newest.type, newest.date, newest.created_at, newest.client_id, newest.digest
    FROM (
        SELECT DISTINCT ON (s.anr, s.type) s.uuid, s.anr, s.type, s.date, s.created_at,
            coalesce(s.client_id, 0)::bigint AS client_id, s.digest
        FROM stats AS s
        WHERE (sqlc.narg('type')::text IS NULL OR s.type = sqlc.narg('type')::text)
          AND (sqlc.narg('anrs')::uuid[] IS NULL OR s.anr = ANY (sqlc.narg('anrs')::uuid[]))
          AND (sqlc.narg('client_id')::bigint IS NULL OR s.client_id = sqlc.narg('client_id')::bigint)
          AND (NOT @local_only::boolean OR s.client_id IN (SELECT client.id FROM client WHERE client.local))
        ORDER BY s.anr, s.type, s.date DESC, s.created_at DESC, s.uuid
    ) AS newest
    ORDER BY CASE WHEN @group_by_anr::boolean THEN newest.anr END, newest.date DESC, newest.uuid
    LIMIT @max_rows::bigint OFFSET @skip_rows::bigint
) AS s
JOIN document AS d ON d.anr = s.anr AND d.digest = s.digest
WHERE sqlc.narg('anrs')::uuid[] IS NULL OR d.anr = ANY (sqlc.narg('anrs')::uuid[])
ORDER BY CASE WHEN @group_by_anr::boolean THEN s.anr END, s.date DESC, s.uuid;

-- name: StatByUUID :one
-- The client is compared in a form that no index matches, so that the primary key is
-- used.
SELECT s.uuid, s.anr, s.type, s.date, d.data, s.created_at, coalesce(s.client_id, 0)::bigint AS client_id
FROM stats AS s
JOIN document AS d ON d.anr = s.anr AND d.digest = s.digest
WHERE s.uuid = @uuid::uuid
  AND s.anr = @anr::uuid
  AND (sqlc.narg('client_id')::bigint IS NULL OR coalesce(s.client_id, -1) = sqlc.narg('client_id')::bigint);

-- name: DeleteStats :many
DELETE FROM stats
WHERE anr = @anr::uuid
  AND (sqlc.narg('uuid')::uuid IS NULL OR uuid = sqlc.narg('uuid')::uuid)
  AND (sqlc.narg('client_id')::bigint IS NULL OR coalesce(client_id, -1) = sqlc.narg('client_id')::bigint)
RETURNING anr, digest, type, date, coalesce(client_id, 0)::bigint AS client_id;

-- name: DeleteStatsByKey :many
-- In distributed stats, two analyses may have a stat with the same UUID.
DELETE FROM stats
WHERE uuid = ANY (@uuids::uuid[])
  AND (anr, uuid) IN (SELECT unnest(@anrs::uuid[]), unnest(@uuids::uuid[]))
RETURNING anr, digest, type, date, coalesce(client_id, 0)::bigint AS client_id;

-- name: NextStatsOfClient :many
SELECT anr, uuid FROM stats WHERE client_id = @client_id::bigint ORDER BY date LIMIT @max_rows::bigint;

-- name: CountStatsOfClient :one
SELECT count(*) FROM stats WHERE client_id = @client_id::bigint;

-- name: NextStatsBefore :many
SELECT anr, uuid FROM stats WHERE date < @before::date ORDER BY date LIMIT @max_rows::bigint;

-- name: CountStatsBefore :one
SELECT count(*) FROM stats WHERE date < @before::date;

-- name: RecordPurge :exec
INSERT INTO purge_state (id, before) VALUES (1, @before::date)
ON CONFLICT (id) DO UPDATE SET before = greatest(purge_state.before, EXCLUDED.before);

-- name: PurgedBefore :one
SELECT before FROM purge_state WHERE id = 1;

-- name: RepeatedAnalyses :many
-- Analyses for which a client has sent the same document twice for a day.
SELECT DISTINCT repeated.anr
FROM (
    SELECT anr
    FROM stats
    WHERE (sqlc.narg('type')::text IS NULL OR type = sqlc.narg('type')::text)
      AND (sqlc.narg('date_from')::date IS NULL OR date >= sqlc.narg('date_from')::date)
    GROUP BY anr, type, date, digest, client_id
    HAVING count(*) > 1
) AS repeated
ORDER BY repeated.anr;

-- name: RepeatedStats :many
-- The stats of an analysis that repeat an older one of the same client.
SELECT anr, uuid
FROM (
    SELECT anr, uuid, row_number() OVER (PARTITION BY type, date, digest, client_id ORDER BY created_at, uuid) AS place
    FROM stats
    WHERE anr = @anr::uuid
      AND (sqlc.narg('type')::text IS NULL OR type = sqlc.narg('type')::text)
      AND (sqlc.narg('date_from')::date IS NULL OR date >= sqlc.narg('date_from')::date)
) AS placed
WHERE place > 1
ORDER BY uuid;

-- name: NewestStats :many
-- The newest stat of each client, analysis and type, without data. It skips like
-- ListLastStats, except for stats without a client.
WITH RECURSIVE analysis AS (
    (
        SELECT s.client_id, s.anr
        FROM stats AS s
        ORDER BY s.client_id, s.anr
        LIMIT 1
    )
    UNION ALL
    SELECT following.client_id, following.anr
    FROM analysis CROSS JOIN LATERAL (
        SELECT s.client_id, s.anr
        FROM stats AS s
        WHERE (s.client_id, s.anr) > (analysis.client_id, analysis.anr)
        ORDER BY s.client_id, s.anr
        LIMIT 1
    ) AS following
), series AS (
    SELECT analysis.client_id, analysis.anr, first.type
    FROM analysis CROSS JOIN LATERAL (
        SELECT s.type FROM stats AS s WHERE s.anr = analysis.anr ORDER BY s.type LIMIT 1
    ) AS first
    UNION ALL
    SELECT series.client_id, series.anr, following.type
    FROM series CROSS JOIN LATERAL (
        SELECT s.type FROM stats AS s WHERE s.anr = series.anr AND s.type > series.type ORDER BY s.type LIMIT 1
    ) AS following
)
SELECT newest.uuid, newest.anr, newest.type, newest.date, newest.created_at, newest.client_id::bigint AS client_id
FROM series CROSS JOIN LATERAL (
    SELECT s.uuid, s.anr, s.type, s.date, s.created_at, s.client_id
    FROM stats AS s
    WHERE s.client_id = series.client_id AND s.anr = series.anr AND s.type = series.type
    ORDER BY s.date DESC, s.created_at DESC, s.uuid
    LIMIT 1
) AS newest
UNION ALL
(
    SELECT DISTINCT ON (s.anr, s.type) s.uuid, s.anr, s.type, s.date, s.created_at, 0::bigint AS client_id
    FROM stats AS s
    WHERE s.client_id IS NULL
    ORDER BY s.anr, s.type, s.date DESC, s.created_at DESC, s.uuid
)
ORDER BY client_id, anr, type;

-- name: NewestStatsDistributed :many
-- NewestStats for distributed stats: see ListLastStatsDistributed.
SELECT DISTINCT ON (coalesce(client_id, 0), anr, type) uuid, anr, type, date, created_at, coalesce(client_id, 0)::bigint AS client_id
FROM stats
ORDER BY coalesce(client_id, 0), anr, type, date DESC, created_at DESC, uuid;

-- name: CountStats :one
SELECT count(*) FROM stats;

-- name: CountStatsByType :many
SELECT type, count(*) AS rows FROM stats GROUP BY type ORDER BY type;
