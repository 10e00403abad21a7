-- migrate:up

-- Where a client wants to be told of what happens to its postings, and with which secrets that is signed.
CREATE TABLE webhook_endpoints (
    id                    uuid        PRIMARY KEY,
    client_id             uuid        NOT NULL REFERENCES clients (id),
    -- One of the client's ten places: so that there are never more, whoever inserts at once. A deleted endpoint has none.
    place                 smallint,
    url                   text        NOT NULL,
    description           text,
    event_types           text[]      NOT NULL,
    -- Of which statuses it wants to hear; NULL: of all.
    statuses              text[],
    enabled               boolean     NOT NULL DEFAULT true,
    disabled_reason       text,
    disabled_at           timestamptz,
    -- Sealed with a key of the settings: the database alone cannot sign.
    secret                bytea       NOT NULL,
    previous_secret       bytea,
    previous_secret_until timestamptz,
    -- Since when no delivery has succeeded.
    failing_since         timestamptz,
    -- When the endpoint itself asked to be left in peace, and until when. Before paused_at the clock was put back, and it is not.
    paused_at             timestamptz,
    paused_until          timestamptz,
    created_at            timestamptz NOT NULL DEFAULT statement_timestamp(),
    deleted_at            timestamptz,
    CONSTRAINT webhook_endpoints_at_most_ten UNIQUE (client_id, place),
    CONSTRAINT webhook_endpoints_place_known CHECK (place BETWEEN 1 AND 10),
    CONSTRAINT webhook_endpoints_deleted_has_no_place CHECK ((place IS NULL) = (deleted_at IS NOT NULL)),
    CONSTRAINT webhook_endpoints_deleted_is_disabled CHECK (deleted_at IS NULL OR NOT enabled),
    CONSTRAINT webhook_endpoints_url_shape CHECK (url ~ '^https?://' AND length(url) <= 2000),
    CONSTRAINT webhook_endpoints_description_length CHECK (length(description) BETWEEN 1 AND 500),
    CONSTRAINT webhook_endpoints_event_types_known CHECK (
        cardinality(event_types) > 0
        AND event_types <@ ARRAY['posting.created', 'posting.status_changed', 'posting.scanned', 'status_update.refused']),
    CONSTRAINT webhook_endpoints_statuses_known CHECK (
        cardinality(statuses) > 0 AND statuses <@ ARRAY['pending', 'shipped', 'delivered', 'returned', 'cancelled']),
    CONSTRAINT webhook_endpoints_disabled_has_reason CHECK (
        enabled = (disabled_reason IS NULL) AND enabled = (disabled_at IS NULL)),
    CONSTRAINT webhook_endpoints_disabled_reason_known CHECK (disabled_reason IN ('by_owner', 'gone', 'failing')),
    CONSTRAINT webhook_endpoints_pause_ends CHECK (num_nulls(paused_at, paused_until) <> 1),
    CONSTRAINT webhook_endpoints_previous_secret_ends CHECK (num_nulls(previous_secret, previous_secret_until) <> 1)
);

-- What is owed to an endpoint: written in the transaction of the step (or of the refusal) that it tells of. What it says is made of that
-- step when it is sent: a step is never changed.
CREATE TABLE webhook_deliveries (
    id             uuid        PRIMARY KEY DEFAULT uuidv7(),
    client_id      uuid        NOT NULL,
    endpoint_id    uuid        NOT NULL REFERENCES webhook_endpoints (id),
    type           text        NOT NULL,
    posting_id     bigint,
    -- The step it tells of; of a refusal, the last step there was.
    step           smallint,
    -- The posting's status after it.
    posting_status text,
    update_id      uuid        REFERENCES status_updates (id),
    refusal        text,
    created_at     timestamptz NOT NULL DEFAULT statement_timestamp(),
    state          text        NOT NULL DEFAULT 'waiting',
    -- How often it was sent, or was about to be.
    attempts       integer     NOT NULL DEFAULT 0,
    -- How many attempts of the schedule have failed.
    failures       smallint    NOT NULL DEFAULT 0,
    -- When the next attempt is due; while it is sent, when whoever sends it is given up. NULL: there is nothing more to do.
    due_at         timestamptz DEFAULT statement_timestamp(),
    -- When due_at was set. In the future only when the clock was put back since: then due_at is as much too late.
    due_set_at     timestamptz NOT NULL DEFAULT statement_timestamp(),
    finished_at    timestamptz,
    CONSTRAINT webhook_deliveries_step_exists FOREIGN KEY (posting_id, step) REFERENCES status_history (posting_id, seq),
    CONSTRAINT webhook_deliveries_type_known CHECK (
        type IN ('posting.created', 'posting.status_changed', 'posting.scanned', 'status_update.refused', 'webhook.test')),
    CONSTRAINT webhook_deliveries_posting_unless_test CHECK (
        num_nulls(posting_id, step, posting_status) = CASE type WHEN 'webhook.test' THEN 3 ELSE 0 END),
    CONSTRAINT webhook_deliveries_refused_has_update CHECK (
        num_nulls(update_id, refusal) = CASE type WHEN 'status_update.refused' THEN 0 ELSE 2 END),
    CONSTRAINT webhook_deliveries_refusal_shape CHECK (refusal ~ '^[a-z_]{1,40}$'),
    CONSTRAINT webhook_deliveries_posting_status_known CHECK (
        posting_status IN ('pending', 'shipped', 'delivered', 'returned', 'cancelled')),
    CONSTRAINT webhook_deliveries_state_known CHECK (state IN ('waiting', 'sending', 'delivered', 'failed')),
    CONSTRAINT webhook_deliveries_unfinished_is_due CHECK (
        (state IN ('waiting', 'sending')) = (due_at IS NOT NULL) AND (due_at IS NULL) = (finished_at IS NOT NULL)),
    CONSTRAINT webhook_deliveries_sent_has_attempt CHECK (state IN ('waiting', 'failed') OR attempts >= 1),
    CONSTRAINT webhook_deliveries_counts_sane CHECK (failures BETWEEN 0 AND attempts)
);

-- A step owes an endpoint one delivery, whatever is repeated.
CREATE UNIQUE INDEX webhook_deliveries_step_once ON webhook_deliveries (endpoint_id, posting_id, step) WHERE refusal IS NULL;
-- The queue itself: what is due to an endpoint, and what else of the same posting is under way to it.
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, due_at, step, id) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_unfinished ON webhook_deliveries (endpoint_id, posting_id, step, id) WHERE due_at IS NOT NULL;
-- What was set by a clock that was put back since: usually nothing.
CREATE INDEX webhook_deliveries_due_set_at ON webhook_deliveries (due_set_at) WHERE due_at IS NOT NULL;
-- A client's pages.
CREATE INDEX webhook_deliveries_client_id_id ON webhook_deliveries (client_id, id);

-- How each attempt ended, as far as it is known: of one whose sender was killed there is no row.
CREATE TABLE webhook_attempts (
    delivery_id uuid        NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
    number      integer     NOT NULL,
    client_id   uuid        NOT NULL,
    started_at  timestamptz NOT NULL,
    duration_ms integer     NOT NULL,
    -- The answer's status, or why there was none.
    status      smallint,
    failure     text,
    body_start  text        NOT NULL DEFAULT '',
    PRIMARY KEY (delivery_id, number),
    CONSTRAINT webhook_attempts_number_positive CHECK (number >= 1),
    CONSTRAINT webhook_attempts_duration_not_negative CHECK (duration_ms >= 0),
    CONSTRAINT webhook_attempts_status_sane CHECK (status BETWEEN 100 AND 999),
    CONSTRAINT webhook_attempts_status_or_failure CHECK (status IS NOT NULL OR failure IS NOT NULL),
    CONSTRAINT webhook_attempts_failure_length CHECK (length(failure) BETWEEN 1 AND 500),
    CONSTRAINT webhook_attempts_body_start_length CHECK (length(body_start) <= 1000)
);

-- migrate:down

DROP TABLE webhook_attempts;
DROP TABLE webhook_deliveries;
DROP TABLE webhook_endpoints;
