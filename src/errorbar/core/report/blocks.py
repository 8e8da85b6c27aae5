"""What a page is made of: answers, text, warnings, tables, pictures and interactive figures.

Blocks hold values, never HTML: whatever words they carry appear on the page as those words.
"""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from typing import Any, ClassVar

import polars as pl

from errorbar.core.errors import InputError

__all__ = [
    "Answer",
    "Answers",
    "Block",
    "Gallery",
    "Interactive",
    "Note",
    "Picture",
    "Table",
    "Text",
    "Warnings",
]

NUMBER_OF_DIGITS = 3
# Pictures have more pixels than the page gives them room, so that they stay sharp when enlarged.
PAGE_SCALE = 0.62


@dataclass(frozen=True, slots=True)
class Answer:
    """One headline: a number with its unit, and the sentence it answers."""

    value: str
    words: str


@dataclass(frozen=True, slots=True)
class Answers:
    """Headlines, side by side."""

    kind: ClassVar[str] = "answers"
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """Paragraphs of plain text."""

    kind: ClassVar[str] = "text"
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """A remark set apart from the text."""

    kind: ClassVar[str] = "note"
    words: str


@dataclass(frozen=True, slots=True)
class Warnings:
    """What a reader must know before trusting the numbers."""

    kind: ClassVar[str] = "warnings"
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table that readers sort, filter and download.

    `headings` name columns for people where the column's own name will not do, `visible` are the
    columns on the page where the download has more; `folded` hides a long table until it is asked
    for.
    """

    kind: ClassVar[str] = "table"
    title: str
    frame: pl.DataFrame
    caption: str = ""
    file_name: str = "table.csv"
    headings: Mapping[str, str] = field(default_factory=dict[str, str])
    visible: tuple[str, ...] = ()
    folded: bool = False

    @property
    def on_page(self) -> pl.DataFrame:
        """The columns that the page shows."""
        return self.frame.select(self.visible) if self.visible else self.frame

    @property
    def columns(self) -> list[tuple[str, bool]]:
        """Each column's heading, and whether it holds numbers."""
        return [
            (self.headings.get(name, name), dtype.is_numeric())
            for name, dtype in self.on_page.schema.items()
        ]

    @property
    def rows(self) -> list[list[tuple[str, str]]]:
        """Each cell as readers see it, and as it is sorted."""
        return [[(shown(v), _exact(v)) for v in row] for row in self.on_page.iter_rows()]

    @property
    def csv(self) -> str:
        """The table as a link that needs no server."""
        return csv_link(self.frame)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A PNG with its caption, and the numbers it shows where they are given."""

    kind: ClassVar[str] = "picture"
    png: bytes
    caption: str
    title: str = ""
    label: str = ""
    data: pl.DataFrame | None = None
    file_name: str = "figure"

    def __post_init__(self) -> None:
        if not self.png.startswith(b"\x89PNG\r\n\x1a\n"):
            raise InputError(
                f"the picture {self.file_name!r} is no PNG: it begins with {self.png[:8]!r}. "
                "Save figures as PNG for a page."
            )

    @property
    def link(self) -> str:
        return "data:image/png;base64," + base64.b64encode(self.png).decode("ascii")

    @property
    def csv(self) -> str | None:
        return None if self.data is None else csv_link(self.data)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height on the page, from the pixels that the file itself names."""
        across, down = (int.from_bytes(self.png[at : at + 4], "big") for at in (16, 20))
        return round(across * PAGE_SCALE), round(down * PAGE_SCALE)


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """Pictures of one kind, one shown at a time, chosen by their labels; `first` is shown first."""

    kind: ClassVar[str] = "gallery"
    title: str
    pictures: tuple[Picture, ...]
    first: int = 0
    choice: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Interactive:
    """A Plotly figure as plain `data` and `layout`, with a `still` for paper."""

    kind: ClassVar[str] = "interactive"
    title: str
    caption: str
    data: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any]
    still: Picture | None = None
    height: int = 480


Block = Answers | Text | Note | Warnings | Table | Picture | Gallery | Interactive


def csv_link(frame: pl.DataFrame) -> str:
    """A table as a data link in CSV, at full precision."""
    file = StringIO()
    frame.write_csv(file)
    coded = base64.b64encode(file.getvalue().encode("utf-8")).decode("ascii")
    return "data:text/csv;charset=utf-8;base64," + coded


def shown(value: object) -> str:
    """A cell for reading: three digits that count, an en dash for nothing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _number(value).replace("-", "\N{MINUS SIGN}")
    return str(value)


def _number(value: float) -> str:
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    size = math.floor(math.log10(abs(value)))
    if not -5 < size < 6:
        return f"{value:.{NUMBER_OF_DIGITS - 1}e}"
    return f"{value:.{max(NUMBER_OF_DIGITS - 1 - size, 0)}f}"


def _exact(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return repr(value) if isinstance(value, float) else str(value)
