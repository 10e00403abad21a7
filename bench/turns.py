"""Contestants take turns, and the order turns round each time: what drifts meanwhile meets them all."""

from collections.abc import Awaitable, Callable, Mapping

from bench.result import Row
from bench.stolen_time import MUCH, processor_times, stolen_share

Say = Callable[[str], None]


async def in_turns(contestants: Mapping[str, Callable[[], Awaitable[float]]], *, rounds: int, say: Say) -> list[Row]:
    """Every contestant's figure in each round.

    A turn in which much of the time was stolen by the machine's host is taken again: as often as there are turns in all, and no more.
    """
    found: dict[str, list[float]] = {label: [] for label in contestants}
    again = rounds * len(contestants)
    for number in range(rounds):
        for label in list(contestants)[:: -1 if number % 2 else 1]:
            while True:
                before = processor_times()
                figure = await contestants[label]()
                stolen = stolen_share(before, processor_times())
                say(f"round {number + 1}: {label}: {figure:,.0f}{f' ({stolen:.0%} stolen)' if stolen > MUCH else ''}")
                if stolen <= MUCH or not again:
                    break
                again -= 1
            found[label].append(figure)
    return [Row(label, figures) for label, figures in found.items()]
