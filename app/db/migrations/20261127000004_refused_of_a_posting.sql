-- migrate:up transaction:false

-- What was refused of a posting; what was applied stands in its history, and what is queued in status_updates_queued.
CREATE INDEX CONCURRENTLY IF NOT EXISTS status_updates_refused_of_posting ON status_updates (posting_id) WHERE state = 'refused';

-- migrate:down transaction:false

DROP INDEX CONCURRENTLY IF EXISTS status_updates_refused_of_posting;
