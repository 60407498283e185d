-- name: InsertSubjects :exec
INSERT INTO subject (digest, type, key, label1, label2, label3, label4)
SELECT
    unnest(@digests::bytea[]),
    unnest(@types::text[]),
    unnest(@keys::jsonb[]),
    unnest(@label1s::text[]),
    unnest(@label2s::text[]),
    unnest(@label3s::text[]),
    unnest(@label4s::text[])
ON CONFLICT (digest) DO NOTHING;

-- name: SubjectIDs :many
SELECT id, digest FROM subject WHERE digest = ANY (@digests::bytea[]) ORDER BY id;

-- name: SubjectsByID :many
SELECT id, type, key, label1, label2, label3, label4
FROM subject
WHERE id = ANY (@ids::bigint[])
ORDER BY id;
