-- name: Contributions :one
-- What stands behind the figures of a period. Adding up analyses first is done
-- from an index and needs no sorting of stats.
SELECT coalesce(sum(analysis.stats), 0)::bigint AS stats,
    count(DISTINCT analysis.anr) AS analyses,
    count(DISTINCT analysis.client_id) AS clients
FROM (
    SELECT client_id, anr, count(*) AS stats
    FROM stats
    WHERE date >= @date_from::date
      AND date <= @date_to::date
      AND (sqlc.narg('type')::text IS NULL OR type = sqlc.narg('type')::text)
      AND (NOT @local_only::boolean OR client_id IN (SELECT client.id FROM client WHERE client.local))
    GROUP BY client_id, anr
) AS analysis;

-- name: ContributionsByWeek :many
-- What local clients and the others sent, apart, in each week, which starts on
-- the Monday returned. An analysis that two clients send counts for each.
SELECT sender.type, (DATE '1969-12-29' + 7 * sender.week)::date AS monday,
    (sender.client_id IN (SELECT client.id FROM client WHERE client.local))::boolean AS local,
    sum(sender.stats)::bigint AS stats, sum(sender.analyses)::bigint AS analyses, count(*) AS clients
FROM (
    SELECT type, (date - DATE '1969-12-29') / 7 AS week, client_id, count(*) AS stats, count(DISTINCT anr) AS analyses
    FROM stats
    WHERE date >= @date_from::date
      AND date <= @date_to::date
    GROUP BY 1, 2, 3
) AS sender
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3;

-- name: CountContributors :one
-- Not with EXISTS, which Citus refuses when client is a reference table.
SELECT count(*)
FROM client
WHERE id IN (SELECT stats.client_id FROM stats);

-- name: ObservationsByClient :many
-- In no order: sorting takes longer than reading, and it is only counted and added up.
-- @sqlc-vet-disable no-unordered-list
SELECT client_id, (client_id IN (SELECT client.id FROM client WHERE client.local))::boolean AS local, date, observations
FROM stats
WHERE type = @type::text
  AND date >= @date_from::date
  AND date <= @date_to::date
  AND (sqlc.narg('clients')::bigint[] IS NULL OR client_id = ANY (sqlc.narg('clients')::bigint[]))
  AND (NOT @local_only::boolean OR client_id IN (SELECT client.id FROM client WHERE client.local));

-- name: ObservationsOfClients :many
-- Of clients that are few.
SELECT date, observations
FROM stats
WHERE type = @type::text
  AND date >= @date_from::date
  AND date <= @date_to::date
  AND client_id = ANY (@clients::bigint[])
  AND (NOT @local_only::boolean OR client_id IN (SELECT client.id FROM client WHERE client.local))
ORDER BY date;

-- name: LocatedClients :many
-- The clients that the public map shows.
SELECT id, latitude::double precision AS latitude, longitude::double precision AS longitude
FROM client
WHERE is_active AND latitude IS NOT NULL AND longitude IS NOT NULL
  AND (NOT @local_only::boolean OR local)
ORDER BY id;
