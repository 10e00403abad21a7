"""Contestants take turns, and the order turns round each time: what drifts meanwhile meets them all."""

from collections.abc import Awaitable, Callable, Mapping

from bench.result import Row

Say = Callable[[str], None]


async def in_turns(contestants: Mapping[str, Callable[[], Awaitable[float]]], *, rounds: int, say: Say) -> list[Row]:
    """Every contestant's figure in each round."""
    found: dict[str, list[float]] = {label: [] for label in contestants}
    for number in range(rounds):
        for label in list(contestants)[:: -1 if number % 2 else 1]:
            found[label].append(await contestants[label]())
            say(f"round {number + 1}: {label}: {found[label][-1]:,.0f}")
    return [Row(label, figures) for label, figures in found.items()]
