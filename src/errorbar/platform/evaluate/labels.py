"""True classes as numbers of columns."""

from typing import Any, cast

import numpy as np
import polars as pl
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.errors import InputError

__all__ = ["as_codes"]


def as_codes(truth: ArrayLike, names: tuple[str, ...], rows: int) -> ndarray:
    """The place of each true class among `names`."""
    column = truth if isinstance(truth, pl.Series) else pl.Series(cast(Any, np.asarray(truth)))
    if len(column) != rows:
        raise InputError(f"`truth` has {len(column)} values for {rows} rows of probabilities.")
    if not rows:
        raise InputError("there are no rows to evaluate on.")
    text = column.cast(pl.String)
    code = {name: at for at, name in enumerate(names)}
    found = text.replace_strict(code, default=None, return_dtype=pl.Int64)
    bad = np.flatnonzero(found.is_null().to_numpy())
    if bad.size:
        raise InputError(
            f"`truth` is none of {', '.join(names)} in {bad.size} of {rows} rows, first at row "
            f"{bad[0]} ({text[int(bad[0])]!r}): leave these rows out, or give their class a column."
        )
    return found.to_numpy()
