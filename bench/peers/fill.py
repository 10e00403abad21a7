"""Puts a message for each posting whose id stands on standard input into the queue of the peer named: `python fill.py with_saq`."""

import asyncio
import importlib
import sys

if __name__ == "__main__":
    asyncio.run(importlib.import_module(sys.argv[1]).fill([int(line) for line in sys.stdin]))
