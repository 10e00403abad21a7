"""`python -m app.cli`: the same as `postagens`."""

from app.cli import main

main()
