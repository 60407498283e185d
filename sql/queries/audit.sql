-- name: AppendAudit :exec
-- An empty text stands for NULL.
INSERT INTO audit_log (at, actor, origin, action, target, before, after)
SELECT unnest(@times::timestamptz[]), unnest(@actors::text[]), unnest(@origins::text[]), unnest(@actions::text[]), unnest(@targets::text[]),
    nullif(unnest(@befores::text[]), '')::jsonb, nullif(unnest(@afters::text[]), '')::jsonb;

-- name: AuditEntries :many
-- The page after an entry. Entries of the same time are in the order of their ids.
SELECT id, at, actor, origin, action, target, before, after FROM audit_log
WHERE (at, id) > (@after_at::timestamptz, @after_id::bigint)
ORDER BY at, id
LIMIT @max_rows::bigint;

-- name: AllowAuditRetention :exec
-- Until the end of the transaction.
SELECT set_config('stats_service.audit_retention', 'on', true);

-- name: DeleteAuditEntries :execrows
DELETE FROM audit_log WHERE at < @before::timestamptz;
