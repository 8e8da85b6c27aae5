"""One PDF of several pages: words, tables and figures, the same bytes for the same numbers."""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from errorbar.core.plots import new_figure, print_page
from errorbar.core.report.blocks import shown

__all__ = ["PaperTable", "make_table_pages", "make_word_pages", "write_pdf"]

# Sizes of a page in inches; places on it as shares of it.
WIDTH, HEIGHT = 11.0, 7.8
TOP, BOTTOM, LEFT, LINE = 0.92, 0.06, 0.05, 0.026
# Width of a letter of 8.5 points.
LETTER = 0.0072
LETTERS = 138
# Lines of text that are kept on one page if they can be.
MOST_KEPT = 20


@dataclass(frozen=True, slots=True, eq=False)
class PaperTable:
    """A table for paper; a heading of two lines has a line break in it."""

    title: str
    frame: pl.DataFrame
    caption: str = ""


def make_word_pages(parts: Sequence[tuple[str, Sequence[str]]]) -> list[Figure]:
    """Titles, each with paragraphs of text, on as many pages as they need."""
    pages = _Pages()
    for title, paragraphs in parts:
        wrapped = [textwrap.wrap(words, LETTERS) for words in paragraphs]
        pages.need(3 + min(sum(len(lines) + 1 for lines in wrapped), MOST_KEPT))
        pages.title(title)
        for lines in wrapped:
            pages.need(len(lines))
            for line in lines:
                pages.write(line, 9.5)
            pages.skip(0.4)
        pages.skip(1.4)
    return pages.made


def make_table_pages(tables: Sequence[PaperTable]) -> list[Figure]:
    """Tables one below the other, numbers to three digits; a long one goes on overleaf."""
    pages = _Pages()
    for table in tables:
        cells = [[shown(value) for value in row] for row in table.frame.iter_rows()]
        pages.need(8 + min(len(cells), 12))
        pages.title(table.title)
        for line in textwrap.wrap(table.caption, LETTERS):
            pages.write(line, 9, color="0.35")
        columns = _Columns(table.frame, cells)
        begin = 0
        while begin < len(cells):
            pages.skip(0.5)
            held = cells[begin : begin + max(pages.room - columns.deep - 1, 1)]
            columns.draw(pages, held)
            begin += len(held)
            if begin < len(cells):
                pages.turn()
                pages.title(f"{table.title}, continued")
        pages.skip(1.6)
    return pages.made


def write_pdf(pages: Iterable[Figure], path: str | Path, *, title: str = "") -> Path:
    """Save figures as the pages of one PDF, without the date."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {"CreationDate": None, **({"Title": title} if title else {})}
    with PdfPages(path, metadata=told) as file:
        for page in pages:
            print_page(page, file)
    return path


class _Pages:
    """Pages that fill from the top; `at` is where the next line stands."""

    def __init__(self) -> None:
        self.made: list[Figure] = []
        self.at = BOTTOM

    @property
    def room(self) -> int:
        """How many lines this page still takes."""
        return int((self.at - BOTTOM) / LINE)

    def turn(self) -> None:
        figure = new_figure(WIDTH, HEIGHT)
        # There are no axes to lay out, and matplotlib would warn of that.
        figure.set_layout_engine("none")
        self.made.append(figure)
        self.at = TOP

    def need(self, lines: int) -> None:
        if self.room < lines:
            self.turn()

    def skip(self, lines: float) -> None:
        self.at -= lines * LINE

    def title(self, words: str) -> None:
        self.write(words, 13.5, fontweight="bold")
        self.skip(0.9)

    def write(self, words: str, size: float, **how: Any) -> None:
        self.put(LEFT, 0.0, words, size, **how)
        self.skip(1)

    def put(self, x: float, below: float, words: str, size: float, **how: Any) -> None:
        """Words at `x`, so many lines below; a dollar is a dollar, no mathematics."""
        plain = words.replace("$", r"\$")
        self.made[-1].text(x, self.at - below * LINE, plain, fontsize=size, va="baseline", **how)


class _Columns:
    """Where a table's columns stand; what is too wide for the page is written smaller."""

    def __init__(self, frame: pl.DataFrame, cells: list[list[str]]) -> None:
        self.heads = [name.rstrip().split("\n") for name in frame.columns]
        self.deep = max(len(head) for head in self.heads)
        self.right = [dtype.is_numeric() for dtype in frame.dtypes]
        sizes = [
            max([*(len(part) for part in head), *(len(row[place]) for row in cells)])
            for place, head in enumerate(self.heads)
        ]
        self.scale = min(1.0, (1 - 2 * LEFT) / (LETTER * (sum(sizes) + 2 * len(sizes))))
        self.edges, x = [], LEFT
        for size, right in zip(sizes, self.right):
            width = LETTER * self.scale * size
            self.edges.append(x + width if right else x)
            x += width + 2 * LETTER * self.scale

    def draw(self, pages: _Pages, cells: list[list[str]]) -> None:
        size = 8.5 * self.scale
        for x, right, head in zip(self.edges, self.right, self.heads):
            for row, part in enumerate(head):
                below = 0.85 * (row + self.deep - len(head))
                pages.put(x, below, part, size, ha="right" if right else "left", fontweight="bold")
        pages.skip(0.85 * self.deep + 0.3)
        for row in cells:
            for x, right, words in zip(self.edges, self.right, row):
                pages.put(x, 0.0, words, size, ha="right" if right else "left")
            pages.skip(1)
