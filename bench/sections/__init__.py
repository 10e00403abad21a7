"""The sections of the bench, one module each: `measure` measures, and returns what it found. A new one is a line in bench/__main__.py."""
