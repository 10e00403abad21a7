-- migrate:up transaction:false

-- An operator's pages of all updates but those of test worlds (that is NOT test, which is computed and cannot stand here).
CREATE INDEX CONCURRENTLY IF NOT EXISTS status_updates_seq ON status_updates (seq) WHERE posting_id < 4611686018427387904;

-- migrate:down transaction:false

DROP INDEX CONCURRENTLY IF EXISTS status_updates_seq;
