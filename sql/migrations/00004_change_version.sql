-- +goose Up

-- How often something has changed: stats of a type, "client", or everything (an empty
-- text). A service behind a pooler cannot listen to notifications: it polls the sums of
-- the versions every second. Each change of everything has its own part, so that a long
-- transaction that announces it does not block others.
CREATE TABLE change_version (
    change  text NOT NULL,
    part    bigint NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT change_version_pkey PRIMARY KEY (change, part)
) WITH (fillfactor = 50); -- for frequent updates in place (HOT)

-- +goose Down
DROP TABLE change_version;
