-- migrate:up

-- An update row may go only when no delivery tells of it: the foreign key looks for one by this index. Few deliveries are of refusals.
-- Made in a transaction, so not concurrently: while it is, the log can be read, and what is owed meanwhile waits.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX webhook_deliveries_update_id ON webhook_deliveries (update_id) WHERE update_id IS NOT NULL;

-- Nobody waits for retention: a vacuum that gives empty pages at the end back would lock the table for that.
ALTER TABLE status_updates SET (vacuum_truncate = off);

-- migrate:down

ALTER TABLE status_updates RESET (vacuum_truncate);
DROP INDEX webhook_deliveries_update_id;
