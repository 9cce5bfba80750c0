"""Pictures of a run's page for the documentation, taken in a real Chromium.

Run ``python -m benchmarks.screenshots RUN NAME``; it needs the packages ``playwright`` and
``matplotlib`` and the program ``chromium``. It writes ``docs/images/NAME-*.png``: the opening of
the page on a wide screen and on a phone, and the parts that are worth a picture.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.report.page import Evidence, render_page

__all__ = ["CHROMIUM_FLAGS", "main"]

CHROMIUM_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
_PARTS = ("frontier", "relations", "disagreements", "browser")
_COLOURS = 128


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the pictures and names them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="the folder of a finished run")
    parser.add_argument("name", help="what the pictures' names begin with")
    parser.add_argument("--output", "-o", type=Path, default=Path("docs/images"))
    chosen = parser.parse_args(arguments)
    browser_file = shutil.which("chromium")
    if browser_file is None:
        print("there is no chromium: apt-get install chromium", file=sys.stderr)
        return 1
    from playwright.sync_api import sync_playwright

    chosen.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "page.html"
        file.write_text(render_page(Evidence(chosen.run)), encoding="utf-8")
        browser = playwright.chromium.launch(
            executable_path=browser_file, args=list(CHROMIUM_FLAGS)
        )
        for screen, width, height in (("wide", 1180, 800), ("phone", 390, 800)):
            tab = browser.new_page(
                viewport={"width": width, "height": height}, color_scheme="light"
            )
            tab.goto(file.as_uri())
            _save(tab.screenshot(), chosen.output / f"{chosen.name}-{screen}.png")
            if screen == "wide":
                for part in _PARTS:
                    _save(_part(tab, part), chosen.output / f"{chosen.name}-{part}.png")
        browser.close()
    return 0


def _part(tab: Any, name: str) -> bytes:
    """A section, the top of it where it is long."""
    section = tab.locator(f"section#{name}")
    section.scroll_into_view_if_needed()
    box = section.bounding_box()
    top = tab.evaluate("scrollY") + box["y"]
    clip = {"x": box["x"], "y": top, "width": box["width"], "height": min(box["height"], 760)}
    picture: bytes = tab.screenshot(clip=clip, full_page=True)
    return picture


def _save(picture: bytes, file: Path) -> None:
    """Few colours, so that the repository stays small."""
    from PIL import Image

    image = Image.open(io.BytesIO(picture)).convert("RGB").quantize(_COLOURS)
    image.save(file, optimize=True)
    print(file)


if __name__ == "__main__":
    sys.exit(main())
