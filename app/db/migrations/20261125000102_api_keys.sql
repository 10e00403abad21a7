-- migrate:up

-- What a client's systems are let in with, without a password and for a part of what the client may do.
CREATE TABLE api_keys (
    id           uuid        PRIMARY KEY DEFAULT uuidv7(),
    client_id    uuid        NOT NULL REFERENCES clients (id),
    name         text        NOT NULL,
    scopes       text[]      NOT NULL,
    -- SHA-256 of the key, which is nowhere else.
    key_hash     bytea       NOT NULL,
    -- By which its owner knows it again.
    last4        text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT statement_timestamp(),
    expires_at   timestamptz,
    -- For how long it was made, NULL for ever: its replacement lives as long, however soon this one ends then.
    lifetime     interval,
    -- To the minute or so.
    last_used_at timestamptz,
    revoked_at   timestamptz,
    CONSTRAINT api_keys_key_hash_key UNIQUE (key_hash),
    CONSTRAINT api_keys_key_hash_length CHECK (octet_length(key_hash) = 32),
    CONSTRAINT api_keys_name_length CHECK (length(name) BETWEEN 1 AND 100),
    CONSTRAINT api_keys_has_scopes CHECK (cardinality(scopes) > 0),
    -- Whoever finds a key must not be able to make another.
    CONSTRAINT api_keys_never_the_account CHECK (NOT scopes && ARRAY['account', 'admin']),
    CONSTRAINT api_keys_lifetime_positive CHECK (lifetime > interval '0'),
    CONSTRAINT api_keys_last4_length CHECK (length(last4) = 4)
);

CREATE INDEX api_keys_client_id_id ON api_keys (client_id, id);

-- migrate:down

DROP TABLE api_keys;
