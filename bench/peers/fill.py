"""Puts a message for each id on standard input, a line of JSON each, into the queue of the peer named: `python fill.py with_saq`."""

import asyncio
import importlib
import json
import sys

if __name__ == "__main__":
    asyncio.run(importlib.import_module(sys.argv[1]).fill(list(map(json.loads, sys.stdin))))
