-- +goose Up

-- At most one row: the day before which an operator has purged all stats. What
-- is older does not come back with a pull.
CREATE TABLE purge_state (
    id     smallint NOT NULL,
    before date NOT NULL,
    CONSTRAINT purge_state_pkey PRIMARY KEY (id)
);

-- +goose Down
DROP TABLE purge_state;
