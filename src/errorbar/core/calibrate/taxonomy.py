"""Which classes share a threshold: those with too few rows are joined up a tree of kinds.

Classes are divided into buckets that do not overlap, so that one plain promise holds: of rows whose
class is in a bucket, a share of at least 1 - alpha has its class in its set. At each node of the
tree, from the bottom up, the children with too few rows are pooled. If the pool is still too small
it takes in the smallest of its siblings, and if there is none it goes on to the next node.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy import ndarray

from errorbar.core.errors import InputError

__all__ = ["join_classes"]

ROOT = "(all)"


def join_classes(
    counts: ndarray, least: int, names: Sequence[str], parents: Mapping[str, str] | None
) -> ndarray:
    """The bucket of each class, numbered by its first class.

    `parents` names the parent of each class and of each kind above it; what has none lies below
    the root. `None` joins nothing.
    """
    small = np.flatnonzero(counts < least)
    if parents is None:
        if small.size:
            raise InputError(
                f"{small.size} of {len(counts)} classes have fewer than the {least} calibration "
                f"rows that this alpha needs, first {names[small[0]]!r} with {counts[small[0]]}. "
                "Pass `parents` (each class's parent; {} joins them under one root), more rows, "
                "or a larger alpha."
            )
        return np.arange(len(counts))
    if counts.sum() < least:
        raise InputError(
            f"{counts.sum()} calibration rows of all classes together cannot vouch for this alpha: "
            f"{least} or more are needed. The smallest possible is "
            f"{1 / (counts.sum() + 1):.6g}."
        )
    bucket = np.empty(len(counts), dtype=np.int64)
    for members in _joined(_tree(names, parents), ROOT, counts, least, list(names)):
        bucket[members] = min(members)
    return bucket


def _tree(names: Sequence[str], parents: Mapping[str, str]) -> dict[str, list[str]]:
    """The children of every node, as far as they lead to a class."""
    children: dict[str, list[str]] = {ROOT: []}
    for name in names:
        node, path = name, [name]
        while node in parents:
            node = parents[node]
            if node in path:
                raise InputError(
                    f"`parents` goes in a circle: {' > '.join([*path, node])}. Each kind has one "
                    "parent, and the topmost has none."
                )
            path.append(node)
        for child, parent in zip(path, [*path[1:], ROOT]):
            below = children.setdefault(parent, [])
            if child not in below:
                below.append(child)
    return children


def _joined(
    children: Mapping[str, list[str]], node: str, counts: ndarray, least: int, names: list[str]
) -> list[list[int]]:
    """Buckets of the classes at and below a node; at most one of them is too small."""
    found = [[names.index(node)]] if node in names else []
    for child in children.get(node, []):
        found += _joined(children, child, counts, least, names)
    # A class alone is left to its parent to pool with its siblings.
    if len(found) == 1:
        return found
    sizes = [int(counts[members].sum()) for members in found]
    enough = [members for members, size in zip(found, sizes) if size >= least]
    pool = [at for members, size in zip(found, sizes) if size < least for at in members]
    if not pool:
        return found
    if enough and counts[pool].sum() < least:
        nearest = min(enough, key=lambda members: (int(counts[members].sum()), members[0]))
        enough.remove(nearest)
        pool += nearest
    return [*enough, pool]
