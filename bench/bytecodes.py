"""What Python carries out for a request, counted in bytecodes: `make bench-bytecodes`.

It says what a change to the hot path is worth on a machine whose time nobody can trust: the count is the same on every one. What C does
for a bytecode, the kernel and PostgreSQL are not in it.
"""

import asyncio
import os
import runpy
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import CodeType, FrameType
from typing import Annotated, Any, Final

import typer

from app.embedded.folder import free_port
from bench.ground import Place, ground
from bench.load import Load, press, request
from bench.programs import first_core, module, other_cores, running, wait_until_answers
from bench.service import account

_CONNECTIONS: Final = 64
_POSTINGS: Final = 5_000
_WRITTEN_WITHIN: Final = 10.0


def _count(written: Path) -> None:
    """Count in this process from SIGUSR1 to SIGUSR2, and write what each function took then."""
    counted: Counter[CodeType] = Counter()

    def local(frame: FrameType, event: str, _argument: Any) -> Any:
        counted[frame.f_code] += event == "opcode"
        return local

    def begin(frame: FrameType, _event: str, _argument: Any) -> Any:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return local

    def end(*_: object) -> None:
        sys.settrace(None)
        lines = [f"{count}\t{code.co_qualname} ({code.co_filename})\n" for code, count in counted.most_common()]
        draft = written.with_suffix(".draft")
        draft.write_text("".join(lines), encoding="utf-8")
        draft.rename(written)

    signal.signal(signal.SIGUSR1, lambda *_: sys.settrace(begin))
    signal.signal(signal.SIGUSR2, end)


async def measure(folder: Path, *, seconds: float, most: int) -> dict[str, float]:
    """Print and return the bytecodes of a request of each kind, and of the functions that took most of them."""
    with ground(folder) as on:
        async with on.filled(postings=_POSTINGS, updates=0) as place:
            client = await account(place)
            kinds = {
                "a bare FastAPI route": ("bench.rivals.bare_fastapi", [request("GET", "/ok")], 200),
                "PATCH /postings/{code}/status": ("app.main", client.scans(), 202),
                "GET /tracking/{code}": ("app.main", client.reads("tracking"), 200),
                "GET /postings/{code}": ("app.main", client.reads("postings"), 200),
            }
            found = {}
            for kind, (program, requests, status) in kinds.items():
                asked = partial(_ask, requests=requests, status=status, seconds=seconds)
                counted, answers = _bytecodes_of(folder, place, program, asked)
                found[kind] = sum(count for count, _ in counted) / answers
                print(f"{found[kind]:9,.0f}  {kind}", flush=True)
                for count, function in counted[:most]:
                    print(f"{count / answers:15,.1f}  {function}", flush=True)
            return found


def _ask(port: int, *, requests: list[str], status: int, seconds: float) -> int:
    """How many were answered."""
    load = Load(port, requests, connections=_CONNECTIONS, seconds=seconds, warm_seconds=0, cores=sorted(other_cores()))
    return len(press(load).all_of(status))


def _bytecodes_of(
    folder: Path, place: Place, program: str, ask: Callable[[int], int]
) -> tuple[list[tuple[int, str]], int]:
    """What each function took in all, the most first, and how many were answered meanwhile."""
    port, log, written = free_port(), folder / "counted.log", folder / "counted.txt"
    written.unlink(missing_ok=True)
    is_ours = program == "app.main"
    argv = module("bench.bytecodes", str(written), program, *([] if is_ours else [str(port)]))
    environment = {**place.environment, "PORT": str(port), "MAX_BACKLOG": "100000000"}
    with running(argv, log=log, environment=environment, cores=first_core()) as process:
        wait_until_answers(port, "/health/ready" if is_ours else "/ok", process, log)
        ask(port)  # what is done once has been done
        os.kill(process.pid, signal.SIGUSR1)
        answers = ask(port)
        os.kill(process.pid, signal.SIGUSR2)
        give_up = time.monotonic() + _WRITTEN_WITHIN
        while not written.exists() and time.monotonic() < give_up:
            time.sleep(0.05)
    lines = [line.split("\t") for line in written.read_text(encoding="utf-8").splitlines()]
    return [(int(count), function) for count, function in lines], answers


def main(
    seconds: Annotated[float, typer.Option(help="How long each kind of request is asked.", min=0.5, max=60)] = 10,
    most: Annotated[int, typer.Option(help="How many functions are listed of each kind.", min=0, max=500)] = 15,
) -> None:
    """Count what Python carries out for a request, beside a bare FastAPI route."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(Path(folder), seconds=seconds, most=most))


if __name__ == "__main__":
    if len(sys.argv) > 2 and not sys.argv[1].startswith("-"):  # noqa: PLR2004 - the program that is counted, and where to
        _count(Path(sys.argv[1]))
        program = sys.argv[2]
        sys.argv[1:] = sys.argv[3:]
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    else:
        typer.run(main)
