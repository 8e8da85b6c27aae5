"""What every command does alike: mistakes said in one line, exit codes, examples in the help."""

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import typer
from click import get_current_context
from typer.core import TyperGroup

from errorbar.core.errors import ArtifactError, ErrorbarError, InputError, MissingExtraError

__all__ = [
    "INTERRUPTED",
    "Commands",
    "examples",
    "in_options",
    "new_group",
    "print_json",
    "say",
    "show_table",
]

FAILED, MISTAKEN, INTERRUPTED = 1, 2, 130
MISTAKES = (InputError, ArtifactError, MissingExtraError)
# An argument as messages of the library speak of it.
_ARGUMENT = re.compile(
    r"\b(?P<name>[a-z][a-z0-9_]*)=(?P<value>'[^']*'|\[\]|\[?\.\.\.\]?|[\w.\-]*\w)", re.ASCII
)
# What a path that a person gave may be; a full disk is none of these.
WRONG_PATHS = (
    FileNotFoundError,
    FileExistsError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)


class Commands(TyperGroup):
    """A group whose commands end with a clear line and an exit code where they cannot go on."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ErrorbarError as error:
            say(f"errorbar: {in_options(str(error), ctx)}", error=True)
            raise typer.Exit(MISTAKEN if isinstance(error, MISTAKES) else FAILED) from error
        except WRONG_PATHS as error:
            clash = isinstance(error, FileExistsError | NotADirectoryError)
            words = "a folder is wanted there, and a file is" if clash else error.strerror
            say(f"errorbar: {error.filename}: {words}.", error=True)
            raise typer.Exit(MISTAKEN) from error
        except MemoryError as error:
            say("errorbar: there is not enough memory for this: ask for less.", error=True)
            raise typer.Exit(FAILED) from error
        except KeyboardInterrupt as error:
            say("errorbar: interrupted.", error=True)
            raise typer.Exit(INTERRUPTED) from error


def new_group(text: str) -> typer.Typer:
    """A group of commands that shows its help where no command is named."""
    return typer.Typer(
        cls=Commands,
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        help=text,
    )


def in_options(text: str, ctx: Any = None) -> str:
    """What a message says of arguments, `name=value`, in words of the command line.

    Names are looked for among the options of the command that runs; others stay as they are.
    """
    ctx = ctx or get_current_context(silent=True)
    command: Any = None if ctx is None else ctx.command
    if ctx is not None and isinstance(command, TyperGroup):
        command = command.commands.get(ctx.invoked_subcommand)
    if command is None:
        return text
    options = {each.name: each for each in command.params if each.param_type_name == "option"}

    def spoken(found: re.Match[str]) -> str:
        option = options.get(found["name"])
        if option is None:
            return found[0]
        value, word = found["value"].strip("'"), option.opts[0]
        if value in ("True", "...", "[...]"):
            return word
        if value in ("", "[]"):
            return f"{word} ''"
        if value == "False":
            return option.secondary_opts[0] if option.secondary_opts else f"no {word}"
        return f"{word} {value}"

    return _ARGUMENT.sub(spoken, text)


def examples(*lines: str) -> str:
    """The end of a command's help: lines that can be typed as they stand."""
    return "\n".join(["[bold]Examples[/bold]", *(f"  {line}" for line in lines)])


def say(text: str, *, error: bool = False) -> None:
    """One message, with nothing in it taken as markup."""
    typer.echo(text, err=error)


def show_table(title: str, headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A small table for reading; numbers to four digits, nothing for what is not known."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    rows = [list(row) for row in rows]
    for place, heading in enumerate(headings):
        numbers = all(isinstance(row[place], int | float | None) for row in rows)
        table.add_column(Text(heading), justify="right" if numbers else "left")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    console = Console(highlight=False)
    if not console.is_terminal:
        # A pipe has no width: nothing is cut there.
        console.width = 1000
    # Not the table's own title, which is cut into lines as narrow as the table.
    console.print(Text(title, style="bold"))
    console.print(table)


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def print_json(value: Any) -> None:
    """`value` as JSON on standard output; what is no number there is null."""
    typer.echo(json.dumps(_plain(value), indent=2, allow_nan=False))


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        value = {part.name: getattr(value, part.name) for part in fields(value)}
    if callable(rows := getattr(value, "to_dicts", None)):
        return _plain(rows())
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if callable(listed := getattr(value, "tolist", None)):
        return _plain(listed())
    if isinstance(value, Path):
        return value.as_posix()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
