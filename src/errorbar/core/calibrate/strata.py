"""Rows' strata by name, and payloads that say which value they hold."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.calibrate.doors import read_groups
from errorbar.core.errors import ArtifactError, InputError

__all__ = ["locate_strata", "read_payload", "stratum_names"]


def stratum_names(strata: ArrayLike | None, rows: int) -> tuple[tuple[str, ...] | None, ndarray]:
    """The names of all strata, sorted, and each row's place among them."""
    named = read_groups(strata, rows, "strata")
    if named is None:
        return None, np.zeros(rows, dtype=np.int64)
    kinds, place = np.unique(named.astype(np.str_), return_inverse=True)
    return tuple(kinds.tolist()), place


def locate_strata(known: tuple[str, ...] | None, strata: ArrayLike | None, rows: int) -> ndarray:
    """Each row's place among the strata of the fit."""
    named = read_groups(strata, rows, "strata")
    if known is None or named is None:
        if (known is None) is not (named is None):
            raise InputError(
                "there is one threshold for all rows: leave `strata` out."
                if known is None
                else f"each of {', '.join(known)} has thresholds of its own: pass `strata`."
            )
        return np.zeros(rows, dtype=np.int64)
    text = named.astype(np.str_)
    at = np.minimum(np.searchsorted(known, text), len(known) - 1)
    bad = np.flatnonzero(np.array(known)[at] != text)
    if bad.size:
        raise InputError(
            f"{bad.size} of {rows} rows are of a stratum without calibration, first row {bad[0]} "
            f"({str(text[bad[0]])!r}); there are {', '.join(known)}. Nothing vouches for them: "
            "calibrate with rows of that stratum."
        )
    return at


@contextmanager
def read_payload(payload: Mapping[str, Any], kind: str) -> Generator[None]:
    """Refuses a payload of another type, and names what is missing or wrong in one of this."""
    if payload.get("type") != kind or payload.get("format") != 1:
        raise ArtifactError(
            f"the payload is of type {payload.get('type')!r} and format "
            f"{payload.get('format')!r}; {kind} of format 1 is needed."
        )
    try:
        yield
    except (KeyError, TypeError, ValueError) as reason:
        if isinstance(reason, ArtifactError):
            raise
        raise ArtifactError(
            f"the payload of a {kind} was changed since it was written: {reason}."
        ) from reason
