"""Chaos: real faults on real processes, and a ledger that tells whether the promise held."""
