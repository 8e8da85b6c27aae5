"""Folds with no star in two of them, and splits that take turns with them.

Where stars are too few for two calibration roles of their own, the folds take turns: in each round
one is `calib_a`, the next `calib_b`, the others train. Every star then serves each purpose once and
never two at a time. A test that was set aside before stays aside in every round.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.errors import SettingsError, SplitError
from errorbar.core.split.doors import check_seed, read_ids, read_names
from errorbar.core.split.roles import GUARD, ROLES, TEST, Role, role_code
from errorbar.core.split.rolls import digests, uniform
from errorbar.core.split.shares import star_classes
from errorbar.core.split.value import Split

__all__ = ["Folds", "make_folds"]


@dataclass(frozen=True, slots=True, eq=False)
class Folds:
    """The fold of each row, -1 for rows that `aside` keeps as test or guard."""

    fold: ndarray
    count: int
    balanced: bool
    base: Split

    def splits(self, turns: Sequence[Role] = ("calib_a", "calib_b")) -> tuple[Split, ...]:
        """One split for each fold; in round `i` the role at place `j` has fold `i + j`.

        `turns=("test",)` is plain cross-validation, with folds that were made without `aside`.
        """
        codes = [role_code(role) for role in turns]
        if not codes or len(set(codes)) < len(codes) or {0, GUARD} & set(codes):
            raise SettingsError(
                f"turns={tuple(turns)} must be different roles among {', '.join(ROLES[1:5])}."
            )
        if len(codes) >= self.count:
            raise SettingsError(
                f"{len(codes)} roles take turns in {self.count} folds and leave none to train "
                f"with: make {len(codes) + 1} folds or more."
            )
        if TEST in codes and bool((self.fold < 0).any()):
            raise SettingsError(
                "a test was set aside, and a test is never used for anything else: take turns with "
                "other roles, or make the folds without `aside`."
            )
        return tuple(self._round(at, turns, codes) for at in range(self.count))

    def _round(self, at: int, turns: Sequence[Role], codes: list[int]) -> Split:
        role = np.where(self.fold < 0, self.base.role, 0).astype(np.int8)
        for place, code in enumerate(codes):
            role[self.fold == (at + place) % self.count] = code
        parameters = {
            "balanced": self.balanced,
            "folds": self.count,
            "round": at,
            "turns": list(turns),
            "aside": None if (self.fold >= 0).all() else self.base.family,
        }
        return replace(self.base, role=role, family="folds", parameters=parameters)


def make_folds(
    groups: ArrayLike | pl.Series,
    count: int = 5,
    *,
    seed: int = 0,
    classes: ArrayLike | pl.Series | None = None,
    aside: Split | None = None,
    balanced: bool = True,
) -> Folds:
    """Stars dealt into `count` folds in the order of their hashes, class by class.

    Dealt folds differ by one star at most, and within each class too; a star may move when others
    come in. With `balanced=False` the fold of a star depends on its id and the seed alone. Test and
    guard rows of `aside` are in no fold.
    """
    check_seed(seed)
    ids, member = read_ids(groups)
    if aside is not None and not (
        len(aside) == len(member)
        and np.array_equal(aside.groups, ids)
        and np.array_equal(aside.member, member)
    ):
        raise SplitError(
            f"`aside` is a split of {len(aside)} rows and {len(aside.groups)} stars, and `groups` "
            f"has {len(member)} rows and {len(ids)} stars: pass the same column to both."
        )
    kept = np.zeros(len(member), dtype=bool) if aside is None else aside.mask("test", "guard")
    taking = np.unique(member[~kept])
    if not 2 <= count <= len(taking):
        raise SplitError(
            f"{len(taking)} stars cannot be dealt into {count} folds: 2 to {len(taking)} are "
            "possible."
        )
    hashed = digests(ids[taking], seed, "fold")
    if not balanced:
        if classes is not None:
            raise SettingsError("folds by hash alone know no classes: leave `classes` out.")
        dealt = np.floor(uniform(hashed) * count).astype(np.int64)
        if len(np.unique(dealt)) < count:
            raise SplitError(
                f"a fold of {count} has none of {len(taking)} stars: pass balanced=True."
            )
    else:
        stratum = np.zeros(len(ids), dtype=np.int64)
        if classes is not None:
            names, label = read_names(classes, len(member), "classes")
            stratum, _ = star_classes(member, label, len(ids), len(names))
        dealt = np.empty(len(taking), dtype=np.int64)
        # One deal through all classes, so that what is left over of each goes round as well.
        dealt[np.lexsort((hashed, stratum[taking]))] = np.arange(len(taking)) % count
    fold = np.full(len(ids), -1, dtype=np.int64)
    fold[taking] = dealt
    base = aside or Split(
        np.zeros(len(member), dtype=np.int8), member, ids, "folds", int(seed), {}, {}
    )
    rows = np.where(kept, -1, fold[member])
    rows.flags.writeable = False
    return Folds(rows, count, balanced, replace(base, seed=int(seed)))
