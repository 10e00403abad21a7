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
from chaos import gauges
from chaos.checker import Verdict, check
from chaos.client import Orders
from chaos.facts import Update, count_queued, count_undelivered, read_facts
from chaos.faults.disasters import CLOCK_OF_POSTGRES
from chaos.faults.fault import Fault
from chaos.faults.requests import POISON
from chaos.ledger import Entry, Fell, Ledger, Subscribed, now, read_ledgers
from chaos.probe import Probe
from chaos.servers import Equipment
from chaos.stolen_time import noting_stolen_time
from chaos.system import Missed, System, until

_ROOT: Final = Path(__file__).parent.parent
_CLIENT_LADDER: Final = ((signal.SIGTERM, 90.0),)
_ENDPOINTS: Final = 2
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

    @property
    def equipment(self) -> Equipment | None:
        """What the servers of this run stand on."""
        return next((fault.needs for fault in self.faults if fault.needs), None)


@dataclass(slots=True)
class Outcome:
    """What came of it: the verdict on the ledger, the ledger itself, the stored updates, what was missed and noted on
    the way, and a sample of what must stay flat after each fault."""

    verdict: Verdict = field(default_factory=Verdict)
    entries: list[Entry] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    samples: list[gauges.Sample] = field(default_factory=list)


def run(plan: Plan, folder: Path, say: Callable[[str], None]) -> Outcome:
    """Carry the plan out in `folder`, which must be empty; `say` hears what is going on."""
    outcome = Outcome()
    with System(folder, control=plan.control, equipment=plan.equipment) as system:
        probe = Probe(system.urls)
        probe.register()
        with (
            _clients(plan, system, folder),
            Ledger(folder / "faults.ledger") as ledger,
            Ledger(folder / "stolen.ledger") as stolen,
            noting_stolen_time(stolen),
        ):
            probe.wait_until_all_works(within=plan.patience)
            until("a client has its endpoints", lambda: _subscriptions(folder) == _ENDPOINTS, seconds=plan.patience)
            weather = _Weather(plan, system, probe, ledger, say)
            weather.rage()
            outcome.samples = weather.samples
            system.revive()
            say("clients finish what they have begun ...")
        say("waiting until everything is decided and delivered ...")
        url = system.servers.postgres.url
        try:
            until("nothing is queued", lambda: count_queued(url) == 0, seconds=plan.patience)
            until("no webhook is owed", lambda: count_undelivered(url) == 0, seconds=plan.patience)
        except Missed as missed:
            system.missed.append(str(missed))
        postings = read_facts(system.servers.postgres.url)
        outcome.missed = system.missed
        outcome.notes = system.notes
    outcome.entries = list(read_ledgers(folder))
    outcome.updates = [update for posting in postings for update in posting.updates]
    clock_moved = any(isinstance(entry, Fell) and CLOCK_OF_POSTGRES in entry.fault for entry in outcome.entries)
    outcome.verdict = check(outcome.entries, postings, poison=POISON, clock_moved=clock_moved)
    return outcome


def _subscriptions(folder: Path) -> int:
    return sum(isinstance(entry, Subscribed) for entry in read_ledgers(folder))


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
                # One client is enough for all that is to be seen of webhooks.
                endpoints=system.outside.endpoints(name) if number == 0 else (),
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


class _Weather:
    """Lets faults fall on a system, one after the other and sometimes two at once."""

    def __init__(self, plan: Plan, system: System, probe: Probe, ledger: Ledger, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._chance = random.Random(plan.seed)
        self._system = system
        self._probe = probe
        self._ledger = ledger
        self._say = say
        self.samples: list[gauges.Sample] = []

    def rage(self) -> None:
        """Until the time of the plan is over."""
        end = now() + self._plan.duration
        for faults in self._order():
            if now() >= end:
                return
            names = " + ".join(fault.name for fault in faults)
            began = now()
            try:
                self._strike(faults)
            except Missed as missed:
                self._system.missed.append(f"{names}: {missed}")
                self._system.revive()
            healed = now()
            self._look_for_the_dead(names)
            recovery = self._recover(names)
            self._ledger.write(Fell(names, began, healed, healed + recovery, time.time() - now()))
            self.samples.append(gauges.sample(self._system))
            self._say(f"{names}: {healed - began:.1f} s, well again after {recovery:.1f} s")
            time.sleep(self._chance.uniform(0.2, 1.0))

    def _strike(self, faults: Sequence[Fault]) -> None:
        with ExitStack() as injected:
            for fault in faults:
                injected.enter_context(fault.inject(self._system, self._chance))
            shortest, longest = faults[-1].lasts
            time.sleep(min(self._chance.uniform(shortest, longest), self._plan.longest))

    def _look_for_the_dead(self, names: str) -> None:
        """Every fault mends what it broke: whatever does not run now ended by itself, which no process may."""
        for program in self._system.programs:
            if not program.alive:
                self._system.missed.append(f"{program.name} ended by itself during {names}: {program.log[-500:]}")
                program.start()

    def _recover(self, names: str) -> float:
        try:
            return self._probe.wait_until_all_works(within=self._plan.patience)
        except Missed as missed:
            self._system.missed.append(f"after {names}: {missed}")
            return self._plan.patience

    def _order(self) -> Iterator[tuple[Fault, ...]]:
        """The faults in the order in which they fall: all in a new order, again and again."""
        while True:
            order = list(self._plan.faults)
            self._chance.shuffle(order)
            while order:
                first = order.pop()
                others = [fault for fault in order if not fault.touches & first.touches]
                if not self._plan.alone and others and self._chance.random() < _TWO_AT_ONCE:
                    second = self._chance.choice(others)
                    order.remove(second)
                    yield first, second
                else:
                    yield (first,)
