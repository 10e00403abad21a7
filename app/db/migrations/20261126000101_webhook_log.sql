-- migrate:up

-- What has failed, of a client: little among much, so it is found by an index of its own. What is delivered never stands in it, and pays
-- nothing for it.
-- The two are made in one transaction, so not concurrently: while they are, the log can be read, and what is owed meanwhile waits. Few
-- rows stand in them, so that is for as long as the log is read twice.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX webhook_deliveries_failed ON webhook_deliveries (client_id, id) WHERE state = 'failed';
-- What the log of a posting has beside its steps; those are found by webhook_deliveries_step_once already.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX webhook_deliveries_refused ON webhook_deliveries (posting_id) WHERE refusal IS NOT NULL;

-- migrate:down

DROP INDEX webhook_deliveries_refused;
DROP INDEX webhook_deliveries_failed;
