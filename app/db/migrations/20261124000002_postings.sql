-- migrate:up

-- The check digit of an S10 number (UPU S10-12): weights 8 6 4 2 3 5 9 7, C = 11 - (S mod 11), 10 becomes 0, 11 becomes 5.
-- A plain SQL expression: PostgreSQL inlines it, so it costs no call.
CREATE FUNCTION s10_check_digit(serial integer) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN substr(
        '50987654321',
        1 + (
            8 * (serial / 10000000) + 6 * (serial / 1000000 % 10) + 4 * (serial / 100000 % 10) + 2 * (serial / 10000 % 10)
            + 3 * (serial / 1000 % 10) + 5 * (serial / 100 % 10) + 9 * (serial / 10 % 10) + 7 * (serial % 10)
        ) % 11,
        1
    );

-- One number for each posting, never given twice. It is the posting's id, and permuted it is the serial of its tracking code.
-- The cache stays at 1: a number given later is never smaller.
CREATE SEQUENCE posting_numbers AS bigint MINVALUE 0 START 0 CACHE 1;

-- The deployment's own key of the permutation, drawn once, here: it must never change, so it is not a setting.
CREATE TABLE tracking_code_key (
    singleton boolean PRIMARY KEY DEFAULT true,
    round_1   bigint  NOT NULL,
    round_2   bigint  NOT NULL,
    round_3   bigint  NOT NULL,
    round_4   bigint  NOT NULL,
    CONSTRAINT tracking_code_key_single CHECK (singleton)
);

INSERT INTO tracking_code_key (round_1, round_2, round_3, round_4)
SELECT ('x' || substr(digest, 1, 16))::bit(64)::bigint,
       ('x' || substr(digest, 17, 16))::bit(64)::bigint,
       ('x' || substr(digest, 33, 16))::bit(64)::bigint,
       ('x' || substr(digest, 49, 16))::bit(64)::bigint
  FROM (SELECT encode(sha256((gen_random_uuid()::text || gen_random_uuid()::text)::bytea), 'hex') AS digest) AS drawn;

CREATE TABLE postings (
    id                 bigint        PRIMARY KEY,
    client_id          uuid          NOT NULL REFERENCES clients (id),
    tracking_code      text          NOT NULL,
    status             text          NOT NULL DEFAULT 'pending',
    -- occurred_at of the last step, in order of occurred_at; the status is that step's.
    status_at          timestamptz   NOT NULL,
    shipped_at         timestamptz,
    finished_at        timestamptz   GENERATED ALWAYS AS (
        CASE WHEN status IN ('delivered', 'returned', 'cancelled') THEN status_at END) VIRTUAL,
    delivered_at       timestamptz   GENERATED ALWAYS AS (CASE WHEN status = 'delivered' THEN status_at END) VIRTUAL,
    posted_at          timestamptz   NOT NULL,
    created_at         timestamptz   NOT NULL DEFAULT statement_timestamp(),
    estimated_delivery date,
    step_count         smallint      NOT NULL DEFAULT 1,
    weight_g           integer       NOT NULL,
    volume_cm3         integer       NOT NULL,
    length_cm          integer,
    width_cm           integer,
    height_cm          integer,
    declared_value     numeric(12, 2) NOT NULL,
    freight_price      numeric(12, 2) NOT NULL,
    service            text          NOT NULL,
    reference          text,
    description        text,
    sender             jsonb         NOT NULL,
    recipient          jsonb         NOT NULL,
    metadata           jsonb         NOT NULL DEFAULT '{}',
    CONSTRAINT postings_tracking_code_key UNIQUE (tracking_code),
    CONSTRAINT postings_client_id_reference_key UNIQUE (client_id, reference),
    CONSTRAINT postings_tracking_code_shape CHECK (tracking_code ~ '^[A-Z]{2}[0-9]{9}[A-Z]{2}$'),
    CONSTRAINT postings_tracking_code_digit CHECK (
        substr(tracking_code, 11, 1) = s10_check_digit(substr(tracking_code, 3, 8)::integer)),
    CONSTRAINT postings_status_known CHECK (status IN ('pending', 'shipped', 'delivered', 'returned', 'cancelled')),
    CONSTRAINT postings_status_at_sane CHECK (status_at >= posted_at),
    CONSTRAINT postings_shipped_has_shipped_at CHECK (status <> 'shipped' OR shipped_at IS NOT NULL),
    CONSTRAINT postings_cancelled_was_not_shipped CHECK (status <> 'cancelled' OR shipped_at IS NULL),
    CONSTRAINT postings_shipped_at_sane CHECK (shipped_at BETWEEN posted_at AND status_at),
    CONSTRAINT postings_step_count_positive CHECK (step_count >= 1),
    CONSTRAINT postings_weight_positive CHECK (weight_g > 0),
    CONSTRAINT postings_volume_positive CHECK (volume_cm3 > 0),
    CONSTRAINT postings_sides_all_or_none CHECK (num_nulls(length_cm, width_cm, height_cm) IN (0, 3)),
    CONSTRAINT postings_sides_positive CHECK (length_cm > 0 AND width_cm > 0 AND height_cm > 0),
    CONSTRAINT postings_volume_is_of_its_sides CHECK (volume_cm3 = length_cm::bigint * width_cm * height_cm),
    -- NaN is greater than every number.
    CONSTRAINT postings_declared_value_not_negative CHECK (declared_value >= 0 AND declared_value <> 'NaN'),
    CONSTRAINT postings_freight_price_not_negative CHECK (freight_price >= 0 AND freight_price <> 'NaN'),
    CONSTRAINT postings_service_shape CHECK (service ~ '^[a-z0-9][a-z0-9_-]{0,39}$'),
    CONSTRAINT postings_reference_length CHECK (length(reference) BETWEEN 1 AND 100),
    CONSTRAINT postings_description_length CHECK (length(description) BETWEEN 1 AND 500),
    CONSTRAINT postings_sender_placed CHECK (
        (sender ->> 'cep' ~ '^[0-9]{8}$' AND sender ->> 'uf' ~ '^[A-Z]{2}$' AND length(sender ->> 'city') > 0) IS TRUE),
    CONSTRAINT postings_recipient_placed CHECK (
        (recipient ->> 'cep' ~ '^[0-9]{8}$' AND recipient ->> 'uf' ~ '^[A-Z]{2}$' AND length(recipient ->> 'city') > 0) IS TRUE),
    CONSTRAINT postings_metadata_object CHECK (jsonb_typeof(metadata) = 'object')
) WITH (fillfactor = 85);  -- room for the next version of a row on its own page: status changes touch no index

-- A client's pages: by age of the record, and by the day it was posted. No index holds a column that a status update changes.
CREATE INDEX postings_client_id_id ON postings (client_id, id);
CREATE INDEX postings_client_id_posted_at_id ON postings (client_id, posted_at, id);

-- What a repeated POST with the same Idempotency-Key is answered with.
CREATE TABLE posting_idempotency_keys (
    client_id    uuid        NOT NULL REFERENCES clients (id),
    key          text        NOT NULL,
    request_hash bytea       NOT NULL,
    posting_ids  bigint[]    NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL DEFAULT statement_timestamp(),
    PRIMARY KEY (client_id, key),
    CONSTRAINT posting_idempotency_keys_key_length CHECK (length(key) BETWEEN 1 AND 255)
);

-- migrate:down

DROP TABLE posting_idempotency_keys;
DROP TABLE postings;
DROP TABLE tracking_code_key;
DROP SEQUENCE posting_numbers;
DROP FUNCTION s10_check_digit(integer);
