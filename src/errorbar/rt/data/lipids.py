"""What a lipid's name says: class, how it is bound, carbons, double bonds, heavy labels.

Names are shorthand (Liebisch et al. 2020, J. Lipid Res. 61, 1539), summed (`PC 34:1`) or by chain
(`DG 16:0_18:1`, `Cer d18:1/24:0`), with what laboratories append: `d7 (ISTD)`, `[-18:1]`, `(a)`.
Where a feature stands for several (`PE 36:3|PE 36:4 [M+2]`) the first is taken.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from errorbar.rt.data.chemistry import reduce_chemistry
from errorbar.rt.data.peaks import Chemistry

__all__ = ["Lipid", "lipid_chemistry", "parse_lipid"]

_HEAD = re.compile(r"([A-Z][A-Za-z0-9]*)\s+")
_CHAIN = re.compile(r"([dtmOP]-?)?(\d+):(\d+)")
_LABEL = re.compile(r"\bd(\d+)\b(?!:)")
OTHER = "other"


@dataclass(frozen=True, slots=True)
class Lipid:
    """A lipid by its name. `bond` is `O` or `P` for ethers and plasmalogens, else empty."""

    head: str
    bond: str
    carbons: int
    double_bonds: int
    hydroxyls: int
    deuterium: int

    @property
    def kind(self) -> str:
        """The class that ethers and plasmalogens are each one of their own in."""
        return f"{self.head} {self.bond}-" if self.bond else self.head


def parse_lipid(name: str) -> Lipid | None:
    """The lipid of a name, or None if the name is no lipid's shorthand."""
    name = re.split(r"[|\\]", name)[0].strip()
    head = _HEAD.match(name)
    if head is None:
        return None
    # What is in brackets is how it was measured: `[-18:1]` is a chain that was lost.
    rest = re.sub(r"\[[^\]]*\]?", " ", name[head.end() :])
    chains = _CHAIN.findall(rest)
    if not chains:
        return None
    label = _LABEL.search(rest)
    ethers = [prefix[0] for prefix, _, _ in chains if prefix[:1] in ("O", "P")]
    return Lipid(
        head=head.group(1),
        bond=ethers[0] if ethers else "",
        carbons=sum(int(carbons) for _, carbons, _ in chains),
        double_bonds=sum(int(bonds) for _, _, bonds in chains),
        hydroxyls=sum({"m": 1, "d": 2, "t": 3}.get(prefix[:1], 0) for prefix, _, _ in chains),
        deuterium=int(label.group(1)) if label else 0,
    )


def lipid_chemistry(names: Sequence[str], n: int | None = 20) -> Chemistry:
    """Descriptors of compounds numbered as `names` are, such as `RunTable.compounds`.

    They are one column for each class, carbons, double bonds, hydroxyls and deuterium, the last
    four scaled to unit variance; then their first `n` principal components, fewer where fewer vary,
    or with None all of them as they are. Names that are no lipid's are in the class `other`, with
    the mean number of carbons and so on. Classes are numbered by sorted names.
    """
    lipids = [parse_lipid(name) for name in names]
    kinds = [OTHER if lipid is None else lipid.kind for lipid in lipids]
    known = sorted(set(kinds))
    label = np.array([known.index(kind) for kind in kinds], dtype=np.int64)
    counts = ("carbons", "double_bonds", "hydroxyls", "deuterium")
    numbers = np.array(
        [[np.nan if one is None else getattr(one, name) for name in counts] for one in lipids],
        dtype=np.float64,
    ).reshape(len(names), len(counts))
    lost = np.isnan(numbers).all(axis=1)
    numbers -= numbers[~lost].mean(axis=0) if not lost.all() else 0.0
    numbers[lost] = 0.0
    spread = numbers.std(axis=0)
    numbers /= np.where(spread > 0, spread, 1.0)
    values = np.concatenate([np.eye(len(known))[label], numbers], axis=1)
    full = Chemistry(np.arange(len(names)), values, (*known, *counts), label)
    if n is None:
        return full
    varying = int((values.std(axis=0) > 0).sum())
    return reduce_chemistry(full, min(n, varying, len(names)), standardise=False)
