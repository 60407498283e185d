-- +goose Up

-- How far a pull came is about what the client of the peer sees as which it
-- asked: another one sees other stats of the same days. As whom the positions
-- so far were reached is not known: the next pulls start anew, which stores
-- nothing twice. One change a statement, as Citus wants it.
DELETE FROM pull_position;
ALTER TABLE pull_position DROP CONSTRAINT pull_position_pkey;
ALTER TABLE pull_position ADD COLUMN peer_client text NOT NULL; -- see internal/peer
ALTER TABLE pull_position ADD CONSTRAINT pull_position_pkey PRIMARY KEY (peer_id, client_id, peer_client, type);

-- +goose Down
DELETE FROM pull_position;
ALTER TABLE pull_position DROP CONSTRAINT pull_position_pkey;
ALTER TABLE pull_position DROP COLUMN peer_client;
ALTER TABLE pull_position ADD CONSTRAINT pull_position_pkey PRIMARY KEY (peer_id, client_id, type);
