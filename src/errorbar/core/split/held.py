"""Stars of another survey, of later times or of fainter magnitudes held out as the test.

A star may have rows on both sides. By `straddling` it goes to train, and its rows of the held-out
side are guards; or to test, and its other rows are; or all of it is guarded. What is not held out
is divided by the same hash as in `split_groups`, so a star outside of the test has the same role in
all these splits of one seed and the same fractions.
"""

from collections.abc import Collection
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.errors import SettingsError, SplitError
from errorbar.core.split.doors import check_seed, read_ids, read_names, read_numbers
from errorbar.core.split.roles import GUARD, REST, TEST, Fractions, check_rest
from errorbar.core.split.rolls import digests, texts
from errorbar.core.split.shares import check_filled, share_out
from errorbar.core.split.value import Split

__all__ = [
    "Straddling",
    "hold_out",
    "split_by_survey",
    "split_by_time",
    "split_by_value",
]

Straddling = Literal["train", "test", "guard"]


def split_by_survey(
    groups: ArrayLike | pl.Series,
    survey: ArrayLike | pl.Series,
    held: str | int | Collection[str | int],
    fractions: Fractions = REST,
    *,
    seed: int = 0,
    straddling: Straddling = "train",
) -> Split:
    """Test on surveys (or fields) that nothing was learnt from: those named in `held`."""
    ids, member = read_ids(groups)
    names, place = read_names(survey, len(member), "survey")
    asked = sorted({str(name) for name in ([held] if isinstance(held, str | int) else held)})
    known = texts(names)
    strange = [name for name in asked if name not in known]
    if strange or not asked:
        raise SplitError(
            f"{len(strange)} of the surveys to hold out are not in the table, first "
            f"{strange[0] if strange else '(none was named)'}; there are {', '.join(known[:20])}."
        )
    return hold_out(
        (ids, member),
        np.isin(known, asked)[place],
        family="survey",
        fractions=fractions,
        seed=seed,
        straddling=straddling,
        parameters={"held": asked},
    )


def split_by_time(
    groups: ArrayLike | pl.Series,
    time: ArrayLike | pl.Series,
    cut: float,
    fractions: Fractions = REST,
    *,
    label_time: ArrayLike | pl.Series | None = None,
    seed: int = 0,
    straddling: Straddling = "train",
) -> Split:
    """Learn from what was known before `cut`, test on what was observed at or after it.

    `label_time` is when each row's label was made. A row observed before the cut and labelled at or
    after it is a guard, for nobody could have learnt from it. All times are in one unit and scale.
    """
    ids, member = read_ids(groups)
    when = read_numbers(time, len(member), "time")
    if not np.isfinite(cut):
        raise SettingsError(f"cut={cut} must be a time.")
    held: ndarray = when >= cut
    late = np.zeros_like(held)
    if label_time is not None:
        late = ~held & (read_numbers(label_time, len(member), "label_time") >= cut)
    return hold_out(
        (ids, member),
        held,
        barred=late,
        family="time",
        fractions=fractions,
        seed=seed,
        straddling=straddling,
        parameters={"cut": float(cut), "label_times": label_time is not None},
        facts={"late_label_rows": int(late.sum())},
    )


def split_by_value(
    groups: ArrayLike | pl.Series,
    value: ArrayLike | pl.Series,
    cut: float,
    fractions: Fractions = REST,
    *,
    name: str,
    side: Literal["above", "below"] = "above",
    seed: int = 0,
    straddling: Straddling = "train",
) -> Split:
    """Test on one side of a magnitude or signal-to-noise ratio, the cut itself included."""
    ids, member = read_ids(groups)
    column = read_numbers(value, len(member), name)
    if side not in ("above", "below"):
        raise SettingsError(f"side={side!r} must be above or below.")
    if not np.isfinite(cut):
        raise SettingsError(f"cut={cut} must be a value of {name}.")
    return hold_out(
        (ids, member),
        column >= cut if side == "above" else column <= cut,
        family="value",
        fractions=fractions,
        seed=seed,
        straddling=straddling,
        parameters={"cut": float(cut), "name": name, "side": side},
    )


def hold_out(
    named: tuple[ndarray, ndarray],
    held: ndarray,
    *,
    family: str,
    fractions: Fractions,
    seed: int,
    straddling: Straddling,
    parameters: dict[str, Any],
    barred: ndarray | None = None,
    facts: dict[str, int] | None = None,
) -> Split:
    """`held` rows as the test, `barred` rows as guards, the rest by the hash of their stars."""
    check_seed(seed)
    check_rest(fractions)
    if straddling not in ("train", "test", "guard"):
        raise SettingsError(f"straddling={straddling!r} must be train, test or guard.")
    ids, member = named
    barred = np.zeros_like(held) if barred is None else barred
    learnt = ~held & ~barred
    has_held, has_learnt = _any(held, member, len(ids)), _any(learnt, member, len(ids))
    both = has_held & has_learnt
    tested = has_held & (~both | (straddling == "test"))
    trained = has_learnt & (~both | (straddling == "train"))
    known = share_out(digests(ids, seed, "share"), fractions)
    role = np.full(len(member), GUARD, dtype=np.int8)
    role[held & tested[member]] = TEST
    rest = learnt & trained[member]
    role[rest] = known[member[rest]]
    made = Split(
        role=role,
        member=member,
        groups=ids,
        family=family,
        seed=int(seed),
        parameters={
            "fractions": fractions.parameters(),
            "straddling": straddling,
            **parameters,
        },
        facts={"groups": len(ids), "straddling_groups": int(both.sum()), **(facts or {})},
    )
    check_filled(made, fractions, test=True)
    return made


def _any(chosen: ndarray, member: ndarray, groups: int) -> ndarray:
    found = np.zeros(groups, dtype=bool)
    found[member[chosen]] = True
    return found
