"""Options that several commands share, and what the settings say where one is left out."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from errorbar.core.errors import SettingsError

if TYPE_CHECKING:
    from errorbar.app.settings import Settings

__all__ = [
    "Blocks",
    "Engine",
    "Json",
    "ListFormat",
    "Seed",
    "Workers",
    "engine_and_workers",
    "found_table",
    "listed",
    "named_numbers",
    "number_ranges",
    "numbers",
    "settings",
    "whole_numbers",
]

Blocks = Annotated[
    bool | None,
    typer.Option(
        help="Read the file block by block, never as a whole.",
        show_default="where it takes more than a quarter of the memory",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
ListFormat = Annotated[str, typer.Option("--list", help="Whose list it is: ariel or kawai.")]
Seed = Annotated[int, typer.Option(help="Everything random comes from this number.", min=0)]
Engine = Annotated[
    str | None,
    typer.Option(
        help="Where fits run: threads, processes, or a Dask address such as tcp://10.0.0.5:8786.",
        show_default="threads; processes for nuts",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(help="Threads or processes.", min=1, show_default="all processors"),
]


def engine_and_workers(
    given: "Settings", engine: str | None, workers: int | None
) -> tuple[str | None, int | None]:
    """Where fits run; a cluster has its own workers, whatever the settings say."""
    engine = given.engine if engine is None else engine
    if workers is None and "://" not in (engine or ""):
        workers = given.workers
    return engine, workers


def settings() -> "Settings":
    """What `errorbar.toml` and the environment say."""
    from errorbar.app.settings import read_settings

    return read_settings()


def found_table(path: Path | None) -> Path | None:
    """A table that was named, looked for in the data folder too."""
    return None if path is None else settings().found(path)


def listed(text: str) -> tuple[str, ...]:
    """The parts of `a,b,c`."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def named_numbers(option: str, text: str | None) -> dict[str, float] | None:
    """What `alpha=-0.95,beta=-1.1` says."""
    if text is None:
        return None
    try:
        pairs = (part.split("=", 1) for part in listed(text))
        return {name.strip(): float(value) for name, value in pairs}
    except ValueError as error:
        raise SettingsError(
            f"{option} {text} must be names with numbers, such as epsilon=0.4,beta=-1.1."
        ) from error


def numbers(option: str, text: str | None) -> tuple[float, ...] | None:
    """What `0,0.3,1` says."""
    if text is None:
        return None
    try:
        return tuple(float(part) for part in listed(text))
    except ValueError as error:
        raise SettingsError(
            f"{option} {text} must be numbers with commas between, such as 0,0.3,1."
        ) from error


def number_ranges(option: str, text: str) -> tuple[int, ...]:
    """What `3-5,8` says."""
    found: list[int] = []
    for part in listed(text):
        first, dash, last = part.partition("-")
        try:
            some = range(int(first), int(last if dash else first) + 1)
        except ValueError as error:
            raise SettingsError(
                f"{option} {text} must be whole numbers and ranges, such as 3-7 or 3,5,8."
            ) from error
        if not some:
            raise SettingsError(
                f"{option} {text}: the range {part} is empty, write {last}-{first}."
            )
        found += some
    if not found:
        raise SettingsError(f"{option} names no number: give some, such as 3-7 or 3,5,8.")
    return tuple(found)


def whole_numbers(option: str) -> Callable[[str], tuple[int, ...]]:
    """A reader of `10,20,30` that names its option where something is no number."""

    def read(text: str) -> tuple[int, ...]:
        try:
            return tuple(int(part) for part in listed(text))
        except ValueError as error:
            raise SettingsError(
                f"{option} {text} must be whole numbers with commas between, such as 10,20,30."
            ) from error

    return read
