"""What a hash needed goes back to the system when nobody signs in."""

import subprocess
import sys

_PROGRAM = """
import asyncio, time
from app.core.auth import Passwords
from app.core.memory import use_one_arena

def megabytes():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6

async def main():
    passwords = Passwords(threads=1, idle_seconds=1)
    before = megabytes()
    for _ in range(3):
        await passwords.hash("a password")
    print(megabytes() - before)
    give_up = time.monotonic() + 20
    while megabytes() - before > 4 and time.monotonic() < give_up:
        await asyncio.sleep(0.1)
    print(megabytes() - before)
    passwords.close()

use_one_arena()
asyncio.run(main())
"""


def test_the_memory_of_a_hash_is_kept_for_the_next_one_and_not_for_ever() -> None:
    said = subprocess.run([sys.executable, "-c", _PROGRAM], check=True, capture_output=True, text=True, timeout=60)
    kept, at_rest = map(float, said.stdout.split())
    assert kept > 15  # the 19 MiB of Argon2id
    assert at_rest < 4
