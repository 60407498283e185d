-- name: KnownDocuments :many
-- Unordered: the rows go into a map.
-- @sqlc-vet-disable no-unordered-list
SELECT d.anr, d.fingerprint::uuid AS fingerprint, d.digest
FROM (SELECT unnest(@anrs::uuid[]) AS anr, unnest(@fingerprints::uuid[]) AS fingerprint) AS sent
JOIN document AS d ON d.anr = sent.anr AND d.fingerprint = sent.fingerprint;

-- name: StoredDocuments :many
-- Unordered: the rows go into a map.
-- @sqlc-vet-disable no-unordered-list
SELECT d.anr, d.digest, d.fingerprint, d.observations
FROM (SELECT unnest(@anrs::uuid[]) AS anr, unnest(@digests::uuid[]) AS digest) AS wanted
JOIN document AS d ON d.anr = wanted.anr AND d.digest = wanted.digest;

-- name: InsertDocuments :execrows
-- The data comes last, so that the driver's buffer grows only once.
INSERT INTO document (anr, digest, fingerprint, type, observations, data)
SELECT
    unnest(@anrs::uuid[]),
    unnest(@digests::uuid[]),
    unnest(@fingerprints::uuid[]),
    unnest(@types::text[]),
    unnest(@observations::bytea[]),
    unnest(@data::jsonb[])
ON CONFLICT (anr, digest) DO NOTHING;

-- name: SetFingerprints :exec
-- For documents that were sent as different bytes than before.
UPDATE document
SET fingerprint = sent.fingerprint
FROM (
    SELECT unnest(@anrs::uuid[]) AS anr, unnest(@digests::uuid[]) AS digest, unnest(@fingerprints::uuid[]) AS fingerprint
) AS sent
WHERE document.anr = sent.anr AND document.digest = sent.digest AND document.observations IS NOT NULL;

-- name: DeleteUnreferenced :exec
-- The type, which the digest implies, is needed to use stats_series_idx.
DELETE FROM document AS d
USING (SELECT unnest(@anrs::uuid[]) AS anr, unnest(@digests::uuid[]) AS digest) AS released
WHERE d.anr = released.anr AND d.digest = released.digest
  AND NOT EXISTS (SELECT 1 FROM stats AS s WHERE s.anr = d.anr AND s.type = d.type AND s.digest = d.digest);

-- name: DocumentsToDerive :many
-- A page of all documents.
SELECT anr, digest, type, data, observations
FROM document
WHERE (anr, digest) > (@after_anr::uuid, @after_digest::uuid)
ORDER BY anr, digest
LIMIT @max_rows::bigint;

-- name: SetObservations :many
-- Only if they are still the same as before, so that the returned rows were changed by
-- this statement alone. Without observations there is no fingerprint.
UPDATE document
SET observations = derived.observations,
    fingerprint = CASE WHEN derived.observations IS NOT NULL THEN fingerprint END
FROM (
    SELECT unnest(@anrs::uuid[]) AS anr, unnest(@digests::uuid[]) AS digest,
        unnest(@before::bytea[]) AS before, unnest(@observations::bytea[]) AS observations
) AS derived
WHERE document.anr = derived.anr AND document.digest = derived.digest
  AND document.observations IS NOT DISTINCT FROM derived.before
RETURNING document.anr, document.digest;

-- name: StatsOfDocuments :many
-- Unordered: the rows are counted.
-- @sqlc-vet-disable no-unordered-list
SELECT s.anr, s.digest, s.type, s.date, coalesce(s.client_id, 0)::bigint AS client_id
FROM (SELECT unnest(@anrs::uuid[]) AS anr, unnest(@types::text[]) AS type, unnest(@digests::uuid[]) AS digest) AS wanted
JOIN stats AS s ON s.anr = wanted.anr AND s.type = wanted.type AND s.digest = wanted.digest;

-- name: CountDocuments :one
SELECT count(*) FROM document;

-- name: CountUnprocessableStats :one
SELECT count(*)
FROM document AS d
JOIN stats AS s ON s.anr = d.anr AND s.type = d.type AND s.digest = d.digest
WHERE d.observations IS NULL;

-- name: CountUnprocessableOfType :one
SELECT count(*)
FROM document AS d
JOIN stats AS s ON s.anr = d.anr AND s.type = d.type AND s.digest = d.digest
WHERE d.observations IS NULL AND d.type = @type::text;
