-- migrate:up transaction:false

-- What was refused of a client, which is little of what it asked for.
CREATE INDEX CONCURRENTLY IF NOT EXISTS status_updates_refused ON status_updates (client_id, seq) WHERE state = 'refused';

-- migrate:down transaction:false

DROP INDEX CONCURRENTLY IF EXISTS status_updates_refused;
