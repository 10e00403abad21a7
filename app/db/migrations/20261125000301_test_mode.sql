-- migrate:up

-- An account's test keys act as a client of its own, which nobody can sign in as: what is kept apart by client is kept apart by world,
-- and no statement can forget it.
CREATE TABLE test_clients (
    account_id uuid        PRIMARY KEY REFERENCES clients (id),
    client_id  uuid        NOT NULL REFERENCES clients (id),
    created_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    CONSTRAINT test_clients_client_id_key UNIQUE (client_id),
    CONSTRAINT test_clients_not_itself CHECK (client_id <> account_id)
);

-- A test key is looked after by its account, and acts as the account's test client.
ALTER TABLE api_keys ADD COLUMN test boolean NOT NULL DEFAULT false;

-- Test postings have numbers of their own, from 2^62 on: the number says which world it is, of a posting and of whatever names one.
-- A virtual column is computed where it is read: no row is written again (which squawk thinks of every generated column).
CREATE SEQUENCE test_posting_numbers AS bigint MINVALUE 4611686018427387904 START 4611686018427387904 CACHE 1;
-- squawk-ignore adding-field-with-default
ALTER TABLE postings ADD COLUMN test boolean GENERATED ALWAYS AS (id >= 4611686018427387904) VIRTUAL;
-- squawk-ignore adding-field-with-default
ALTER TABLE status_updates ADD COLUMN test boolean GENERATED ALWAYS AS (posting_id >= 4611686018427387904) VIRTUAL;

-- What the simulator has to do for a test posting, and by when. Without a time it does nothing: then the scenario is a refusal that
-- whoever asks for an update of this posting is answered at once.
CREATE TABLE simulations (
    posting_id   bigint      PRIMARY KEY REFERENCES postings (id),
    scenario     text        NOT NULL,
    pace_seconds integer     NOT NULL,
    -- How many of the scenario's steps were asked for.
    position     smallint    NOT NULL DEFAULT 0,
    due_at       timestamptz,
    CONSTRAINT simulations_of_test_postings CHECK (posting_id >= 4611686018427387904),
    CONSTRAINT simulations_scenario_shape CHECK (scenario ~ '^[a-z_]{1,40}$'),
    CONSTRAINT simulations_pace_sane CHECK (pace_seconds BETWEEN 0 AND 86400),
    CONSTRAINT simulations_position_not_negative CHECK (position >= 0)
);

CREATE INDEX simulations_due_at ON simulations (due_at) WHERE due_at IS NOT NULL;

-- migrate:down

DROP TABLE simulations;
ALTER TABLE status_updates DROP COLUMN test;
ALTER TABLE postings DROP COLUMN test;
DROP SEQUENCE test_posting_numbers;
ALTER TABLE api_keys DROP COLUMN test;
DROP TABLE test_clients;
