"""How long a label takes, and how much memory 500 of them in one file: `make bench-labels`.

Prints, for each format, milliseconds a label (the median of several rounds); for a file of 500 labels the time, the size, and by how
much the process grew at its peak, as the kernel counts it.
"""

import asyncio
import resource
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Final

from app.labels.renderer import LabelRenderer
from app.models.postings import NewPosting, Posting

_ROUNDS: Final = 40
_WARM_UP: Final = 5
_MANY: Final = 500


def sample(number: int) -> Posting:
    """A posting like any other; each has a code and a name of its own."""
    new = NewPosting.model_validate(NewPosting.example)
    recipient = new.recipient.model_copy(update={"name": f"{new.recipient.name} {number}"})
    code = f"ZP{number:08}5BR"
    values = {
        **dict(new),
        "tracking_code": code,
        "reference": f"pedido-{number}",
        "recipient": recipient,
        "test": False,
    }
    return Posting.model_construct(**values)


async def median_ms(render: Callable[[Posting], Awaitable[bytes]]) -> float:
    """The median of the rounds."""
    times = []
    for number in range(_WARM_UP + _ROUNDS):
        posting = sample(number)
        started = time.perf_counter()
        await render(posting)
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times[_WARM_UP:])


def peak_mb() -> float:
    """The most memory that this process has had so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


async def measure_one(labels: LabelRenderer) -> None:
    """Milliseconds a label, for each format."""
    formats: dict[str, Callable[[Posting], Awaitable[bytes]]] = {
        "PDF": lambda posting: labels.render_pdf([posting], "a6", data_matrix=False),
        "PDF with a Data Matrix": lambda posting: labels.render_pdf([posting], "a6", data_matrix=True),
        "PNG": lambda posting: labels.render_png(posting, "a6", data_matrix=False),
        "PNG with a Data Matrix": lambda posting: labels.render_png(posting, "a6", data_matrix=True),
        "PNG of an A4 sheet": lambda posting: labels.render_png(posting, "a4-1", data_matrix=False),
        "ZPL": lambda posting: labels.render_zpl(posting, "a6", data_matrix=False),
        "ZPL with a Data Matrix": lambda posting: labels.render_zpl(posting, "a6", data_matrix=True),
    }
    for name, render in formats.items():
        print(f"{name:<24}{await median_ms(render):7.1f} ms a label")


async def measure_many(labels: LabelRenderer) -> None:
    """A file of 500 labels."""
    postings = [sample(number) for number in range(_MANY)]
    before = peak_mb()
    started = time.perf_counter()
    file = await labels.render_pdf(postings, "a4-4", data_matrix=False)
    seconds = time.perf_counter() - started
    print(
        f"{_MANY} labels in one PDF   {seconds * 1000 / _MANY:7.1f} ms a label, {seconds:.1f} s, "
        f"{len(file) / 1e6:.2f} MB, {peak_mb() - before:.0f} MB more memory at the peak"
    )


async def measure() -> None:
    """All of it."""
    labels = LabelRenderer(public_url="https://rastreio.example.com.br")
    await measure_one(labels)
    await measure_many(labels)
    labels.close()


if __name__ == "__main__":
    asyncio.run(measure())
