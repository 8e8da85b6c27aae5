"""Candidates for pairs of nearly parallel vectors among many, without comparing all with all.

Vectors that fall on the same sides of random planes are compared (Charikar 2002, STOC), in so many
tables of planes that a pair at the limit is missed once in a thousand times.
"""

import numpy as np
from numpy import ndarray

from errorbar.core.split.roles import GUARD

__all__ = ["find_candidates", "in_chunks"]

MISSED = 1e-3

# Directions that stand for all pixels while candidates are sought.
SKETCH = 64

# Rows of one table's bucket that are compared with each other.
CROWD = 64


def find_candidates(
    units: ndarray, role: ndarray, limit: float, rng: np.random.Generator
) -> tuple[ndarray, float]:
    """Pairs of unit vectors of different roles that may correlate by `limit` or more.

    Also the share of rows that fell together with more others than were compared.
    """
    sketch, limit = _sketch(units, rng), _slackened(limit)
    rows = len(sketch)
    bits = int(np.clip(np.ceil(np.log2(rows)), 6, 20))
    together = (1 - np.arccos(limit) / np.pi) ** bits
    tables = int(np.ceil(np.log(MISSED) / np.log1p(-together)))
    crowded = np.zeros(rows, dtype=bool)
    found: set[tuple[int, int]] = set()
    power = (1 << np.arange(bits)).astype(np.int64)
    for _ in range(tables):
        planes = rng.standard_normal((sketch.shape[1], bits), dtype=np.float32)
        code = ((sketch @ planes) > 0) @ power
        order = np.argsort(code, kind="stable")
        ordered = code[order]
        for step in range(1, CROWD + 1):
            same = np.flatnonzero(ordered[step:] == ordered[:-step])
            if not same.size:
                break
            one, other = order[same], order[same + step]
            if step == CROWD:
                crowded[one] = True
            apart = (role[one] != role[other]) & (role[one] != GUARD) & (role[other] != GUARD)
            one, other = one[apart], other[apart]
            like = np.einsum("ij,ij->i", sketch[one], sketch[other]) >= limit
            low, high = np.minimum(one[like], other[like]), np.maximum(one[like], other[like])
            found.update(zip(low.tolist(), high.tolist()))
    pairs = np.array(sorted(found), dtype=np.int64).reshape(-1, 2)
    return pairs, float(crowded.mean()) if rows else 0.0


def in_chunks(pairs: ndarray, columns: int) -> list[tuple[ndarray, ndarray]]:
    """First and second rows of pairs, so many at a time that they fit in memory."""
    most = max(10_000_000 // columns, 1)
    return [
        (pairs[at : at + most, 0], pairs[at : at + most, 1]) for at in range(0, len(pairs), most)
    ]


def _sketch(units: ndarray, rng: np.random.Generator) -> ndarray:
    """Random directions of long vectors, scaled to unit length again."""
    if units.shape[1] <= SKETCH:
        return units
    onto = rng.standard_normal((units.shape[1], SKETCH), dtype=np.float32)
    sketch = units @ onto
    return sketch / np.linalg.norm(sketch, axis=1, keepdims=True)


def _slackened(limit: float) -> float:
    """Three standard deviations below the limit, as correlations scatter in the sketch."""
    return limit - 3 * (1 - limit**2) / float(np.sqrt(SKETCH))
