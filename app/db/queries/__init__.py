"""SQL text, one file for each table."""
