"""Both servers of a bench, forgetful and started once."""

from collections.abc import Iterator

import pytest

from bench.ground import Ground, ground


@pytest.fixture(scope="session")
def bench_ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """What the smallest measurements stand on."""
    with ground(tmp_path_factory.mktemp("bench"), durable=False) as place:
        yield place
