-- migrate:up

-- Who did what to which account, when, and from where: one row is one action, written in the transaction of what it tells of.
CREATE TABLE audit_log (
    id          uuid        PRIMARY KEY DEFAULT uuidv7(),
    occurred_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    -- NULL: whoever may use the command line.
    actor_id    uuid        REFERENCES clients (id),
    address     inet,
    action      text        NOT NULL,
    -- Whose account it was done to, if to one.
    client_id   uuid        REFERENCES clients (id),
    details     jsonb       NOT NULL DEFAULT '{}',
    CONSTRAINT audit_log_action_shape CHECK (action ~ '^[a-z_]{1,40}\.[a-z_]{1,40}$'),
    CONSTRAINT audit_log_details_object CHECK (jsonb_typeof(details) = 'object')
);

CREATE INDEX audit_log_client_id_id ON audit_log (client_id, id);
CREATE INDEX audit_log_actor_id_id ON audit_log (actor_id, id);

CREATE TRIGGER audit_log_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- migrate:down

DROP TABLE audit_log;
