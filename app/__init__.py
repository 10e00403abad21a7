"""Postagens: a REST API for logistics postings."""
