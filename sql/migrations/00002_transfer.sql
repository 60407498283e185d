-- +goose Up

-- The results of pushes and pulls, which run as separate processes: the service
-- publishes them as metrics. direction is push or pull; outcome is done, partly or
-- failed.
CREATE TABLE transfer (
    direction text NOT NULL,
    outcome   text NOT NULL,
    runs      bigint NOT NULL,
    stats     bigint NOT NULL, -- sent or received in all these runs
    last_at   timestamptz NOT NULL,
    CONSTRAINT transfer_pkey PRIMARY KEY (direction, outcome)
);

-- +goose Down
DROP TABLE transfer;
