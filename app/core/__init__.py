"""Parts without a rule of the business: passwords and tokens, the Redis stream, tracking codes, logging."""
