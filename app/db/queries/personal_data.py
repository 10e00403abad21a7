"""SQL on personal data: taking it out, and giving it to whom it is about."""

from typing import Final, LiteralString

# A walk over all postings in the order of their ids, so that no index is needed for it: $1 where the last page ended, $2 the page's
# length, $3 how long after its last step a posting keeps its personal data, and $4 a test posting. That of a deleted client keeps it only
# while it is on its way. A page that is not full is the last one, however many postings are added meanwhile: then `last` is NULL.
# Postings in other hands are passed over, not waited for: the next round finds them. What is left of a sender or recipient is the region
# that the first five digits of a CEP name (never 00000-000, which is none), the city and the state.
ANONYMISE_POSTINGS: Final[LiteralString] = """
WITH page AS (
    SELECT id FROM postings WHERE id > $1 ORDER BY id LIMIT $2
), due AS (
    SELECT id
      FROM postings
     WHERE id > $1 AND id <= (SELECT max(id) FROM page) AND anonymised_at IS NULL
       AND (status_at < statement_timestamp() - CASE WHEN test THEN $4::interval ELSE $3::interval END
            OR (finished_at IS NOT NULL
                AND (SELECT deleted_at IS NOT NULL FROM clients WHERE clients.id = client_id)))
     ORDER BY id
       FOR UPDATE SKIP LOCKED
), anonymised AS (
    UPDATE postings
       SET reference = NULL, description = NULL, metadata = '{}', anonymised_at = statement_timestamp(),
           sender = jsonb_build_object('name', '(anonymised)', 'cep', greatest(left(sender ->> 'cep', 5), '00001') || '000',
                                       'city', sender -> 'city', 'uf', sender -> 'uf'),
           recipient = jsonb_build_object('name', '(anonymised)', 'cep', greatest(left(recipient ->> 'cep', 5), '00001') || '000',
                                          'city', recipient -> 'city', 'uf', recipient -> 'uf')
     WHERE id = ANY (ARRAY(SELECT id FROM due))
    RETURNING id
)
SELECT (SELECT max(id) FROM page HAVING count(*) = $2) AS last, (SELECT count(*) FROM anonymised) AS anonymised
"""

# At most $1 at once. The keys are looked for client by client, and taken away where they were found, in hand already: so all others are
# read by no plan. What another worker has in hand is passed over.
DELETE_KEYS_OF_DELETED_CLIENTS: Final[LiteralString] = """
WITH found AS (
    SELECT place
      FROM clients
     CROSS JOIN LATERAL (
           SELECT ctid AS place
             FROM posting_idempotency_keys
            WHERE client_id = clients.id
            LIMIT $1
              FOR UPDATE SKIP LOCKED
           ) AS keys
     WHERE deleted_at IS NOT NULL
     LIMIT $1
), deleted AS (
    DELETE FROM posting_idempotency_keys
     WHERE ctid = ANY (ARRAY(SELECT place FROM found))
    RETURNING client_id
)
SELECT count(*) AS deleted FROM deleted
"""

# $1 whose account ends. What is left is an account that nobody can sign in to.
DELETE_CLIENT: Final[LiteralString] = """
UPDATE clients
   SET name = '(deleted)', email = 'deleted-' || id || '@deleted.invalid', document = NULL, password_hash = '-',
       deleted_at = statement_timestamp()
 WHERE id = $1 AND deleted_at IS NULL
RETURNING id
"""

# The postings of its test world are anonymised with the others.
DELETE_TEST_CLIENT: Final[LiteralString] = """
UPDATE clients
   SET deleted_at = statement_timestamp()
  FROM test_clients
 WHERE clients.id = test_clients.client_id AND account_id = $1
"""

# Of each, $1 is whose data it is, $2 where the last page ended (NULL: the first page), $3 the page's length. One row is one line of the
# export, as the database has it, but for what is a secret and no data.
EXPORT_ACCOUNT: Final[LiteralString] = """
SELECT id::text AS position, to_jsonb(clients) - 'password_hash' AS line
  FROM clients
 WHERE id = $1 AND $2::text IS NULL AND deleted_at IS NULL
 LIMIT $3
"""

EXPORT_SESSIONS: Final[LiteralString] = """
SELECT id::text AS position, to_jsonb(sessions) - '{client_id,token_hashes,spent_hash}'::text[] AS line
  FROM sessions
 WHERE client_id = $1 AND id > coalesce($2::text, '00000000-0000-0000-0000-000000000000')::uuid
 ORDER BY id
 LIMIT $3
"""

EXPORT_API_KEYS: Final[LiteralString] = """
SELECT id::text AS position, to_jsonb(api_keys) - '{client_id,key_hash}'::text[] AS line
  FROM api_keys
 WHERE client_id = $1 AND id > coalesce($2::text, '00000000-0000-0000-0000-000000000000')::uuid
 ORDER BY id
 LIMIT $3
"""

EXPORT_POSTINGS: Final[LiteralString] = """
SELECT id::text AS position, to_jsonb(postings) - 'client_id' AS line
  FROM postings
 WHERE client_id = $1 AND (client_id, id) > ($1, coalesce($2::text, '-1')::bigint)
 ORDER BY client_id, id
 LIMIT $3
"""

EXPORT_STATUS_HISTORY: Final[LiteralString] = """
SELECT posting_id || ' ' || history.seq AS position, to_jsonb(history) - 'client_id' AS line
  FROM postings
  JOIN status_history AS history ON posting_id = postings.id
 WHERE postings.client_id = $1
   AND postings.id >= split_part(coalesce($2::text, '-1 0'), ' ', 1)::bigint
   AND (postings.id, history.seq) > (split_part(coalesce($2::text, '-1 0'), ' ', 1)::bigint,
                                     split_part(coalesce($2::text, '-1 0'), ' ', 2)::smallint)
 ORDER BY postings.id, history.seq
 LIMIT $3
"""

EXPORT_STATUS_UPDATES: Final[LiteralString] = """
SELECT seq::text AS position, to_jsonb(status_updates) - '{client_id,seq,requested_by}'::text[] AS line
  FROM status_updates
 WHERE client_id = $1 AND seq > coalesce($2::text, '-1')::bigint
 ORDER BY seq
 LIMIT $3
"""

EXPORT_IDEMPOTENCY_KEYS: Final[LiteralString] = """
SELECT key AS position, to_jsonb(keys) - 'client_id' AS line
  FROM posting_idempotency_keys AS keys
 WHERE client_id = $1 AND ($2::text IS NULL OR key > $2)
 ORDER BY key
 LIMIT $3
"""

EXPORT_WEBHOOK_ENDPOINTS: Final[LiteralString] = """
SELECT id::text AS position, to_jsonb(webhook_endpoints) - '{client_id,secret,previous_secret}'::text[] AS line
  FROM webhook_endpoints
 WHERE client_id = $1 AND id > coalesce($2::text, '00000000-0000-0000-0000-000000000000')::uuid
 ORDER BY id
 LIMIT $3
"""

EXPORT_WEBHOOK_DELIVERIES: Final[LiteralString] = """
SELECT id::text AS position, to_jsonb(webhook_deliveries) - 'client_id' AS line
  FROM webhook_deliveries
 WHERE client_id = $1 AND id > coalesce($2::text, '00000000-0000-0000-0000-000000000000')::uuid
 ORDER BY client_id, id
 LIMIT $3
"""

EXPORT_WEBHOOK_ATTEMPTS: Final[LiteralString] = """
SELECT delivery_id || ' ' || number AS position, to_jsonb(tried) - 'client_id' AS line
  FROM webhook_deliveries
  JOIN webhook_attempts AS tried ON delivery_id = webhook_deliveries.id
 WHERE webhook_deliveries.client_id = $1
   AND webhook_deliveries.id >= split_part(coalesce($2::text, '00000000-0000-0000-0000-000000000000 0'), ' ', 1)::uuid
   AND (webhook_deliveries.id, number) > (split_part(coalesce($2::text, '00000000-0000-0000-0000-000000000000 0'), ' ', 1)::uuid,
                                          split_part(coalesce($2::text, '00000000-0000-0000-0000-000000000000 0'), ' ', 2)::integer)
 ORDER BY webhook_deliveries.id, number
 LIMIT $3
"""

EXPORT_AUDIT_LOG: Final[LiteralString] = """
SELECT id::text AS position, to_jsonb(audit_log) - CASE WHEN actor_id = client_id THEN '{}'::text[] ELSE '{actor_id,address}' END AS line
  FROM audit_log
 WHERE client_id = $1 AND id > coalesce($2::text, '00000000-0000-0000-0000-000000000000')::uuid
 ORDER BY id
 LIMIT $3
"""
