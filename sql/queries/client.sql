-- name: InsertClient :one
INSERT INTO client (
    uuid, name, token_digest, token_sealed, role, latitude, longitude,
    local, is_sharing_enabled, is_active, created_at, updated_at
) VALUES (
    @uuid, @name, @token_digest, @token_sealed, @role, sqlc.narg('latitude'), sqlc.narg('longitude'),
    @local, @is_sharing_enabled, @is_active, @created_at, @created_at
)
RETURNING *;

-- name: ClientByTokenDigest :one
SELECT * FROM client WHERE token_digest = @token_digest::bytea;

-- name: ClientByUUID :one
SELECT * FROM client WHERE uuid = @uuid::uuid;

-- name: ClientByName :one
SELECT * FROM client WHERE name = @name::text;

-- name: ListClients :many
SELECT * FROM client ORDER BY created_at, id;

-- name: SetClientSharing :one
UPDATE client
SET is_sharing_enabled = @is_sharing_enabled::boolean, updated_at = @updated_at::timestamptz
WHERE id = @id::bigint
RETURNING *;

-- name: RecordClientsSeen :exec
UPDATE client
SET last_seen = greatest(client.last_seen, seen.at)
FROM (SELECT unnest(@ids::bigint[]) AS id, unnest(@times::timestamptz[]) AS at) AS seen
WHERE client.id = seen.id;
