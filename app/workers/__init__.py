"""Loops: when the rules are called, never what they are."""
