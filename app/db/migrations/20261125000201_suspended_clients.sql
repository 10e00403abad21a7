-- migrate:up

-- Since when a client's credentials are not taken any more; NULL for all others.
ALTER TABLE clients ADD COLUMN suspended_at timestamptz;

-- migrate:down

ALTER TABLE clients DROP COLUMN suspended_at;
