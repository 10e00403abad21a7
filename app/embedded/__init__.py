"""PostgreSQL and Valkey from PyPI wheels, for `make up` and the tests; never imported in production."""
