"""The command ``calldistil``: its verbs, and how errors reach a user."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click

from harness import __version__
from harness.cli._shown import shown
from harness.errors import CalldistilError

__all__ = ["main"]

_VERBS = {
    "quickstart": "Run the embedded demo: LLM against students, one table.",
    "init": "Write a schema and an experiment file from labelled data.",
    "plan": "Say what an experiment will call and what that costs; call nothing.",
    "run": "Carry out an experiment and print its table.",
    "resume": "Go on with an interrupted run.",
    "report": "Print a run's table again, in any format, or write its page.",
    "reprice": "Print a run's table at other prices.",
    "describe": "Say what an experiment's synthetic sets are like; train nothing.",
    "leaderboard": "Compare the systems of many runs, and write a site.",
    "score": "Score a prediction file against a gold file.",
    "export": "Put a system of a run into a folder that runs elsewhere.",
    "predict": "Label new text with an exported system or a saved student.",
    "serve": "Serve an exported system over HTTP.",
    "extract": "Label sentences with an LLM, without an experiment file.",
    "generate": "Write training rows with an LLM, without an experiment file.",
    "train": "Train a student, without an experiment file.",
    "tune": "Fine-tune an LLM by preferences or on labelled sentences: an adapter.",
    "batch": "Make a run's LLM calls through batch files.",
    "bundle": "Pack a run with its calls for someone else to replay.",
    "replay": "Carry out a bundled run again, without an LLM.",
    "store": "Look after call stores: copy them, count what they hold.",
    "data": "Get public data sets.",
    "list": "List what is installed: backends, extractors, students, ...",
    "doctor": "Check the installation.",
}
EXIT_INTERRUPTED = 130

_EPILOG = """Exit codes: 0 done; 1 failed; 2 wrong command, schema, experiment or option;
3 malformed data; 4 the LLM did not answer; 5 a package is missing; 6 a run or store cannot be
read or written; 7 the budget is reached (raise it and resume); 130 interrupted (resume)."""


class _Verbs(click.Group):
    """Finds a verb's command in its own module when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _VERBS:
            return None
        module = importlib.import_module(f"harness.cli._{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_VERBS.items()))


@click.group(cls=_Verbs, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="calldistil")
@click.option("--debug", is_flag=True, help="Print a traceback with an error.")
def calldistil(debug: bool) -> None:
    """Call the LLM, or distil it once? Evidence for sentence-level relation extraction."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line; exits with the code of what happened."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    try:
        # --debug may stand anywhere, as users write it.
        kept = [word for word in words if word != "--debug"]
        code: Any = calldistil.main(kept, standalone_mode=False, prog_name="calldistil")
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted. What was finished is kept.", err=True)
        code = EXIT_INTERRUPTED
    except CalldistilError as error:
        if debug:
            traceback.print_exc()
        click.echo(f"Error: {shown(error.message)}", err=True)
        if error.hint:
            click.echo(f"Hint: {shown(error.hint)}", err=True)
        code = error.exit_code
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does.
        sys.stderr.close()
        code = 0
    except OSError as error:
        if debug:
            traceback.print_exc()
        place = f"{error.filename}: " if error.filename else ""
        click.echo(shown(f"Error: {place}{error.strerror or error}"), err=True)
        click.echo("Hint: Check the path, its permissions and the space on its disk.", err=True)
        code = 1
    except MemoryError:
        if debug:
            traceback.print_exc()
        click.echo("Error: Memory ran out.", err=True)
        click.echo(
            "Hint: Run again with --jobs 1, a smaller batch_size or less data; what was finished"
            " is kept.",
            err=True,
        )
        code = 1
    except Exception as error:
        if debug:
            raise
        click.echo(shown(f"Error: {type(error).__name__}: {error}"), err=True)
        click.echo("Hint: This is a bug. Run again with --debug and report it.", err=True)
        code = 1
    sys.exit(code if isinstance(code, int) else 0)
