"""What the disasters need of a machine."""

import pytest

from chaos.disasters.shim import can_build_shim


@pytest.fixture(scope="session")
def _compiler() -> None:
    if not can_build_shim():
        pytest.skip("no C compiler")
