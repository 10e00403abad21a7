"""Measurements: the product, its limits and its peers side by side in one run. `make bench`; what it found is docs/performance.md."""
