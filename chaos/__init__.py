"""Breaks a running system in every way of the fault matrix, and holds a ledger of what was promised against what is there."""
