"""How properties are tried: often enough to mean something, and never failing because the machine is busy."""

from hypothesis import HealthCheck, settings


def examples(most: int) -> settings:
    """Try so many examples at most."""
    return settings(max_examples=most, deadline=None, suppress_health_check=[HealthCheck.too_slow])
