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
SELECT uuid, anr, type, date, data, created_at, client_id
FROM stats
WHERE uuid IN (
    SELECT DISTINCT ON (s.anr, s.type) s.uuid
    FROM stats AS s
    WHERE (sqlc.narg('client_id')::bigint IS NULL OR s.client_id = sqlc.narg('client_id')::bigint)
      AND (sqlc.narg('type')::text IS NULL OR s.type = sqlc.narg('type')::text)
      AND (sqlc.narg('anrs')::uuid[] IS NULL OR s.anr = ANY (sqlc.narg('anrs')::uuid[]))
      AND (NOT @local_only::boolean OR s.client_id IN (SELECT client.id FROM client WHERE client.local))
    ORDER BY s.anr, s.type, s.date DESC, s.created_at DESC, s.uuid
)
ORDER BY CASE WHEN @group_by_anr::boolean THEN anr END, date DESC, uuid
LIMIT sqlc.narg('max_rows')::bigint OFFSET @skip_rows::bigint;

-- name: StatByUUID :one
SELECT uuid, anr, type, date, data, created_at, client_id
FROM stats
WHERE uuid = @uuid::uuid
  AND anr = @anr::uuid
  AND (sqlc.narg('client_id')::bigint IS NULL OR client_id = sqlc.narg('client_id')::bigint);

-- name: DeleteStats :execrows
DELETE FROM stats
WHERE anr = @anr::uuid
  AND (sqlc.narg('uuid')::uuid IS NULL OR uuid = sqlc.narg('uuid')::uuid)
  AND (sqlc.narg('client_id')::bigint IS NULL OR client_id = sqlc.narg('client_id')::bigint);

-- name: ObservationsByDay :many
SELECT uuid, date, created_at, observations
FROM stats
WHERE type = @type::text
  AND (sqlc.narg('anrs')::uuid[] IS NULL OR anr = ANY (sqlc.narg('anrs')::uuid[]))
  AND (sqlc.narg('date_from')::date IS NULL OR date >= sqlc.narg('date_from')::date)
  AND (sqlc.narg('date_to')::date IS NULL OR date <= sqlc.narg('date_to')::date)
  AND (NOT @local_only::boolean OR client_id IN (SELECT client.id FROM client WHERE client.local))
ORDER BY date;

-- name: CountUnprocessableStats :one
SELECT count(*) FROM stats WHERE observations IS NULL;
