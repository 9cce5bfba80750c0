"""The command line: one file per verb, each imported when it is called."""

from harness.cli._group import main

__all__ = ["main"]
