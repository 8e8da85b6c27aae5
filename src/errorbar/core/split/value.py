"""A split: what each row is for, such that no star has two roles."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.errors import SplitError
from errorbar.core.split.doors import read_ids
from errorbar.core.split.roles import GUARD, ROLES, Role, role_code
from errorbar.core.split.rolls import texts

__all__ = ["Split"]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """The role of each row, as its place in `ROLES`, and its star, as its place in `groups`.

    `groups` is sorted. No star has rows in two roles; a guard row is used for nothing, and stars
    with a role may have some. `parameters` is how the split was asked for and `facts` is what had
    to be decided on the way, both plain JSON.
    """

    role: ndarray
    member: ndarray
    groups: ndarray
    family: str
    seed: int
    parameters: Mapping[str, Any]
    facts: Mapping[str, int]

    def __post_init__(self) -> None:
        if self.role.shape != self.member.shape or self.role.ndim != 1:
            raise SplitError(
                f"role {self.role.shape} and member {self.member.shape} must be two columns of one "
                "length."
            )
        if bool(((self.role < 0) | (self.role > GUARD)).any()):
            raise SplitError(f"a role is a place in {', '.join(ROLES)}: 0 to {GUARD}.")
        used = self.role != GUARD
        known = self._known()
        both = np.flatnonzero(used & (known[self.member] != self.role))
        if both.size:
            first = int(both[0])
            raise SplitError(
                f"{len(np.unique(self.member[both]))} stars have rows in two roles, first "
                f"{self.groups[self.member[first]]!s} at row {first} "
                f"({ROLES[self.role[first]]} and {ROLES[known[self.member[first]]]}): a star has "
                "one role."
            )
        for name in ("parameters", "facts"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        for name in ("role", "member", "groups"):
            getattr(self, name).flags.writeable = False

    def __len__(self) -> int:
        return len(self.role)

    def mask(self, *roles: Role) -> ndarray:
        """Which rows have one of these roles."""
        return np.isin(self.role, [role_code(role) for role in roles])

    def rows(self, *roles: Role) -> ndarray:
        """The places of rows with one of these roles."""
        return np.flatnonzero(self.mask(*roles))

    def names(self) -> ndarray:
        """The name of each row's role."""
        return np.array(ROLES)[self.role]

    def group_roles(self) -> ndarray:
        """The role of each star, as its place in `ROLES`; a guard is one with no other role."""
        return self._known()

    def groups_in(self, *roles: Role) -> ndarray:
        """The stars that have one of these roles, sorted."""
        return self.groups[np.isin(self._known(), [role_code(role) for role in roles])]

    def counts(self) -> dict[str, dict[str, int]]:
        """Rows and stars of each role that has any."""
        rows = np.bincount(self.role, minlength=len(ROLES)).tolist()
        stars = np.bincount(self._known(), minlength=len(ROLES)).tolist()
        return {
            name: {"groups": stars[at], "rows": rows[at]}
            for at, name in enumerate(ROLES)
            if rows[at] or stars[at]
        }

    def roles_of(self, ids: ArrayLike | pl.Series) -> ndarray:
        """The names of roles of stars, one for each id."""
        asked, member = read_ids(ids, "ids")
        known = {name: at for at, name in enumerate(texts(self.groups))}
        place = np.array([known.get(name, -1) for name in texts(asked)])
        check_known(asked, place < 0, member, "the split")
        return np.array(ROLES)[self._known()[place]][member]

    def _known(self) -> ndarray:
        found = np.full(len(self.groups), GUARD, dtype=np.int8)
        used = self.role != GUARD
        found[self.member[used]] = self.role[used]
        return found


def check_known(
    asked: ndarray,
    unknown: ndarray,
    member: ndarray,
    where: str,
    way_out: str = "A star without a role was not there when the split was made: make a new split, "
    "or leave these rows out.",
) -> None:
    """Refuses ids that are not among those known."""
    rows = np.flatnonzero(unknown[member])
    if rows.size:
        raise SplitError(
            f"{int(unknown.sum())} of {len(asked)} ids are not in {where}, first at row "
            f"{rows[0]} ({asked[member[rows[0]]]!s}). {way_out}"
        )
