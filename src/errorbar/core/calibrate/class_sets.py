r"""Sets of classes that hold the truth with a stated probability.

On rows that neither the classifier nor its calibrator has seen, the score of each true class is
taken; a set holds every class whose score is at most the threshold (see `ranks` for its rank). If a
new row is exchangeable with those rows, $P(Y \in C(X)) \ge 1 - \alpha$: on average over rows and
calibration sets, whatever the classifier. It is no promise for one class, one survey or one
magnitude. Those are had by thresholds of their own:

- `strata`, known of each row before its class is (survey, magnitude bin):
  $P(Y \in C \mid \text{stratum}) \ge 1 - \alpha$;
- `by_class`: $P(Y \in C \mid Y \in \text{bucket}) \ge 1 - \alpha$ for each bucket of classes, most
  of one class (Mondrian; Vovk, Gammerman & Shafer 2005). See `taxonomy` for how a class with too
  few rows finds its bucket.

None of it survives a change of the population: see `shift`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.calibrate.class_scores import ScoreName, class_scores
from errorbar.core.calibrate.doors import (
    read_groups,
    read_labels,
    read_level,
    read_matrix,
    read_probs,
)
from errorbar.core.calibrate.ranks import conformal_quantile, conformal_rank, least_rows
from errorbar.core.calibrate.strata import locate_strata, read_payload, stratum_names
from errorbar.core.calibrate.taxonomy import join_classes
from errorbar.core.errors import ArtifactError, InputError, SettingsError

__all__ = ["ClassConformal", "ClassThresholds", "EmptyPolicy", "fit_class_conformal"]

EmptyPolicy = Literal["allow", "fill"]

ALPHAS = (0.05, 0.1, 0.32)


@dataclass(frozen=True, slots=True, eq=False)
class ClassThresholds:
    """Thresholds of one alpha, by stratum and class.

    Classes of one `bucket` share theirs; `count` are the calibration rows (or groups) behind it.
    """

    threshold: Float[ndarray, "strata classes"]
    bucket: Int[ndarray, "strata classes"]
    count: Int[ndarray, "strata classes"]


@dataclass(frozen=True, slots=True, eq=False)
class ClassConformal:
    """Thresholds for sets of classes, keyed by alpha, and the score that they belong to.

    `empty` says what becomes of a row in whose set no class is: `"allow"` keeps it empty, a sign
    that the row is like none of the calibration; `"fill"` gives it the likeliest class, which only
    adds to coverage. Randomised scores ask for a `seed` or for `u`, a uniform number for each row.
    """

    score: ScoreName
    thresholds: Mapping[float, ClassThresholds]
    n_classes: int
    randomised: bool = False
    empty: EmptyPolicy = "fill"
    penalty: float = 0.01
    free_rank: int = 1
    by_class: bool = False
    strata: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.score not in ("lac", "aps", "raps"):
            raise SettingsError(f"score={self.score!r} is not one of 'lac', 'aps' or 'raps'.")
        if self.empty not in ("allow", "fill"):
            raise SettingsError(f"empty={self.empty!r} is not one of 'allow' or 'fill'.")
        if self.randomised and self.score == "lac":
            raise SettingsError("LAC has no randomised form: take score='aps' or 'raps'.")
        if not 0 <= self.penalty < np.inf or self.free_rank < 0:
            raise SettingsError(
                f"penalty={self.penalty} and free_rank={self.free_rank} must not be negative."
            )

    @property
    def alphas(self) -> tuple[float, ...]:
        """The alphas for which there are thresholds."""
        return tuple(self.thresholds)

    def sets(
        self,
        probs: ArrayLike,
        alpha: float = 0.1,
        *,
        strata: ArrayLike | None = None,
        seed: int | None = None,
        u: ArrayLike | None = None,
    ) -> ndarray:
        """Truth values, a row for each row and a column for each class: which are in the set."""
        matrix = read_probs(probs)
        if matrix.shape[1] != self.n_classes:
            raise InputError(
                f"{matrix.shape[1]} columns came for {self.n_classes} classes: the same columns in "
                "the same order as in the fit are needed."
            )
        at = locate_strata(self.strata, strata, len(matrix))
        threshold = self.of(alpha).threshold[at]
        found = self.scores(matrix, seed=seed, u=u) <= threshold
        if self.empty == "fill":
            bare = np.flatnonzero(~found.any(axis=1))
            found[bare, matrix[bare].argmax(axis=1)] = True
        return found

    def scores(
        self, probs: ArrayLike, *, seed: int | None = None, u: ArrayLike | None = None
    ) -> ndarray:
        """The score of each class of each row."""
        matrix = read_probs(probs)
        uniform = _uniform(len(matrix), seed, u) if self.randomised else None
        return class_scores(
            matrix, self.score, uniform, penalty=self.penalty, free_rank=self.free_rank
        )

    def of(self, alpha: float) -> ClassThresholds:
        """The thresholds of one alpha."""
        if alpha not in self.thresholds:
            raise InputError(
                f"there are no thresholds for alpha={alpha:g}; there are for "
                f"{', '.join(f'{known:g}' for known in self.thresholds)}. Name it in `alphas` when "
                "fitting."
            )
        return self.thresholds[alpha]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON; `from_dict` gives the same bits back."""
        return {
            "type": "ClassConformal",
            "format": 1,
            "score": self.score,
            "n_classes": self.n_classes,
            "randomised": self.randomised,
            "empty": self.empty,
            "penalty": self.penalty,
            "free_rank": self.free_rank,
            "by_class": self.by_class,
            "strata": None if self.strata is None else list(self.strata),
            "thresholds": [
                {
                    "alpha": alpha,
                    "threshold": found.threshold.tolist(),
                    "bucket": found.bucket.tolist(),
                    "count": found.count.tolist(),
                }
                for alpha, found in self.thresholds.items()
            ],
        }

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> "ClassConformal":
        """The value that wrote the payload."""
        with read_payload(payload, "ClassConformal"):
            strata = payload["strata"]
            shape = (1 if strata is None else len(strata), int(payload["n_classes"]))
            return cls(
                score=payload["score"],
                thresholds={
                    float(found["alpha"]): _read_thresholds(found, shape)
                    for found in payload["thresholds"]
                },
                n_classes=shape[1],
                randomised=bool(payload["randomised"]),
                empty=payload["empty"],
                penalty=float(payload["penalty"]),
                free_rank=int(payload["free_rank"]),
                by_class=bool(payload["by_class"]),
                strata=None if strata is None else tuple(strata),
            )


def fit_class_conformal(
    probs: ArrayLike,
    y: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    alphas: Sequence[float] = ALPHAS,
    score: ScoreName = "lac",
    randomised: bool = False,
    empty: EmptyPolicy = "fill",
    penalty: float = 0.01,
    free_rank: int = 1,
    strata: ArrayLike | None = None,
    by_class: bool = False,
    parents: Mapping[str, str] | None = None,
    names: Sequence[str] | None = None,
    seed: int | None = None,
) -> ClassConformal:
    """Thresholds from rows that nothing was fitted on.

    `groups` are rows that belong together (one star's): the promise is then for a row of a new
    group. `names` are those of the columns, which `parents` speaks of ("0", "1", … if not given).
    """
    matrix = read_probs(probs)
    labels = read_labels(y, *matrix.shape)
    unit = read_groups(groups, len(matrix))
    kinds, place = stratum_names(strata, len(matrix))
    columns = _column_names(names, matrix.shape[1])
    empty_value = ClassConformal(
        score, {}, matrix.shape[1], randomised, empty, penalty, free_rank, by_class, kinds
    )
    true = empty_value.scores(matrix, seed=seed)[np.arange(len(matrix)), labels]
    found = {
        read_level(alpha): _thresholds(
            alpha, true, labels, unit, place, len(kinds or ("",)),
            columns, parents, by_class, kinds,
        )
        for alpha in alphas
    }  # fmt: skip
    return ClassConformal(
        score, found, matrix.shape[1], randomised, empty, penalty, free_rank, by_class, kinds
    )


def _thresholds(
    alpha: float,
    scores: ndarray,
    labels: ndarray,
    unit: ndarray | None,
    place: ndarray,
    strata: int,
    names: Sequence[str],
    parents: Mapping[str, str] | None,
    by_class: bool,
    kinds: tuple[str, ...] | None,
) -> ClassThresholds:
    shape = strata, len(names)
    threshold, count = np.empty(shape), np.empty(shape, dtype=np.int64)
    bucket = np.zeros(shape, dtype=np.int64)
    for stratum in range(strata):
        inside = place == stratum
        try:
            if by_class:
                size = _sizes(labels, inside, unit, len(names))
                bucket[stratum] = join_classes(size, least_rows(alpha), names, parents)
            for first in np.unique(bucket[stratum]):
                classes = np.flatnonzero(bucket[stratum] == first)
                rows = inside & np.isin(labels, classes)
                group = None if unit is None else unit[rows]
                number = int(rows.sum()) if group is None else len(np.unique(group))
                # Refuses a bucket whose groups are fewer than its rows seemed to be.
                conformal_rank(number, alpha)
                threshold[stratum, classes] = conformal_quantile(scores[rows], alpha, group)
                count[stratum, classes] = number
        except InputError as reason:
            where = "" if kinds is None else f"stratum {kinds[stratum]!r}: "
            raise InputError(f"{where}{reason}") from reason
    return ClassThresholds(threshold, bucket, count)


def _sizes(labels: ndarray, inside: ndarray, unit: ndarray | None, classes: int) -> ndarray:
    """Rows, or groups, of each class."""
    if unit is None:
        return np.bincount(labels[inside], minlength=classes)
    chosen = [np.unique(unit[inside & (labels == k)]) for k in range(classes)]
    return np.array([len(groups) for groups in chosen])


def _column_names(names: Sequence[str] | None, classes: int) -> tuple[str, ...]:
    found = tuple(str(k) for k in range(classes)) if names is None else tuple(names)
    if len(found) != classes or len(set(found)) != classes:
        raise InputError(
            f"{len(found)} names ({len(set(found))} of them different) were given for {classes} "
            "columns: one of its own for each is needed."
        )
    return found


def _uniform(rows: int, seed: int | None, u: ArrayLike | None) -> ndarray:
    if u is not None:
        found = np.asarray(u, dtype=np.float64)
        if found.shape != (rows,) or not ((found >= 0) & (found <= 1)).all():
            raise InputError(f"`u` has shape {found.shape}; {rows} numbers in [0, 1] are needed.")
        return found
    if seed is None:
        raise InputError("randomised scores need a `seed`, or `u`, a uniform number for each row.")
    return np.random.default_rng(seed).random(rows)


def _read_thresholds(found: Mapping[str, Any], shape: tuple[int, int]) -> ClassThresholds:
    threshold = read_matrix(cast("ArrayLike", found["threshold"]), "threshold")
    bucket = np.asarray(found["bucket"], dtype=np.int64)
    count = np.asarray(found["count"], dtype=np.int64)
    if not threshold.shape == bucket.shape == count.shape == shape:
        raise ArtifactError(f"thresholds {threshold.shape} do not fit {shape} strata and classes.")
    return ClassThresholds(threshold, bucket, count)
