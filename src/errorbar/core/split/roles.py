"""What rows are for, and how large a share of stars each role gets."""

import math
from dataclasses import dataclass
from typing import Literal, cast

from errorbar.core.errors import SettingsError, SplitError

__all__ = ["REST", "ROLES", "Fractions", "Role", "role_code"]

Role = Literal["train", "val", "calib_a", "calib_b", "test", "guard"]

ROLES: tuple[Role, ...] = ("train", "val", "calib_a", "calib_b", "test", "guard")

TEST, GUARD = 4, 5

# Shares are written as decimals, and 0.6 + 0.1 + 0.1 + 0.1 + 0.1 is not one to the last bit.
SUM_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Fractions:
    """Shares of stars for each role; they sum to one.

    `val` is for stopping and choosing, `calib_a` for the calibrator of probabilities, `calib_b` for
    conformal thresholds, `test` for the report and for nothing else.
    """

    train: float = 0.6
    val: float = 0.1
    calib_a: float = 0.1
    calib_b: float = 0.1
    test: float = 0.1

    def __post_init__(self) -> None:
        for name, share in zip(ROLES, self.shares):
            if not 0 <= share <= 1:
                raise SplitError(f"the share of {name} is {share:g}; shares lie between 0 and 1.")
        if abs(sum(self.shares) - 1) > SUM_TOLERANCE:
            raise SplitError(
                f"the shares {', '.join(f'{share:g}' for share in self.shares)} of "
                f"{', '.join(ROLES[:-1])} sum to {math.fsum(self.shares):.6g}, not one."
            )
        if self.train == 0:
            raise SplitError("train has a share of zero: nothing would be left to learn from.")

    @property
    def shares(self) -> tuple[float, ...]:
        """In the order of `ROLES`, without the guard."""
        return self.train, self.val, self.calib_a, self.calib_b, self.test

    def parameters(self) -> dict[str, float]:
        """Each role's share by its name."""
        return {name: float(share) for name, share in zip(ROLES, self.shares)}


# Where what is held out is the test.
REST = Fractions(train=0.7, val=0.1, calib_a=0.1, calib_b=0.1, test=0.0)


def role_code(role: Role) -> int:
    """A role's place in `ROLES`, which stands for it in arrays."""
    if role not in ROLES:
        raise SettingsError(
            f"there is no role {cast('str', role)!r}; choose one of {', '.join(ROLES)}."
        )
    return ROLES.index(role)


def check_rest(fractions: Fractions) -> None:
    """Refuses a share for test where test is what is held out."""
    if fractions.test:
        raise SplitError(
            f"the share of test is {fractions.test:g}, and here test is what is held out: divide "
            "the rest with `Fractions(0.7, 0.1, 0.1, 0.1, test=0)`."
        )
