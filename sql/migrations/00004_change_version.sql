-- +goose Up

-- How often something has changed: which type of stats, "client", or everything (an
-- empty text). Whoever cannot listen to notifications, because a pooler is in between,
-- asks every second whether the sums of a change are still the same. A change of
-- everything has a part of its own each time, so that a long transaction that announces
-- it does not collide with others.
CREATE TABLE change_version (
    change  text NOT NULL,
    part    bigint NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT change_version_pkey PRIMARY KEY (change, part)
) WITH (fillfactor = 50); -- rows are changed often, and stay where they are

-- +goose Down
DROP TABLE change_version;
