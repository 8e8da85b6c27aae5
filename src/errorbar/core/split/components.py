"""Which identifiers are one star: whatever is linked, directly or through others."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import polars as pl
from numpy import ndarray
from numpy.typing import ArrayLike
from scipy import sparse  # pyright: ignore[reportMissingTypeStubs]
from scipy.sparse import csgraph  # pyright: ignore[reportMissingTypeStubs]

from errorbar.core.errors import SplitError
from errorbar.core.split.doors import check_rows, place_ids, read_id_column, read_ids
from errorbar.core.split.rolls import texts
from errorbar.core.split.value import check_known

__all__ = ["Components", "components"]

# Typed once: the library has no type stubs.
_connected = cast(
    "Callable[..., tuple[int, ndarray]]",
    csgraph.connected_components,  # pyright: ignore[reportUnknownMemberType]
)
_matrix = cast("Callable[..., Any]", sparse.coo_matrix)


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """All identifiers, sorted, and the star of each: the first identifier of its component."""

    ids: ndarray
    star: ndarray

    def stars_of(self, ids: ArrayLike | pl.Series) -> ndarray:
        """The star of each id, to be passed to a split as `groups`."""
        asked, member = read_ids(ids, "ids")
        known = {name: at for at, name in enumerate(texts(self.ids))}
        place = np.array([known.get(name, -1) for name in texts(asked)])
        check_known(
            asked, place < 0, member, "any link", "Pass identifiers without a link as `alone`."
        )
        return self.star[place][member]

    def members(self, star: str | int) -> ndarray:
        """All identifiers of one star."""
        return self.ids[self.star == star]

    def ambiguous(self, separator: str = ":") -> ndarray:
        """Stars with two identifiers of one catalogue, which is what precedes the separator.

        They are blends, duplicates or wrong links. They stay together all the same: apart, one part
        could be learnt from and the other tested on.
        """
        if self.ids.dtype.kind in "iu":
            raise SplitError("numbers do not say of which catalogue they are: use text, 'gaia:12'.")
        catalogue = [name.split(separator, 1)[0] for name in self.ids.tolist()]
        table = pl.DataFrame({"star": self.star, "catalogue": catalogue})
        more = table.group_by("star", "catalogue").len().filter(pl.col("len") > 1)
        return np.unique(more["star"].to_numpy().astype(self.star.dtype))


def components(
    left: ArrayLike | pl.Series,
    right: ArrayLike | pl.Series,
    *,
    alone: ArrayLike | pl.Series | None = None,
) -> Components:
    """Stars from links: row `i` says that `left[i]` and `right[i]` are the same star.

    `alone` are identifiers that may have no link. Identifiers of different catalogues need
    different names, such as `"gaia:4295806720"`. Neither the order of links nor their direction
    matters.
    """
    columns = [read_id_column(left, "left"), read_id_column(right, "right")]
    check_rows(columns[1].len(), columns[0].len(), "right")
    if alone is not None:
        columns.append(read_id_column(alone, "alone"))
    kinds = {column.dtype == pl.String for column in columns}
    if len(kinds) > 1:
        raise SplitError("`left`, `right` and `alone` mix numbers and text: write all as text.")
    if kinds == {False}:
        columns = [column.cast(pl.Int64) for column in columns]
    ids, member = place_ids(pl.concat(columns))
    links = columns[0].len()
    ends = member[:links], member[links : 2 * links]
    graph = _matrix((np.ones(links, dtype=bool), ends), shape=(len(ids), len(ids)))
    count, part = _connected(graph, directed=False)
    first = np.full(count, len(ids))
    np.minimum.at(first, part, np.arange(len(ids)))
    return Components(ids, ids[first[part]])
