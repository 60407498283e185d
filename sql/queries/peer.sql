-- name: InsertPeer :exec
INSERT INTO peer (url, created_at) VALUES (@url::text, @created_at::timestamptz)
ON CONFLICT (url) DO NOTHING;

-- name: PeerIDByURL :one
SELECT id FROM peer WHERE url = @url::text;

-- name: NextUnsentDay :one
SELECT s.date
FROM stats AS s
WHERE s.client_id = @client_id::bigint
  AND s.date >= @date_from::date
  AND s.date <= @date_to::date
  AND (sqlc.narg('type')::text IS NULL OR s.type = sqlc.narg('type')::text)
  AND NOT EXISTS (SELECT FROM peer_receipt AS r WHERE r.stats_uuid = s.uuid AND r.peer_id = @peer_id::bigint)
ORDER BY s.date
LIMIT 1;

-- name: UnsentOfDay :many
SELECT s.uuid, s.anr, s.type, s.date, s.data, s.created_at, s.client_id
FROM stats AS s
WHERE s.client_id = @client_id::bigint
  AND s.date = @day::date
  AND s.uuid > @after::uuid
  AND (sqlc.narg('type')::text IS NULL OR s.type = sqlc.narg('type')::text)
  AND NOT EXISTS (SELECT FROM peer_receipt AS r WHERE r.stats_uuid = s.uuid AND r.peer_id = @peer_id::bigint)
ORDER BY s.uuid
LIMIT @max_rows::bigint;

-- name: CountUnsent :one
SELECT count(*)
FROM stats AS s
WHERE s.client_id = @client_id::bigint
  AND s.date >= @date_from::date
  AND s.date <= @date_to::date
  AND (sqlc.narg('type')::text IS NULL OR s.type = sqlc.narg('type')::text)
  AND NOT EXISTS (SELECT FROM peer_receipt AS r WHERE r.stats_uuid = s.uuid AND r.peer_id = @peer_id::bigint);

-- name: RecordReceipts :exec
-- Stats that have been deleted in the meantime need no receipt.
INSERT INTO peer_receipt (stats_uuid, peer_id)
SELECT s.uuid, @peer_id::bigint
FROM stats AS s
WHERE s.uuid = ANY (@uuids::uuid[])
ON CONFLICT (stats_uuid, peer_id) DO NOTHING;

-- name: PullPositionDay :one
SELECT day FROM pull_position
WHERE peer_id = @peer_id::bigint AND client_id = @client_id::bigint
  AND peer_client = @peer_client::text AND type = @type::text;

-- name: SetPullPosition :exec
INSERT INTO pull_position (peer_id, client_id, peer_client, type, day)
VALUES (@peer_id::bigint, @client_id::bigint, @peer_client::text, @type::text, @day::date)
ON CONFLICT (peer_id, client_id, peer_client, type) DO UPDATE SET day = greatest(pull_position.day, EXCLUDED.day);

-- name: ForgetPullPositions :exec
DELETE FROM pull_position WHERE client_id = @client_id::bigint;

-- name: TryLock :one
SELECT pg_try_advisory_lock(@lock_key::bigint);

-- name: CountStored :one
SELECT count(*) FROM stats WHERE uuid = ANY (@uuids::uuid[]);
