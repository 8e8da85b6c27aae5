"""PyMC's own sampler on a model compiled once.

`pm.sample` compiles anew at every call. Here its parts (density and gradient, starting points,
outputs) are compiled once and PyMC's step is run over them in its order and with its seeds, so
that the draws are those of `pm.sample`, chains one after the other.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from errorbar.core.extras import load
from errorbar.survey.fit.nuts.draws import RawDraws, Starts
from errorbar.survey.fit.nuts.settings import NutsSettings

__all__ = ["PymcSampler"]

Point = dict[str, NDArray[np.float64]]

# PyMC's names of the numbers ArviZ expects.
STATS = {
    "diverging": "diverging",
    "energy": "energy",
    "lp": "model_logp",
    "step_size": "step_size",
    "tree_depth": "depth",
    "n_steps": "tree_size",
    "acceptance_rate": "mean_tree_accept",
}


class PymcSampler:
    """One shape of model under PyMC's NUTS."""

    def __init__(self, model: Any, outputs: tuple[str, ...]) -> None:
        from pymc.pytensorf import compile as compile_graph

        self._model = model
        self._outputs = outputs
        self._starts = Starts(model)
        self._density = model.logp_dlogp_function(ravel_inputs=True)
        self._density.trust_input = True
        wanted = {variable.name: variable for variable in model.unobserved_value_vars}
        self._values = compile_graph(
            inputs=model.value_vars,
            outputs=[wanted[name] for name in outputs],
            on_unused_input="ignore",
        )

    def draw(
        self,
        arrays: Mapping[str, NDArray[np.float64]],
        settings: NutsSettings,
        seed: int,
        *,
        progress: bool = False,
    ) -> RawDraws:
        with self._model:
            load("pymc").set_data(arrays)
        # The order in which `pm.sample` spends its seed.
        rngs = np.random.default_rng(seed).spawn(settings.chains)
        seeds = [int(rng.integers(2**30)) for rng in rngs]
        starts = [self._starts.draw(chain, self._log_density) for chain in seeds]
        step = self._step(starts, seeds[0], settings)
        fresh = step.sampling_state
        chains = []
        # Small factorisations lose far more to a BLAS's threads than they gain.
        with load("threadpoolctl").threadpool_limits(1):
            for i, (start, rng) in enumerate(zip(starts, rngs)):
                step.sampling_state = fresh
                step.set_rng(rng)
                rounds = range(settings.tune + settings.draws)
                shown = track(rounds, f"chain {i + 1}") if progress else rounds
                chains.append(self._chain(step, start, shown, settings))
        return RawDraws(
            values={
                name: np.stack([values[i] for values, _ in chains])
                for i, name in enumerate(self._outputs)
            },
            stats={name: np.stack([stats[name] for _, stats in chains]) for name in STATS},
        )

    def _log_density(self, point: Point) -> float:
        from pymc.blocking import DictToArrayBijection

        return self._density([DictToArrayBijection.map(point)[0]], extra_vars={})[0]

    def _step(self, starts: Sequence[Point], seed: int, settings: NutsSettings) -> Any:
        from pymc.blocking import DictToArrayBijection
        from pymc.step_methods.hmc.quadpotential import QuadPotentialDiagAdapt

        centre = np.mean([DictToArrayBijection.map(start)[0] for start in starts], axis=0)
        potential = QuadPotentialDiagAdapt(len(centre), centre, np.ones_like(centre), 10, rng=seed)
        return load("pymc").NUTS(
            potential=potential,
            model=self._model,
            rng=seed,
            initial_point=starts[0],
            logp_dlogp_func=self._density,
            target_accept=settings.target_accept,
        )

    def _chain(
        self, step: Any, point: Point, rounds: Iterable[int], settings: NutsSettings
    ) -> tuple[list[NDArray[np.float64]], dict[str, NDArray[Any]]]:
        step.tune = settings.tune > 0
        step.reset_tuning()
        kept: list[list[NDArray[np.float64]]] = []
        told: list[dict[str, Any]] = []
        for i in rounds:
            if i == settings.tune:
                step.stop_tuning()
            point, (stats,) = step.step(point)
            if i >= settings.tune:
                kept.append(self._values(**point))
                told.append(stats)
        return (
            [np.stack(values) for values in zip(*kept)],
            {name: np.array([stats[key] for stats in told]) for name, key in STATS.items()},
        )
