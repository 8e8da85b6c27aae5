"""Features that are the target under another name, told by their names and by their values."""

from collections.abc import Callable, Collection, Mapping
from fnmatch import fnmatchcase
from typing import Any, cast

import numpy as np
from numpy import ndarray
from scipy import stats  # pyright: ignore[reportMissingTypeStubs]

from errorbar.core.split.findings import Finding
from errorbar.core.split.value import Split

__all__ = ["NAME_PATTERNS", "find_derived_features"]

# Typed once: the library has no type stubs.
_ranks = cast("Callable[..., ndarray]", stats.rankdata)  # pyright: ignore[reportUnknownMemberType]

CHECK = "derived features"

# Gaia's astrophysical parameters are fits to the same star's spectrum and photometry.
_PIPELINES = ("*gspphot*", "*gspspec*", "*esphs*", "*espucd*", "*espels*", "*flame*", "*msc[12_]*")

NAME_PATTERNS: Mapping[str, tuple[str, ...]] = {
    "teff": ("*teff*", "*t_eff*", *_PIPELINES),
    "logg": ("*logg*", "*log_g*", *_PIPELINES),
    "feh": ("*feh*", "*fe_h*", "*[[]fe/h]*", "*mh_*", "*m_h*", "*metallicity*", *_PIPELINES),
    "class": ("*class*", "*otype*", "*subtype*", "*spectral_type*", "*vari_best*", "label*"),
    "period": ("*period*", "*frequency*"),
}

# Fewer rows than this can be in one order by chance.
LEAST_ROWS = 20


def find_derived_features(
    split: Split,
    features: Mapping[str, ndarray],
    target: ndarray,
    *,
    target_name: str | None = None,
    numeric: bool = True,
    declared: Collection[str] = (),
    least_rank_correlation: float = 0.99,
) -> list[Finding]:
    """Features named like the target, or that give it away.

    Of a number: those whose ranks correlate with it by `least_rank_correlation` or more, over the
    rows that have both. Of a class: those with hardly more values than there are classes that right
    99.9 % of what the commonest class would leave wrong. A feature in `declared` is a warning.
    """
    patterns = _patterns(target_name)
    found: list[Finding] = []
    for name, column in features.items():
        pattern = next((each for each in patterns if fnmatchcase(name.lower(), each)), None)
        rows = np.flatnonzero(np.isfinite(column))
        strength, what = (_order if numeric else _relabels)(column[rows], target[rows])
        limit = least_rank_correlation if numeric else 0.999
        reasons = [f"its name matches {pattern!r}"] if pattern else []
        if strength >= limit:
            reasons.append(f"{what} {strength:.5f}")
        if reasons:
            numbers: dict[str, Any] = {"feature": name, "strength": strength, "pattern": pattern}
            found.append(
                Finding(
                    check=CHECK,
                    severity="warning" if name in declared else "failure",
                    said=f"`{name}` stands for the target: {' and '.join(reasons)}",
                    way_out="Leave the feature out, or declare it if it is known for every star "
                    "that will ever be asked about.",
                    rows=rows,
                    numbers=numbers,
                )
            )
    return found


def _patterns(target_name: str | None) -> tuple[str, ...]:
    if target_name is None:
        return ()
    name = target_name.lower()
    known = next((found for key, found in NAME_PATTERNS.items() if key in name), ())
    # Of what the table does not know, the target's own name with something before or behind it.
    return (*known, name, f"{name}_*", f"*_{name}", f"*_{name}_*")


def _order(column: ndarray, target: ndarray) -> tuple[float, str]:
    """Spearman's correlation without its sign."""
    what = "its ranks correlate with the target's by"
    both = np.isfinite(target)
    column, target = column[both], target[both]
    if column.size < LEAST_ROWS:
        return 0.0, what
    one, other = _ranks(column), _ranks(target)
    one, other = one - one.mean(), other - other.mean()
    size = float(np.sqrt((one @ one) * (other @ other)))
    return (abs(float(one @ other)) / size if size > 0 else 0.0), what


def _relabels(column: ndarray, target: ndarray) -> tuple[float, str]:
    """How much of what the commonest class leaves wrong is right, told by a feature's values."""
    what = "its values are names of the classes, and leave wrong of them all but"
    kinds = len(np.unique(target))
    values, place = np.unique(column, return_inverse=True)
    if column.size < LEAST_ROWS or kinds < 2 or not kinds <= len(values) <= 2 * kinds:
        return 0.0, what
    _, label = np.unique(target, return_inverse=True)
    table = np.zeros((len(values), kinds))
    np.add.at(table, (place, label), 1)
    told, common = float(table.max(axis=1).sum()), float(table.sum(axis=0).max())
    return (told - common) / (column.size - common), what
