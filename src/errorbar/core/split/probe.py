"""Can the class be told from what should say nothing of it: field, cadence, order of files?

The probe is naive Bayes over binned columns. It is judged by balanced accuracy, cross-validated by
star, and that is compared with the same for classes permuted among stars. If the column says
nothing, all permutations are alike and the p-value is exact. They stop once ten of them are as good
as the truth (Besag & Clifford 1991, Biometrika 78, 301), which keeps it exact. Over several columns
the level is divided by their number (Bonferroni), so a clean table is blamed with at most that
probability. A pair of columns that tell only together, like an exclusive or, is not seen.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from errorbar.core.split.findings import Finding
from errorbar.core.split.rolls import digests
from errorbar.core.split.shares import star_classes
from errorbar.core.split.value import Split

__all__ = ["Probe", "find_telling_metadata", "judge_probes", "probe_classes"]

CHECK = "class-only metadata"

JOINT = "(all columns together)"

FOLDS = 5

# Permutations as good as the truth after which there is no more to learn.
ENOUGH = 10

# Of a numeric column, and of the commonest values of a named one.
BINS = 16

MOST_STARS = 5000

# Classes of fewer stars cannot be in every fold.
LEAST_STARS = 10


@dataclass(frozen=True, slots=True)
class Probe:
    """What a probe reached: `accuracy` is balanced, and one in `classes` is chance."""

    column: str
    accuracy: float
    classes: int
    stars: int
    p_value: float
    permutations: int

    @property
    def effect(self) -> float:
        """How far above chance."""
        return self.accuracy - 1 / self.classes


def find_telling_metadata(
    split: Split,
    metadata: Mapping[str, ndarray],
    target: ndarray,
    *,
    declared: Collection[str] = (),
    alpha: float = 0.01,
    least_effect: float = 0.0,
    seed: int = 0,
) -> list[Finding]:
    """Columns whose probe beats chance at level `alpha` of all together, by more than the effect.

    A column in `declared` is a feature that may say something: it gets a note, and has no part in
    the probe of all columns together.
    """
    probes = probe_classes(split, metadata, target, declared=declared, alpha=alpha, seed=seed)
    return judge_probes(probes, declared=declared, alpha=alpha, least_effect=least_effect)


def judge_probes(
    probes: Sequence[Probe],
    *,
    declared: Collection[str] = (),
    alpha: float = 0.01,
    least_effect: float = 0.0,
) -> list[Finding]:
    """What probes that beat chance mean."""
    level = alpha / max(sum(probe.column not in declared for probe in probes), 1)
    found: list[Finding] = []
    for probe in probes:
        if probe.p_value > level or probe.effect <= least_effect:
            continue
        known = probe.column in declared
        found.append(
            Finding(
                check=CHECK,
                severity="note" if known else "failure",
                said=f"`{probe.column}` tells the class: balanced accuracy {probe.accuracy:.3f} "
                f"where chance is {1 / probe.classes:.3f}, over {probe.stars} stars, "
                f"p = {probe.p_value:.2g}" + (" (declared)" if known else ""),
                way_out="Keep it in mind when scores are read."
                if known
                else "Balance or shuffle the table over it, hold its values out, or declare it if "
                "the stars that will be asked about have it in the same way.",
                rows=np.arange(0),
                numbers={
                    "column": probe.column,
                    "accuracy": probe.accuracy,
                    "effect": probe.effect,
                    "p_value": probe.p_value,
                    "level": level,
                    "stars": probe.stars,
                    "classes": probe.classes,
                    "permutations": probe.permutations,
                },
            )
        )
    return found


def probe_classes(
    split: Split,
    metadata: Mapping[str, ndarray],
    target: ndarray,
    *,
    declared: Collection[str] = (),
    alpha: float = 0.01,
    seed: int = 0,
) -> list[Probe]:
    """A probe of each column, and of all that are not declared together; none if stars are few.

    A numeric target counts as its five quantile classes. Of more than 5000 stars those of the least
    hashes are taken. Guards and rows without a target have no part.
    """
    rows = np.flatnonzero(~split.mask("guard") & (target == target))
    if not rows.size:
        return []
    label = _as_classes(target[rows])
    _, star = np.unique(split.member[rows], return_inverse=True)
    kind, _ = star_classes(star, label, int(star.max()) + 1, int(label.max()) + 1)
    hashed = digests(split.groups[np.unique(split.member[rows])], seed, "probe")
    taken = _stars(kind, hashed)
    if taken.size < 2 * LEAST_STARS:
        return []
    _, truth = np.unique(kind[taken], return_inverse=True)
    if truth.max() == 0:
        return []
    place = np.full(len(kind), -1)
    place[taken] = np.arange(taken.size)
    keep = place[star] >= 0
    shares = {
        name: _shares(column[rows][keep], place[star[keep]], taken.size)
        for name, column in metadata.items()
    }
    undeclared = [name for name in shares if name not in declared]
    if len(undeclared) > 1:
        shares[JOINT] = np.concatenate([shares[name] for name in undeclared], axis=1)
    fold = np.argsort(np.argsort(hashed[taken])) % FOLDS
    tests = max(len(undeclared) + (len(undeclared) > 1), 1)
    most = int(np.ceil(2 * tests / alpha))
    return [
        _probe(name, share, truth, fold, most, np.random.default_rng([seed, at]))
        for at, (name, share) in enumerate(shares.items())
    ]


def _stars(kind: ndarray, hashed: ndarray) -> ndarray:
    """Stars of classes that are large enough, at most so many."""
    found = np.flatnonzero(np.bincount(kind)[kind] >= LEAST_STARS)
    found = found[np.argsort(hashed[found], kind="stable")][:MOST_STARS]
    # Fewer stars may have made a class too small.
    return np.sort(found[np.bincount(kind[found])[kind[found]] >= LEAST_STARS])


def _as_classes(target: ndarray) -> ndarray:
    if target.dtype.kind == "f":
        edges = np.unique(np.quantile(target, [0.2, 0.4, 0.6, 0.8]))
        return np.searchsorted(edges, target)
    return np.unique(target, return_inverse=True)[1]


def _shares(column: ndarray, star: ndarray, stars: int) -> ndarray:
    """How large a share of each star's rows falls in each bin; missing values have one."""
    if column.dtype.kind in "fiub" and len(np.unique(column)) > BINS:
        numbers = column.astype(np.float64)
        edges = np.unique(np.nanquantile(numbers, np.arange(1, BINS) / BINS))
        place = np.where(np.isnan(numbers), len(edges) + 1, np.searchsorted(edges, numbers))
    else:
        # NaN is one value here, and rare values of a name share a bin.
        values, place, rows = np.unique(column, return_inverse=True, return_counts=True)
        rank = np.empty(len(values), dtype=np.int64)
        rank[np.argsort(-rows, kind="stable")] = np.arange(len(values))
        place = np.minimum(rank, 2 * BINS)[place]
    table = np.zeros((stars, int(place.max()) + 1))
    np.add.at(table, (star, place), 1.0)
    return table / table.sum(axis=1, keepdims=True)


def _probe(
    name: str, shares: ndarray, truth: ndarray, fold: ndarray, most: int, rng: np.random.Generator
) -> Probe:
    reached = _accuracy(shares, truth, fold)
    as_good = made = 0
    while made < most and as_good < ENOUGH:
        # A rounding error must not tell a tie from a defeat.
        as_good += _accuracy(shares, rng.permutation(truth), fold) >= reached - 1e-12
        made += 1
    p_value = as_good / made if as_good == ENOUGH else (as_good + 1) / (made + 1)
    return Probe(name, reached, int(truth.max()) + 1, len(truth), p_value, made)


def _accuracy(shares: ndarray, truth: ndarray, fold: ndarray) -> float:
    """Balanced accuracy of naive Bayes with equal priors, on stars of the other folds."""
    classes = int(truth.max()) + 1
    cell = fold * classes + truth
    order = np.argsort(cell, kind="stable")
    starts = np.searchsorted(cell[order], np.arange(FOLDS * classes))
    ends = np.append(starts[1:], len(order))
    total = np.vstack([np.zeros(shares.shape[1]), np.cumsum(shares[order], axis=0)])
    parts = (total[ends] - total[starts]).reshape(FOLDS, classes, -1)
    count = parts.sum(axis=0) - parts + 0.5
    score = np.log(count / count.sum(axis=2, keepdims=True))
    right = np.zeros(classes)
    for at in range(FOLDS):
        held = np.flatnonzero(fold == at)
        told = (shares[held] @ score[at].T).argmax(axis=1)
        right += np.bincount(truth[held][told == truth[held]], minlength=classes)
    return float(np.mean(right / np.bincount(truth, minlength=classes)))
