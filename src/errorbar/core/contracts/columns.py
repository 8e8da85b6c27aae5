"""What a table contract is made of; light, so that naming one costs nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from errorbar.core.errors import TableError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Column", "Kind", "Rule", "TableContract"]

Kind = Literal[
    "text", "number", "whole", "truth", "time", "texts", "numbers", "wholes", "truths", "estimates"
]
"""Kinds in the singular are one value a row and in the plural a list; `time` is UTC to the
microsecond, `estimates` a list of named numbers with an interval."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what it holds and between which bounds, for a list each of its items.

    `least` and `most` are allowed themselves, `above` and `below` are not. `optional` columns may
    be absent or null; `empty` allows nulls in a column that must be there.
    """

    name: str
    kind: Kind
    about: str
    unit: str = ""
    optional: bool = False
    empty: bool = False
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None

    @property
    def may_be_null(self) -> bool:
        return self.optional or self.empty

    @property
    def listed(self) -> bool:
        """Whether a row holds a list."""
        return self.kind in ("texts", "numbers", "wholes", "truths", "estimates")

    @property
    def range(self) -> str:
        """The bounds in words, for a person who has broken them."""
        low = [f"{self.least:g} or more"] if self.least is not None else []
        low += [f"above {self.above:g}"] if self.above is not None else []
        high = [f"{self.most:g} or less"] if self.most is not None else []
        high += [f"below {self.below:g}"] if self.below is not None else []
        return " and ".join(low + high)


@dataclass(frozen=True, slots=True)
class Rule:
    """What several columns of a row must agree on: `broken` gives true where they do not."""

    column: str
    broken: "Callable[[], pl.Expr]"
    says: str


@dataclass(frozen=True, slots=True)
class TableContract:
    """The columns of one kind of table, in their order.

    `key` names the columns of which no two rows may have the same values. `version` grows whenever
    a table of the older one would not pass the newer; `upgrade_table` leads from one to the next.
    """

    name: str
    version: int
    about: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        names = self.names
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise TableError(f"the contract {self.name!r} has columns twice: {', '.join(twice)}.")
        unknown = sorted({*self.key, *(rule.column for rule in self.rules)} - set(names))
        if unknown:
            raise TableError(
                f"the contract {self.name!r} has a key or a rule on columns that it lacks: "
                f"{', '.join(unknown)}."
            )

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def title(self) -> str:
        """Name and version, as `sed@1`."""
        return f"{self.name}@{self.version}"

    def column(self, name: str) -> Column:
        """One column by name."""
        found: Mapping[str, Column] = {column.name: column for column in self.columns}
        if name not in found:
            raise TableError(
                f"the contract {self.name!r} has no column {name!r}; it has "
                f"{', '.join(self.names)}."
            )
        return found[name]
