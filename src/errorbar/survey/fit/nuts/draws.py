"""What a sampler hands back, and what it is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from errorbar.core.errors import FitError
from errorbar.survey.fit.nuts.settings import NutsSettings

__all__ = ["CompiledSampler", "RawDraws", "Starts"]

JITTERED_TRIES = 11


@dataclass(frozen=True, slots=True, eq=False)
class RawDraws:
    """`values` by parameter and `stats` by ArviZ's names, both with axes chain and draw first."""

    values: Mapping[str, NDArray[np.float64]]
    stats: Mapping[str, NDArray[Any]]


class CompiledSampler(Protocol):
    """One model compiled for one sampler: called again for each survey of its shape."""

    def draw(
        self,
        arrays: Mapping[str, NDArray[np.float64]],
        settings: NutsSettings,
        seed: int,
        *,
        progress: bool,
    ) -> RawDraws: ...


class Starts:
    """Jittered starting points, by PyMC's rule: the prior's centre plus uniform(-1, 1)."""

    def __init__(self, model: Any) -> None:
        from pymc.initial_point import make_initial_point_fn

        self._point = make_initial_point_fn(
            model=model, jitter_rvs=set(model.free_RVs), return_transformed=True
        )
        self._names = [variable.name for variable in model.value_vars]

    def draw(self, seed: int, log_density: Any) -> dict[str, NDArray[np.float64]]:
        """The first of a few points at which the log density is finite."""
        rng = np.random.default_rng(seed)
        for _ in range(JITTERED_TRIES):
            point = self._point(seed)
            if np.isfinite(log_density(point)):
                return {name: point[name] for name in self._names}
            seed = rng.integers(2**30, dtype=np.int64)
        raise FitError(
            f"none of {JITTERED_TRIES} starting points has a finite probability: check the units "
            "of the abundances, their errors and the prior's scales against each other."
        )
