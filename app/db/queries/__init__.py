"""SQL text, one file for each table.

Where the hot paths look for many at once, the first array stands in a subselect, `unnest((SELECT $1::text[]), …)`, and each row is looked
for by itself (`LATERAL` with `LIMIT` or `OFFSET`). Such a statement is planned once, and for an index. Where PostgreSQL sees how long an
array is, it plans anew each time for all that have fewer than the ten elements which it expects of any, and that takes longer than to
carry the statement out; and a join that is planned once, while the tables of a new deployment are empty, goes on reading them whole as
they grow.
"""
