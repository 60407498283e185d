-- +goose Up

-- What came of pushes and pulls, which are processes of their own: the service
-- shows it to those who watch it. direction is push or pull, outcome one of
-- done, partly and failed.
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
