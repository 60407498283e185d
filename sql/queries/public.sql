-- name: Contributions :one
-- The numbers behind the figures of a period. Grouping by analysis first avoids sorting
-- all stats. Muted clients do not count.
SELECT coalesce(sum(analysis.stats), 0)::bigint AS stats,
    count(DISTINCT analysis.anr) AS analyses,
    count(DISTINCT analysis.client_id) AS clients
FROM (
    SELECT client_id, anr, count(*) AS stats
    FROM stats
    WHERE date >= @date_from::date
      AND date <= @date_to::date
      AND (sqlc.narg('type')::text IS NULL OR type = sqlc.narg('type')::text)
      AND coalesce(client_id, 0) NOT IN (SELECT client.id FROM client WHERE NOT client.is_processed)
      AND (NOT @local_only::boolean OR client_id IN (SELECT client.id FROM client WHERE client.local))
    GROUP BY client_id, anr
) AS analysis;

-- name: ContributionsByWeek :many
-- What local clients and other clients sent in each week, which starts on the returned
-- Monday. An analysis that two clients send counts for each of them.
SELECT sender.type, (DATE '1969-12-29' + 7 * sender.week)::date AS monday,
    coalesce(sender.client_id IN (SELECT client.id FROM client WHERE client.local), false)::boolean AS local,
    sum(sender.stats)::bigint AS stats, sum(sender.analyses)::bigint AS analyses, count(*) AS clients
FROM (
    SELECT type, (date - DATE '1969-12-29') / 7 AS week, client_id, count(*) AS stats, count(DISTINCT anr) AS analyses
    FROM stats
    WHERE date >= @date_from::date
      AND date <= @date_to::date
      AND coalesce(client_id, 0) NOT IN (SELECT client.id FROM client WHERE NOT client.is_processed)
    GROUP BY 1, 2, 3
) AS sender
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3;

-- name: CountContributors :one
-- Without EXISTS, which Citus does not support for a reference table.
SELECT count(*)
FROM client
WHERE client.is_processed AND client.id IN (SELECT stats.client_id FROM stats);

-- name: ObservationsByClient :many
-- See ObservationsBetween. Leaves out stats without a client.
-- @sqlc-vet-disable no-unordered-list
SELECT k.client_id::bigint AS client_id, (k.client_id IN (SELECT client.id FROM client WHERE client.local))::boolean AS local,
    k.anr, k.days::int[] AS days, d.observations
FROM (
    SELECT s.anr, s.digest, s.client_id, array_agg(s.date - DATE '1970-01-01') AS days
    FROM stats AS s
    WHERE s.type = @type::text
      AND s.date >= @date_from::date
      AND s.date <= @date_to::date
      AND s.client_id IN (SELECT client.id FROM client WHERE client.is_processed AND (client.local OR NOT @local_only::boolean))
      AND (sqlc.narg('clients')::bigint[] IS NULL OR s.client_id = ANY (sqlc.narg('clients')::bigint[]))
    GROUP BY s.anr, s.digest, s.client_id
) AS k
JOIN document AS d ON d.anr = k.anr AND d.digest = k.digest;

-- name: CountProcessedStats :one
-- Without the stats of muted clients.
SELECT count(*) FROM stats
WHERE coalesce(client_id, 0) NOT IN (SELECT client.id FROM client WHERE NOT client.is_processed);

-- name: ObservationsByAnalysis :many
-- See ObservationsBetween. Leaves out muted clients. client_id is 0 for stats without a
-- client.
-- @sqlc-vet-disable no-unordered-list
SELECT k.anr, coalesce(k.client_id, 0)::bigint AS client_id, k.days::int[] AS days, d.observations
FROM (
    SELECT s.anr, s.digest, s.client_id, array_agg(s.date - DATE '1970-01-01') AS days
    FROM stats AS s
    WHERE s.type = @type::text
      AND s.date >= @date_from::date
      AND s.date <= @date_to::date
      AND coalesce(s.client_id, 0) NOT IN (SELECT client.id FROM client WHERE NOT client.is_processed)
      AND (NOT @local_only::boolean OR s.client_id IN (SELECT client.id FROM client WHERE client.local))
    GROUP BY s.anr, s.digest, s.client_id
) AS k
JOIN document AS d ON d.anr = k.anr AND d.digest = k.digest;

-- name: NewestCountedDay :one
-- Of the stats up to a day, without muted clients.
SELECT date FROM stats
WHERE date <= @until::date
  AND coalesce(client_id, 0) NOT IN (SELECT client.id FROM client WHERE NOT client.is_processed)
  AND (NOT @local_only::boolean OR client_id IN (SELECT client.id FROM client WHERE client.local))
ORDER BY date DESC
LIMIT 1;

-- name: LocatedClients :many
-- The clients that the public map shows.
SELECT id, latitude::double precision AS latitude, longitude::double precision AS longitude
FROM client
WHERE is_active AND is_processed AND latitude IS NOT NULL AND longitude IS NOT NULL
  AND (NOT @local_only::boolean OR local)
ORDER BY id;
