-- migrate:up

-- What happened: one row is one step of a posting's life, written once and never changed.
CREATE TABLE status_history (
    posting_id       bigint      NOT NULL,
    seq              smallint    NOT NULL,
    -- The two generated columns let foreign keys say "numbered without holes": step 1 hangs on its posting, step n on step n - 1.
    previous_seq     smallint    GENERATED ALWAYS AS (nullif(seq - 1, 0)::smallint) STORED,
    first_posting_id bigint      GENERATED ALWAYS AS (CASE WHEN seq = 1 THEN posting_id END) STORED,
    client_id        uuid        NOT NULL,
    update_id        uuid,
    occurred_at      timestamptz NOT NULL,
    recorded_at      timestamptz NOT NULL DEFAULT statement_timestamp(),
    status           text        NOT NULL,
    city             text,
    uf               text,
    description      text,
    PRIMARY KEY (posting_id, seq),
    CONSTRAINT status_history_update_id_key UNIQUE (update_id),
    CONSTRAINT status_history_first_step_has_posting FOREIGN KEY (first_posting_id) REFERENCES postings (id),
    CONSTRAINT status_history_no_holes FOREIGN KEY (posting_id, previous_seq) REFERENCES status_history (posting_id, seq),
    CONSTRAINT status_history_seq_positive CHECK (seq >= 1),
    CONSTRAINT status_history_begins_pending CHECK ((seq = 1) = (status = 'pending')),
    CONSTRAINT status_history_step_has_update CHECK ((seq = 1) = (update_id IS NULL)),
    CONSTRAINT status_history_status_known CHECK (status IN ('pending', 'shipped', 'delivered', 'returned', 'cancelled')),
    CONSTRAINT status_history_city_length CHECK (length(city) BETWEEN 1 AND 100),
    CONSTRAINT status_history_uf_shape CHECK (uf ~ '^[A-Z]{2}$'),
    CONSTRAINT status_history_description_length CHECK (length(description) BETWEEN 1 AND 500)
);

CREATE FUNCTION refuse_change() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION '% is never changed: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER status_history_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON status_history
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- With another key, numbers to come could be given codes that exist already.
CREATE TRIGGER tracking_code_key_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON tracking_code_key
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- migrate:down

DROP TRIGGER tracking_code_key_append_only ON tracking_code_key;
DROP TABLE status_history;
DROP FUNCTION refuse_change();
