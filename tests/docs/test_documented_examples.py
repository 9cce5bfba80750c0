"""What README and docs show is run: CONTRIBUTING.md has the convention, under "Documentation"."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(
    r"^<!-- test(?P<how>[^\n]*?) -->\n+```(?P<language>\w+)[^\n]*\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
SAME = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Block:
    """One tagged block: its first line in the page, its language and how it is to be run."""

    line: int
    language: str
    body: str
    slow: bool
    needs: tuple[str, ...]
    file: str | None


@dataclass(frozen=True)
class Command:
    """One command of a console block and what stands below it."""

    line: str
    output: str
    status: int


def _blocks(page: str) -> list[Block]:
    blocks = []
    for found in FENCE.finditer(page):
        how = [part.strip() for part in found["how"].lstrip(":").split(",") if part.strip()]
        known = [part for part in how if part == "slow" or part.startswith(("needs ", "file "))]
        line = page.count("\n", 0, found.start("body")) + 1
        assert how == known, f"line {line}: not known: {set(how) - set(known)}"
        files = [part.removeprefix("file ") for part in how if part.startswith("file ")]
        needs = tuple(part.removeprefix("needs ") for part in how if part.startswith("needs "))
        blocks.append(
            Block(
                line=line,
                language=found["language"],
                body=found["body"],
                slow="slow" in how,
                needs=needs,
                file=files[0] if files else None,
            )
        )
    assert len(blocks) == len(re.findall("^<!-- test", page, re.MULTILINE)), "a tag has no block"
    return blocks


def _commands(body: str) -> Iterator[Command]:
    first, *parts = re.split(r"^\$ ", body, flags=re.MULTILINE)
    assert not first.strip(), f"a console block begins with a command, not with {first!r}"
    for part in parts:
        lines = part.splitlines()
        command = [lines.pop(0)]
        while command[-1].endswith("\\"):
            command.append(lines.pop(0).removeprefix("> "))
        status = 0
        if lines and (exit_line := re.fullmatch(r"\[exit (\d+)\]", lines[-1].strip())):
            status = int(exit_line[1])
            lines.pop()
        yield Command("\n".join(command), "\n".join(lines), status)


def _run_console(block: Block, folder: Path) -> None:
    scripts = os.pathsep.join([sysconfig.get_path("scripts"), str(Path(sys.executable).parent)])
    env = os.environ | {
        "PATH": os.pathsep.join([scripts, os.environ["PATH"]]),
        "NO_COLOR": "1",
        "COLUMNS": "100",
    }
    for command in _commands(block.body):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command.line],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        told = f"$ {command.line}\n{done.stdout}{done.stderr}"
        assert done.returncode == command.status, f"exit {done.returncode}\n{told}"
        shown = done.stdout if command.status == 0 else done.stdout + done.stderr
        if command.output.strip():
            same = doctest.OutputChecker().check_output(command.output, shown, SAME)
            assert same, f"the page shows\n{command.output}\nbut the command says\n{told}"


def _run_python(block: Block, names: dict[str, Any], page: Path) -> None:
    if block.body.lstrip().startswith(">>>"):
        test = doctest.DocTestParser().get_doctest(
            block.body, names, page.name, str(page), block.line - 1
        )
        told: list[str] = []
        doctest.DocTestRunner(optionflags=SAME).run(test, out=told.append, clear_globs=False)
        assert told == [], "".join(told)
        names.update(test.globs)
    else:
        exec(compile("\n" * (block.line - 1) + block.body, str(page), "exec"), names)


def _run_page(page: Path, folder: Path, *, slow: bool) -> None:
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in _blocks(page.read_text(encoding="utf-8")):
        if block.slow and not slow:
            continue
        for module in block.needs:
            pytest.importorskip(module)
        if block.file is not None:
            (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.file).write_text(block.body, encoding="utf-8")
        elif block.language == "console":
            _run_console(block, folder)
        else:
            assert block.language == "python", f"{page}:{block.line}: cannot run {block.language}"
            _run_python(block, names, page)


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
TESTED = [page for page in PAGES if _blocks(page.read_text(encoding="utf-8"))]
SLOW = [page for page in TESTED if any(b.slow for b in _blocks(page.read_text(encoding="utf-8")))]


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", TESTED, ids=_name)
def test_the_examples_of_a_page_do_what_it_shows(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _run_page(page, tmp_path, slow=False)


@pytest.mark.slow
@pytest.mark.parametrize("page", SLOW, ids=_name)
def test_the_slow_examples_of_a_page_do_what_it_shows(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _run_page(page, tmp_path, slow=True)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_between_pages_point_to_files_that_exist(page: Path) -> None:
    text = re.sub("^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text)
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_page_of_the_docs_is_linked_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    pages = [_name(page) for page in sorted((ROOT / "docs").glob("*.md"))]
    assert [page for page in pages if f"]({page})" not in readme] == []
