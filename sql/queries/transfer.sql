-- name: RecordTransfer :exec
INSERT INTO transfer AS t (direction, outcome, runs, stats, last_at)
VALUES (@direction::text, @outcome::text, 1, @stats::bigint, @at::timestamptz)
ON CONFLICT (direction, outcome) DO UPDATE
SET runs = t.runs + 1, stats = t.stats + excluded.stats, last_at = greatest(t.last_at, excluded.last_at);

-- name: Transfers :many
SELECT direction, outcome, runs, stats, last_at FROM transfer ORDER BY direction, outcome;
