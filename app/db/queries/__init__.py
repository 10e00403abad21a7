"""SQL text, one file for each table.

An array by which rows are found stands in a subselect: `= ANY ((SELECT $1::bigint[])::bigint[])`, `unnest((SELECT $1::uuid[]), …)`. Such
a statement is planned once. Where PostgreSQL sees how long an array is, it plans anew each time for all that have fewer than the ten
elements which it expects of any, and that takes longer than to carry the statement out.
"""
