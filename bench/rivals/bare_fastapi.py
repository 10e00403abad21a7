"""FastAPI and nothing else: routes without parameters that return {"ok": True}. `python -m bench.rivals.bare_fastapi PORT`."""

import sys
from typing import Final

from fastapi import FastAPI

from bench.rivals.serving import serve

app: Final = FastAPI()


@app.get("/ok")
async def read() -> dict[str, bool]:
    """What a read can be at best."""
    return {"ok": True}


@app.patch("/ok")
async def change() -> dict[str, bool]:
    """What a write can be at best."""
    return {"ok": True}


if __name__ == "__main__":
    serve(app, int(sys.argv[1]))
