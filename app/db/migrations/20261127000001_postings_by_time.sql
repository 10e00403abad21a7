-- migrate:up transaction:false

-- The pages of an operator, who sees all postings, in the order in which they were posted: without it each page reads the whole table.
-- Not those of test worlds: that is what NOT test says, a column that is computed and cannot stand here.
CREATE INDEX CONCURRENTLY IF NOT EXISTS postings_posted_at_id ON postings (posted_at, id) WHERE id < 4611686018427387904;

-- migrate:down transaction:false

DROP INDEX CONCURRENTLY IF EXISTS postings_posted_at_id;
