"""Labels that were made from what is to predict them."""

from collections.abc import Collection

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from errorbar.core.split.doors import read_names
from errorbar.core.split.findings import Finding
from errorbar.core.split.rolls import texts
from errorbar.core.split.value import Split

__all__ = ["find_circular_labels"]


def find_circular_labels(
    split: Split, label_source: ArrayLike | pl.Series, feature_sources: Collection[str]
) -> list[Finding]:
    """Rows whose label was made by a survey or classifier that features come from too.

    A score on them says how well that classifier was imitated. They are no failure: they are to be
    scored as a slice of their own, which is `rows` of the finding.
    """
    names, place = read_names(label_source, len(split), "label_source")
    own = np.isin(texts(names), sorted(feature_sources))
    rows = np.flatnonzero(own[place])
    if not rows.size:
        return []
    tested = np.intersect1d(rows, split.rows("test"))
    sources = np.array(texts(names))[own].tolist()
    return [
        Finding(
            check="circular labels",
            severity="warning",
            said=f"labels by {', '.join(sources)} are predicted from data of the same, "
            f"{tested.size} of them in test",
            way_out="Score these rows as a slice of their own, and quote the others.",
            rows=rows,
            numbers={"sources": sources, "test_rows": int(tested.size)},
        )
    ]
