"""A chaos run: start everything, let clients work while faults fall, heal, drain, and hold the ledger against the facts."""

import dataclasses
import json
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from app.embedded.process import Process, spawn
from chaos.checker import Verdict, check
from chaos.client import Orders
from chaos.facts import count_queued, read_facts
from chaos.faults.fault import Fault
from chaos.ledger import Entry, Fell, Ledger, now, read_ledgers
from chaos.probe import Probe
from chaos.system import Missed, System, until

_ROOT: Final = Path(__file__).parent.parent
_CLIENT_LADDER: Final = ((signal.SIGTERM, 90.0),)
_TWO_AT_ONCE: Final = 0.25


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does: for `duration` seconds, with which faults, decided by which seed.

    `alone`: one named fault again and again, instead of all in turn and sometimes two at once. `patience` is how long, in seconds,
    the system may take to be well again before the run goes on without.
    """

    seed: int
    duration: float
    faults: Sequence[Fault]
    alone: bool = False
    longest: float = 8.0
    clients: int = 3
    hands: int = 6
    pause_seconds: float = 0.1
    control: str | None = None
    without_key: bool = False
    parcels: int = 12
    patience: float = 60.0


@dataclass(slots=True)
class Outcome:
    """What came of it: the verdict on the ledger, the ledger itself, how long updates waited, and what was missed on the way."""

    verdict: Verdict = field(default_factory=Verdict)
    entries: list[Entry] = field(default_factory=list)
    decided: list[float] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)


def run(plan: Plan, folder: Path, say: Callable[[str], None]) -> Outcome:
    """Carry the plan out in `folder`, which must be empty; `say` hears what is going on."""
    outcome = Outcome()
    chance = random.Random(plan.seed)  # noqa: S311 - repeatable is the point
    with System(folder, control=plan.control) as system:
        probe = Probe(system.urls)
        probe.register()
        with _clients(plan, system, folder), Ledger(folder / "faults.ledger") as ledger:
            probe.wait_until_all_works(within=plan.patience)
            _let_faults_fall(plan, system, chance, probe, ledger, outcome, say)
            system.revive()
            say("clients finish what they have begun ...")
        say("waiting until everything is decided ...")
        try:
            until("nothing is queued", lambda: count_queued(system.postgres.url) == 0, seconds=plan.patience)
        except Missed as missed:
            outcome.missed.append(str(missed))
        postings = read_facts(system.postgres.url)
    outcome.entries = list(read_ledgers(folder))
    outcome.decided = [
        update.seconds for posting in postings for update in posting.updates if update.seconds is not None
    ]
    outcome.verdict = check(outcome.entries, postings, poison="poison")
    return outcome


@contextmanager
def _clients(plan: Plan, system: System, folder: Path) -> Iterator[None]:
    with ExitStack() as running:
        processes = []
        for number in range(plan.clients):
            name = f"client-{number}"
            orders = Orders(
                name,
                system.urls,
                str(folder / f"{name}.ledger"),
                seed=plan.seed * 1_000 + number,
                hands=plan.hands,
                pause_seconds=plan.pause_seconds,
                without_key=plan.without_key,
                parcels=plan.parcels,
            )
            with (folder / f"{name}.log").open("ab") as log:
                popen = spawn(
                    [sys.executable, "-m", "chaos.client", json.dumps(dataclasses.asdict(orders))],
                    death_signal=signal.SIGKILL,
                    output=log.fileno(),
                    cwd=_ROOT,
                )
            processes.append(running.enter_context(Process(popen, ladder=_CLIENT_LADDER)))
        yield
        for process in processes:
            if process.exit_code() is not None:
                raise Missed(f"a client ended by itself: look at {folder}/client-*.log")
        for process in processes:
            process.ask_to_stop()


def _let_faults_fall(
    plan: Plan,
    system: System,
    chance: random.Random,
    probe: Probe,
    ledger: Ledger,
    outcome: Outcome,
    say: Callable[[str], None],
) -> None:
    end = now() + plan.duration
    for faults in _order(plan, chance):
        if now() >= end:
            return
        names = " + ".join(fault.name for fault in faults)
        began = now()
        try:
            with ExitStack() as injected:
                for fault in faults:
                    injected.enter_context(fault.inject(system, chance))
                shortest, longest = faults[-1].lasts
                time.sleep(min(chance.uniform(shortest, longest), plan.longest))
        except Missed as missed:
            outcome.missed.append(f"{names}: {missed}")
            system.revive()
        healed = now()
        try:
            recovery = probe.wait_until_all_works(within=plan.patience)
        except Missed as missed:
            outcome.missed.append(f"after {names}: {missed}")
            recovery = plan.patience
        ledger.write(Fell(names, began, healed, healed + recovery))
        say(f"{names}: {healed - began:.1f} s, well again after {recovery:.1f} s")
        time.sleep(chance.uniform(0.2, 1.0))


def _order(plan: Plan, chance: random.Random) -> Iterator[tuple[Fault, ...]]:
    """The faults in the order in which they fall: all in a new order, again and again."""
    while True:
        order = list(plan.faults)
        chance.shuffle(order)
        while order:
            first = order.pop()
            others = [fault for fault in order if not fault.touches & first.touches]
            if not plan.alone and others and chance.random() < _TWO_AT_ONCE:
                second = chance.choice(others)
                order.remove(second)
                yield first, second
            else:
                yield (first,)
