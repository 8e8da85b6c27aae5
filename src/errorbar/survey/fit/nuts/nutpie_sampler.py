"""nutpie on a model compiled once."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errorbar.core.errors import FitError
from errorbar.core.extras import load
from errorbar.survey.fit.nuts.draws import RawDraws
from errorbar.survey.fit.nuts.settings import NutsSettings

__all__ = ["NutpieSampler"]

# nutpie's names of the numbers ArviZ expects.
STATS = {
    "diverging": "diverging",
    "energy": "energy",
    "lp": "logp",
    "step_size": "step_size",
    "tree_depth": "depth",
    "n_steps": "n_steps",
    "acceptance_rate": "mean_tree_accept",
}


class NutpieSampler:
    """One shape of model under nutpie; later surveys only swap the arrays."""

    def __init__(self, model: Any, outputs: tuple[str, ...]) -> None:
        self._model = model
        self._outputs = outputs
        self._compiled = load("nutpie").compile_pymc_model(model, var_names=outputs)

    def draw(
        self,
        arrays: Mapping[str, NDArray[np.float64]],
        settings: NutsSettings,
        seed: int,
        *,
        progress: bool = False,
    ) -> RawDraws:
        # The starting points are drawn from the PyMC model, not from the swapped arrays.
        with self._model:
            load("pymc").set_data(arrays)
        swapped = {name: arrays[name] for name in self._compiled.shared_data}
        try:
            trace = load("nutpie").sample(
                self._compiled.with_data(**swapped),
                draws=settings.draws,
                tune=settings.tune,
                chains=settings.chains,
                cores=1,
                seed=seed,
                target_accept=settings.target_accept,
                save_warmup=False,
                progress_bar=progress,
            )
        except RuntimeError as error:
            raise FitError(
                f"nutpie could not sample this survey ({error}): check the units of the "
                "abundances, their errors and the prior's scales against each other."
            ) from error
        return RawDraws(
            values={name: trace.posterior[name].values for name in self._outputs},
            stats={name: trace.sample_stats[key].values for name, key in STATS.items()},
        )
