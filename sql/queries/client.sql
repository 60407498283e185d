-- name: InsertClient :one
-- Returns no row if the token is the previous token of another client within its grace
-- period.
INSERT INTO client (
    uuid, name, token_digest, token_sealed, role, latitude, longitude,
    local, is_sharing_enabled, is_active, created_at, updated_at
)
SELECT
    @uuid::uuid, @name::text, @token_digest::bytea, @token_sealed::bytea, @role::smallint,
    sqlc.narg('latitude')::double precision, sqlc.narg('longitude')::double precision,
    @local::boolean, @is_sharing_enabled::boolean, @is_active::boolean,
    @created_at::timestamptz, @created_at::timestamptz
WHERE NOT EXISTS (
    SELECT 1 FROM client AS other
    WHERE other.previous_token_digest = @token_digest::bytea
      AND other.previous_token_until > @created_at::timestamptz
)
RETURNING *;

-- name: ClientByTokenDigest :one
SELECT * FROM client
WHERE token_digest = @token_digest::bytea
   OR (previous_token_digest = @token_digest::bytea AND previous_token_until > @now::timestamptz);

-- name: ClientByUUID :one
SELECT * FROM client WHERE uuid = @uuid::uuid;

-- name: ClientByName :one
SELECT * FROM client WHERE name = @name::text;

-- name: ListClients :many
SELECT * FROM client ORDER BY created_at, id;

-- name: UpdateClient :one
-- NULL leaves a column unchanged.
UPDATE client
SET name               = coalesce(sqlc.narg('name')::text, name),
    role               = coalesce(sqlc.narg('role')::smallint, role),
    is_active          = coalesce(sqlc.narg('is_active')::boolean, is_active),
    is_sharing_enabled = coalesce(sqlc.narg('is_sharing_enabled')::boolean, is_sharing_enabled),
    local              = coalesce(sqlc.narg('local')::boolean, local),
    is_processed       = coalesce(sqlc.narg('is_processed')::boolean, is_processed),
    updated_at         = @updated_at::timestamptz
WHERE uuid = @uuid::uuid
RETURNING *;

-- name: SetClientCoordinates :one
UPDATE client
SET latitude   = sqlc.narg('latitude')::double precision,
    longitude  = sqlc.narg('longitude')::double precision,
    updated_at = @updated_at::timestamptz
WHERE uuid = @uuid::uuid
RETURNING *;

-- name: RotateClientToken :one
UPDATE client
SET token_digest          = @token_digest::bytea,
    token_sealed          = @token_sealed::bytea,
    previous_token_digest = token_digest,
    previous_token_until  = @previous_token_until::timestamptz,
    updated_at            = @updated_at::timestamptz
WHERE uuid = @uuid::uuid
RETURNING *;

-- name: LockClient :one
-- Waits for transactions that store stats of the client, and blocks further ones.
SELECT * FROM client WHERE uuid = @uuid::uuid FOR UPDATE;

-- name: ClientToChange :one
-- Waits for other changes of the client, but not for transactions that store its stats.
SELECT * FROM client WHERE uuid = @uuid::uuid FOR NO KEY UPDATE;

-- name: DeleteClient :exec
DELETE FROM client WHERE id = @id::bigint;

-- name: CountClients :one
SELECT count(*) FROM client;

-- name: RecordClientsSeen :exec
UPDATE client
SET last_seen = greatest(client.last_seen, seen.at)
FROM (SELECT unnest(@ids::bigint[]) AS id, unnest(@times::timestamptz[]) AS at) AS seen
WHERE client.id = seen.id;
