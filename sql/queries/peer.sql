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
  AND NOT EXISTS (
      SELECT 1 FROM peer_receipt AS r WHERE r.stats_uuid = s.uuid AND r.anr = s.anr AND r.peer_id = @peer_id::bigint
  )
ORDER BY s.date
LIMIT 1;

-- name: UnsentOfDay :many
-- Reads documents last: see ListStats.
SELECT s.uuid, s.anr, s.type, s.date, d.data, s.created_at, s.client_id
FROM (
    SELECT unsent.uuid, unsent.anr, unsent.type, unsent.date, unsent.created_at,
        coalesce(unsent.client_id, 0)::bigint AS client_id, unsent.digest
    FROM stats AS unsent
    WHERE unsent.client_id = @client_id::bigint
      AND unsent.date = @day::date
      AND unsent.uuid > @after::uuid
      AND (sqlc.narg('type')::text IS NULL OR unsent.type = sqlc.narg('type')::text)
      AND NOT EXISTS (
          SELECT 1 FROM peer_receipt AS r
          WHERE r.stats_uuid = unsent.uuid AND r.anr = unsent.anr AND r.peer_id = @peer_id::bigint
      )
    ORDER BY unsent.uuid
    LIMIT @max_rows::bigint
) AS s
CROSS JOIN LATERAL (
    SELECT document.data FROM document WHERE document.anr = s.anr AND document.digest = s.digest OFFSET 0
) AS d
ORDER BY s.uuid;

-- name: CountUnsent :one
SELECT count(*)
FROM stats AS s
WHERE s.client_id = @client_id::bigint
  AND s.date >= @date_from::date
  AND s.date <= @date_to::date
  AND (sqlc.narg('type')::text IS NULL OR s.type = sqlc.narg('type')::text)
  AND NOT EXISTS (
      SELECT 1 FROM peer_receipt AS r WHERE r.stats_uuid = s.uuid AND r.anr = s.anr AND r.peer_id = @peer_id::bigint
  );

-- name: RecordReceipts :exec
-- Stats that have been deleted in the meantime need no receipt.
INSERT INTO peer_receipt (anr, stats_uuid, peer_id)
SELECT s.anr, s.uuid, @peer_id::bigint
FROM stats AS s
WHERE s.uuid = ANY (@uuids::uuid[])
ON CONFLICT (stats_uuid, peer_id, anr) DO NOTHING;

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
