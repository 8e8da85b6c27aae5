"""Stars divided by a hash of their ids, alike in every class where that is wanted."""

from typing import Literal

import numpy as np
import polars as pl
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.errors import SettingsError, SplitError
from errorbar.core.split.doors import check_seed, read_ids, read_names
from errorbar.core.split.roles import GUARD, ROLES, Fractions
from errorbar.core.split.rolls import digests, uniform
from errorbar.core.split.value import Split

__all__ = ["Small", "check_filled", "share_out", "split_groups", "star_classes"]

Small = Literal["refuse", "pool"]


def split_groups(
    groups: ArrayLike | pl.Series,
    fractions: Fractions | None = None,
    *,
    seed: int = 0,
    classes: ArrayLike | pl.Series | None = None,
    small: Small = "refuse",
) -> Split:
    """Stars at random, by a hash of their ids and the seed.

    Without `classes` the role of a star depends on nothing else: rows may be moved and stars added,
    and it stays; shares are met up to chance. With `classes` each class is divided in the exact
    proportions (to the nearest star, and at least one for each role), for which stars at the edge
    of a role may move when others of their class come in. A star whose rows are of several classes
    counts as what most of them are, and of equally many as the rarer one. A class with fewer
    stars than roles is refused, or pooled with the others like it.
    """
    check_seed(seed)
    fractions = fractions or Fractions()
    ids, member = read_ids(groups)
    hashed = digests(ids, seed, "share")
    facts = {"groups": len(ids)}
    if classes is None:
        known = share_out(hashed, fractions)
    else:
        names, label = read_names(classes, len(member), "classes")
        stratum, mixed = star_classes(member, label, len(ids), len(names))
        stratum, pooled = _join_small(stratum, names, fractions, small)
        known = _share_exactly(hashed, stratum, fractions)
        facts |= {"classes": len(names), "mixed_class_groups": mixed, "pooled_classes": pooled}
    made = Split(
        role=known[member],
        member=member,
        groups=ids,
        family="group",
        seed=int(seed),
        parameters={
            "fractions": fractions.parameters(),
            "small": small,
            "stratified": classes is not None,
        },
        facts=facts,
    )
    check_filled(made, fractions)
    return made


def share_out(hashed: ndarray, fractions: Fractions) -> ndarray:
    """Roles by where a star's hash falls in [0, 1)."""
    edges = np.cumsum(fractions.shares)
    edges[np.flatnonzero(fractions.shares)[-1] :] = np.inf
    return np.searchsorted(edges, uniform(hashed), side="right").astype(np.int8)


def star_classes(member: ndarray, label: ndarray, groups: int, classes: int) -> tuple[ndarray, int]:
    """The class of each star, and how many stars have rows of more than one."""
    pairs, rows = np.unique(member * classes + label, return_counts=True)
    star, kind = pairs // classes, pairs % classes
    common = np.bincount(kind, minlength=classes)
    # Last of each star is what most of its rows are; of equals the rarer, then the first by name.
    order = np.lexsort((-kind, -common[kind], rows, star))
    found = np.empty(groups, dtype=np.int64)
    found[star[order]] = kind[order]
    return found, int((np.bincount(star, minlength=groups) > 1).sum())


def check_filled(split: Split, fractions: Fractions, *, test: bool = False) -> None:
    """Refuses a role that was asked for and has no star."""
    known = np.bincount(split.group_roles(), minlength=len(ROLES))
    asked = [share > 0 or (test and name == "test") for name, share in zip(ROLES, fractions.shares)]
    empty = [ROLES[at] for at in np.flatnonzero(asked) if known[at] == 0]
    if empty:
        raise SplitError(
            f"no star is left for {' and '.join(empty)}: {len(split.groups)} stars, of which "
            f"{int(known[GUARD])} are guards, were divided by {split.family}. Ask for fewer roles "
            "(a share of zero), larger shares, another cut or another seed."
        )


def _join_small(
    stratum: ndarray, names: ndarray, fractions: Fractions, small: Small
) -> tuple[ndarray, int]:
    if small not in ("refuse", "pool"):
        raise SettingsError(f"small={small!r} must be refuse or pool.")
    roles = int(np.count_nonzero(fractions.shares))
    counts = np.bincount(stratum, minlength=len(names))
    few = np.flatnonzero((counts < roles) & (counts > 0))
    if few.size and (small == "refuse" or counts[few].sum() < roles):
        raise SplitError(
            f"{few.size} of {len(names)} classes have fewer stars than there are roles ({roles}), "
            f"first {names[few[0]]!s} with {counts[few[0]]}: join classes, ask for fewer roles, "
            + ("or pass small='pool'." if small == "refuse" else "or find more stars.")
        )
    return np.where(np.isin(stratum, few), len(names), stratum), int(few.size)


def _share_exactly(hashed: ndarray, stratum: ndarray, fractions: Fractions) -> ndarray:
    order = np.lexsort((hashed, stratum))
    starts = np.flatnonzero(np.diff(stratum[order], prepend=-1))
    role = np.empty(len(hashed), dtype=np.int8)
    for place in np.split(order, starts[1:]):
        role[place] = np.repeat(np.arange(5), _quota(len(place), np.array(fractions.shares)))
    return role


def _quota(stars: int, shares: ndarray) -> ndarray:
    """Whole numbers nearest to the shares of `stars` (largest remainder), none of them zero."""
    wanted = stars * shares
    # A share of 0.1 of 30 must be 3, whatever its last bit.
    count = np.floor(wanted + 1e-9).astype(np.int64)
    order = np.argsort(count - wanted, kind="stable")
    count[order[: stars - count.sum()]] += 1
    for at in np.flatnonzero((count == 0) & (shares > 0)):
        count[np.argmax(count)] -= 1
        count[at] = 1
    return count
