"""One self-contained HTML page from sections, tables and figures."""

from errorbar.core.report.blocks import (
    Answer,
    Answers,
    Block,
    Gallery,
    Interactive,
    Note,
    Picture,
    Table,
    Text,
    Warnings,
)
from errorbar.core.report.page import Report, Section, render_page, write_page

__all__ = [
    "Answer",
    "Answers",
    "Block",
    "Gallery",
    "Interactive",
    "Note",
    "Picture",
    "Report",
    "Section",
    "Table",
    "Text",
    "Warnings",
    "render_page",
    "write_page",
]
