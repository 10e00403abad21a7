"""Row 17: a receiver of webhooks fails, says nothing, says too much, redirects, moves inside, or dies. No other one may notice."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from chaos.facts import count_failed_attempts
from chaos.faults.fault import Expectation, Fault, Injection
from chaos.outside import ILL_NAME
from chaos.system import Missed, System, until

_MET_WITHIN: Final = 15.0
_REFUSED: Final = "no connection: the address of the host is not a public one"
# Inside somebody's network, and of the cloud it stands in.
_INSIDE: Final = (["10.0.0.1"], ["169.254.169.254", "fd00:ec2::254"], ["192.168.0.1", "::ffff:172.16.0.1"])


def _answering(mood: str) -> Injection:
    """It answers so, and at least one webhook meets that."""

    @contextmanager
    def inject(system: System, _chance: random.Random) -> Iterator[None]:
        system.outside.feel(mood)
        until(f"a webhook meets a receiver that {mood}", lambda: system.outside.has_answered(mood), seconds=_MET_WITHIN)
        yield
        system.outside.heal()
        _canary_is_alone(system)

    return inject


@contextmanager
def _moved_inside(system: System, chance: random.Random) -> Iterator[None]:
    """Its name, which was checked when the endpoint was created, means an address inside."""
    url = system.servers.postgres.url
    before = count_failed_attempts(url, _REFUSED)
    system.outside.names.addresses[ILL_NAME] = chance.choice(_INSIDE)
    until(
        "a webhook does not go to an address inside",
        lambda: count_failed_attempts(url, _REFUSED) > before,
        seconds=_MET_WITHIN,
    )
    yield
    system.outside.heal()


@contextmanager
def _killed(system: System, _chance: random.Random) -> Iterator[None]:
    system.outside.kill()
    yield
    system.outside.heal()


def _canary_is_alone(system: System) -> None:
    if count := system.outside.canary.connections:
        raise Missed(f"{count} connections came to the canary on loopback")


# Webhooks come by only while steps are recorded, and while senders reach PostgreSQL.
_RECEIVER: Final = frozenset({"receiver", "sender", "network", "postgres"})
_LASTS: Final = (2.0, 8.0)
_OTHERS_UNAFFECTED: Final = Expectation(undisturbed=True, delivered=2.0)


def _fault(name: str, what: str, inject: Injection) -> Fault:
    return Fault(
        f"receiver-{name}", 17, f"a receiver of webhooks {what}", inject, _RECEIVER, _LASTS, _OTHERS_UNAFFECTED
    )


FAULTS: Final = (
    _fault("fails", "answers 500", _answering("fails")),
    _fault("is-silent", "takes the request and says nothing for longer than ten seconds", _answering("is-silent")),
    _fault("answers-at-length", "answers with 10 MB", _answering("answers-at-length")),
    _fault("redirects", "redirects to a canary on loopback", _answering("redirects")),
    _fault("moves-inside", "changes the meaning of its name to an address inside", _moved_inside),
    _fault("killed", "is killed", _killed),
)
