-- migrate:up

-- Who is signed in. A row is one session: it ends when the row is deleted, and every token of it with it.
CREATE TABLE sessions (
    id           uuid        PRIMARY KEY,
    client_id    uuid        NOT NULL REFERENCES clients (id),
    scopes       text[]      NOT NULL,
    -- SHA-256 of the refresh tokens that may be used next: one, or two when an answer was lost and the request repeated.
    token_hashes bytea[]     NOT NULL,
    -- Of the one that was used last.
    spent_hash   bytea,
    rotated_at   timestamptz NOT NULL DEFAULT statement_timestamp(),
    created_at   timestamptz NOT NULL DEFAULT statement_timestamp(),
    expires_at   timestamptz NOT NULL,
    CONSTRAINT sessions_has_scopes CHECK (cardinality(scopes) > 0),
    CONSTRAINT sessions_token_hashes_one_or_two CHECK (cardinality(token_hashes) BETWEEN 1 AND 2),
    CONSTRAINT sessions_ends_after_it_began CHECK (expires_at > created_at)
);

CREATE INDEX sessions_client_id ON sessions (client_id);

-- migrate:down

DROP TABLE sessions;
