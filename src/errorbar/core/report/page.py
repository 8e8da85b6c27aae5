"""One HTML file that shows everything it says, without a server or a network.

Pictures, tables, styles and scripts are inside the file, and its content policy forbids the browser
to fetch anything. The same report gives the same bytes.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from errorbar.core.errors import InputError, MissingExtraError
from errorbar.core.report.blocks import Block, Interactive

__all__ = ["Report", "Section", "render_page", "write_page"]

SIGNIFICANT = 6


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """A titled part of a page; `name` is its anchor."""

    name: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """A page: what it found first, then sections, then where the numbers come from."""

    title: str
    lead: str
    opening: tuple[Block, ...]
    sections: tuple[Section, ...]
    provenance: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        names = [section.name for section in self.sections]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(
                f"sections are linked by their names, and {', '.join(twice)} occurs twice: "
                "rename one."
            )


def write_page(report: Report, path: str | Path) -> Path:
    """Write the page and return where it is."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_page(report), encoding="utf-8", newline="\n")
    return path


def render_page(report: Report) -> str:
    """The whole page as HTML."""
    plotted = [b for b in _blocks(report) if isinstance(b, Interactive)]
    page = _template().render(
        report=report,
        style=_part("style.css"),
        script=_part("page.js"),
        plotly=_plotly_script() if plotted else "",
        drawing=_drawing,
    )
    return page.lstrip()


def _blocks(report: Report) -> list[Block]:
    return [*report.opening, *(block for section in report.sections for block in section.blocks)]


def _drawing(block: Interactive) -> str:
    """The figure's JSON, safe inside a script element."""
    text = json.dumps(
        {"data": _short(block.data), "layout": _short(block.layout)},
        ensure_ascii=True,
        allow_nan=False,
        sort_keys=True,
        separators=(",", ":"),
    )
    return text.replace("<", "\\u003c").replace("&", "\\u0026")


def _short(value: Any) -> Any:
    """Numbers to six digits, arrays to lists, what is not finite to nothing."""
    if isinstance(value, Mapping):
        return {str(k): _short(v) for k, v in cast("Mapping[Any, Any]", value).items()}
    if hasattr(value, "tolist"):
        return _short(value.tolist())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_short(item) for item in cast("Sequence[Any]", value)]
    if isinstance(value, float):
        return float(f"{value:.{SIGNIFICANT}g}") if math.isfinite(value) else None
    return value


def _template() -> Any:
    try:
        import jinja2
    except ModuleNotFoundError as missing:
        raise MissingExtraError("jinja2", "survey") from missing
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_part("page.html"))


@cache
def _part(name: str) -> str:
    return (files("errorbar.core.report") / name).read_text(encoding="utf-8")


@cache
def _plotly_script() -> str:
    try:
        from plotly.offline import get_plotlyjs  # pyright: ignore[reportMissingTypeStubs]
    except ModuleNotFoundError as missing:
        raise MissingExtraError("plotly", "survey") from missing
    return cast(Any, get_plotlyjs)()
