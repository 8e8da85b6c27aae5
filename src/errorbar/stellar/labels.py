"""What is predicted of a star: classes in a taxonomy, and parameters with units and ranges."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy import ndarray

from errorbar.core.errors import ArtifactError, InputError

__all__ = [
    "FEH",
    "GIANT_DWARF",
    "LOGG",
    "MK_LETTERS",
    "PARAMETERS",
    "SDSS_GATE",
    "SPECTRAL_TYPE",
    "TEFF",
    "Parameter",
    "Taxonomy",
    "luminosity_class",
    "spectral_number",
]


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """Classes as a tree with a version: `parents` names the parent of each class and kind.

    What has no parent is topmost. A prediction carries `name@version`, so that a change of the
    tree is not taken for a change of the stars.
    """

    name: str
    version: str
    classes: tuple[str, ...]
    parents: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parents", MappingProxyType(dict(self.parents)))
        object.__setattr__(self, "classes", tuple(self.classes))
        if len(set(self.classes)) < len(self.classes) or len(self.classes) < 2:
            raise InputError(f"{self.name}: classes {self.classes} must be two or more, different.")
        for name in (*self.classes, *self.parents):
            self.path(name)

    @property
    def label(self) -> str:
        """Name and version, as predictions carry them."""
        return f"{self.name}@{self.version}"

    @property
    def kinds(self) -> tuple[str, ...]:
        """Everything above the classes, sorted."""
        return tuple(sorted({kind for name in self.classes for kind in self.path(name)[1:]}))

    def path(self, name: str) -> tuple[str, ...]:
        """A class and all that is above it, the nearest first."""
        found = [name]
        while found[-1] in self.parents:
            above = self.parents[found[-1]]
            if above in found:
                raise InputError(f"{self.name} goes in a circle: {' > '.join([*found, above])}.")
            found.append(above)
        return tuple(found)

    def roll_up(self, probs: ndarray, columns: Sequence[str] | None = None) -> dict[str, ndarray]:
        """The probability of every class and kind: a kind's is the sum of its classes'."""
        columns = self.classes if columns is None else tuple(columns)
        unknown = [name for name in columns if name not in self.classes]
        if unknown or np.ndim(probs) != 2 or np.shape(probs)[1] != len(columns):
            raise InputError(
                f"probabilities {np.shape(probs)} do not fit {len(columns)} columns"
                + (f"; {self.name} has no class {unknown[0]!r}." if unknown else ".")
            )
        inside = {name: self.path(name) for name in columns}
        return {
            each: probs[:, [at for at, name in enumerate(columns) if each in inside[name]]].sum(1)
            for each in (*columns, *self.kinds)
            if any(each in path for path in inside.values())
        }

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON."""
        return {
            "name": self.name,
            "version": self.version,
            "classes": list(self.classes),
            "parents": dict(self.parents),
        }

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> "Taxonomy":
        """The taxonomy that wrote the payload."""
        if set(payload) != {"name", "version", "classes", "parents"}:
            raise ArtifactError(f"a taxonomy has other parts than {', '.join(sorted(payload))}.")
        classes = tuple(payload["classes"])
        return cls(payload["name"], payload["version"], classes, payload["parents"])


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number that is predicted: its name with its unit, its range, and the scale of a fit.

    On the `"log"` scale fits see the logarithm, so that no prediction is negative.
    """

    name: str
    unit: str
    low: float
    high: float
    scale: str = "linear"

    def forward(self, value: ndarray) -> ndarray:
        """The value on the scale of a fit."""
        return np.log(value) if self.scale == "log" else np.asarray(value, dtype=np.float64)

    def backward(self, value: ndarray) -> ndarray:
        """The value in its unit."""
        return np.exp(value) if self.scale == "log" else value

    def slope(self, value: ndarray) -> ndarray:
        """What a unit error is on the scale of a fit."""
        return 1.0 / value if self.scale == "log" else np.ones(np.shape(value))


TEFF = Parameter("teff_k", "K", 2000.0, 60000.0, "log")
LOGG = Parameter("logg_dex", "dex", -2.0, 9.0)
FEH = Parameter("feh_dex", "dex", -6.0, 2.0)
SPECTRAL_TYPE = Parameter("spectral_type", "subtype", -40.0, 30.0)

PARAMETERS = MappingProxyType({each.name: each for each in (TEFF, LOGG, FEH, SPECTRAL_TYPE)})

SDSS_GATE = Taxonomy(
    "sdss-gate",
    "1",
    ("STAR", "GALAXY", "QSO"),
    {"GALAXY": "extragalactic", "QSO": "extragalactic"},
)

GIANT_DWARF = Taxonomy("giant-dwarf", "1", ("giant", "dwarf"))

MK_LETTERS = Taxonomy(
    "mk-letters",
    "1",
    ("O", "B", "A", "F", "G", "K", "M"),
    {"O": "early", "B": "early", "A": "early", "F": "late", "G": "late", "K": "late", "M": "late"},
)

_LETTERS = "OBAFGKMLTY"
_TYPE = re.compile(r"^\s*(?:sd|esd|d)?([OBAFGKMLTY])\s*(\d(?:\.\d+)?)?")
_LUMINOSITY = re.compile(r"(I[ab]+|IV|V|I{1,3})")


def spectral_number(text: str) -> float:
    """An MK type as a number of subtypes from M0: M3.5 is 3.5, K7 is -3, L1 is 11; else NaN."""
    found = _TYPE.match(text or "")
    if not found or found[2] is None:
        return float("nan")
    return 10.0 * (_LETTERS.index(found[1]) - _LETTERS.index("M")) + float(found[2])


def luminosity_class(text: str) -> str | None:
    """The first luminosity class of an MK type (Ia, Ib, II, III, IV, V), None without one."""
    found = _LUMINOSITY.search(text or "")
    return found[1] if found else None
