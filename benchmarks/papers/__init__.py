"""Results that others published, a file each; docs/leaderboard.md has the form."""

from pathlib import Path

__all__ = ["FOLDER"]

FOLDER = Path(__file__).parent
