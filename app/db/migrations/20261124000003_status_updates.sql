-- migrate:up

-- What callers asked for. A row from the moment of its 202 (queued), and its end: applied, or refused with a reason.
CREATE TABLE status_updates (
    id           uuid        NOT NULL,
    -- The order of acceptance: the cache stays at 1, so an update accepted later never has a smaller number.
    seq          bigint      NOT NULL GENERATED ALWAYS AS IDENTITY (CACHE 1),
    posting_id   bigint      NOT NULL REFERENCES postings (id),
    client_id    uuid        NOT NULL,
    requested_by uuid        NOT NULL REFERENCES clients (id),
    -- Of a batch, too, each has its own moment: it stands for occurred_at where the caller gave none.
    accepted_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    occurred_at  timestamptz,
    decided_at   timestamptz,
    attempts     smallint    NOT NULL DEFAULT 0,
    state        text        NOT NULL DEFAULT 'queued',
    refusal      text,
    status       text        NOT NULL,
    city         text,
    uf           text,
    description  text,
    PRIMARY KEY (id),
    CONSTRAINT status_updates_status_known CHECK (status IN ('pending', 'shipped', 'delivered', 'returned', 'cancelled')),
    CONSTRAINT status_updates_state_known CHECK (state IN ('queued', 'applied', 'refused')),
    CONSTRAINT status_updates_decided_has_time CHECK ((state = 'queued') = (decided_at IS NULL)),
    CONSTRAINT status_updates_refused_has_reason CHECK ((state = 'refused') = (refusal IS NOT NULL)),
    CONSTRAINT status_updates_refusal_shape CHECK (refusal ~ '^[a-z_]{1,40}$'),
    CONSTRAINT status_updates_city_length CHECK (length(city) BETWEEN 1 AND 100),
    CONSTRAINT status_updates_uf_shape CHECK (uf ~ '^[A-Z]{2}$'),
    CONSTRAINT status_updates_description_length CHECK (length(description) BETWEEN 1 AND 500)
);

-- The queue itself: what the workers read for a posting, and what the sweep finds.
CREATE INDEX status_updates_queued ON status_updates (posting_id, seq) WHERE state = 'queued';
-- The dead letters, for operators.
CREATE INDEX status_updates_dead ON status_updates (seq) WHERE refusal = 'internal_error';
-- A client's pages.
CREATE INDEX status_updates_client_id_seq ON status_updates (client_id, seq);

-- migrate:down

DROP TABLE status_updates;
