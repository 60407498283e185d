-- +goose Up

-- The newest stats of each analysis and type, of one client or of all: the
-- queries skip from series to series, and so cost the same however long they are.
CREATE INDEX stats_series_idx ON stats (client_id, anr, type, date DESC, created_at DESC, uuid);

-- +goose Down
DROP INDEX stats_series_idx;
