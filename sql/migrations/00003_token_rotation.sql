-- +goose Up

-- After a rotation the token before stays valid for a while, so that the new
-- one can be configured at the client without an interruption.
ALTER TABLE client
    ADD COLUMN previous_token_digest bytea,
    ADD COLUMN previous_token_until  timestamptz;
CREATE INDEX client_previous_token_digest_idx ON client (previous_token_digest);

-- +goose Down
ALTER TABLE client
    DROP COLUMN previous_token_digest,
    DROP COLUMN previous_token_until;
