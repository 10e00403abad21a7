-- migrate:up

-- An index that is made in the transaction of its migration keeps writers out meanwhile. Accounts and sessions are so few that this is over
-- in about a second; the locks are taken in the order in which everybody takes them, first accounts.

-- Of whom something may be left to be taken away: usually few, among many clients.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX clients_deleted ON clients (id) WHERE deleted_at IS NOT NULL;

-- Reading goes on, and no row is in other hands.
LOCK TABLE sessions IN EXCLUSIVE MODE;

-- No client has more than 1 000 from now on.
DELETE FROM sessions
 USING (SELECT id, row_number() OVER (PARTITION BY client_id ORDER BY expires_at DESC) AS place FROM sessions) AS numbered
 WHERE sessions.id = numbered.id AND place > 1000;

-- A client's sessions by their end: those that nobody continued for longest are found without reading the others.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX sessions_client_id_expires_at ON sessions (client_id, expires_at);

-- Last, since from here on nobody can read.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX sessions_client_id;

-- migrate:down

DROP INDEX clients_deleted;
CREATE INDEX sessions_client_id ON sessions (client_id);
DROP INDEX sessions_client_id_expires_at;
