"""NumPyro's sampler on a PyMC model turned into one JAX program.

The PyMC model's log density becomes a function of the unknowns and of the survey's arrays, and
the whole run (warm-up, draws, chains one after the other, outputs) is compiled as one program in
64 bits. Another survey of the same shape runs it again.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errorbar.core.extras import load
from errorbar.survey.fit.nuts.backend import float64, jax_graphs
from errorbar.survey.fit.nuts.draws import RawDraws, Starts
from errorbar.survey.fit.nuts.settings import NutsSettings

__all__ = ["NumpyroSampler"]


class NumpyroSampler:
    """One shape of model under NumPyro's NUTS. A compiled run cannot report its progress."""

    def __init__(self, model: Any, outputs: tuple[str, ...]) -> None:
        jax, hmc = load("jax"), load("numpyro.infer.hmc").hmc
        self._outputs = outputs
        self._model = model
        self._starts = Starts(model)
        self._names = sorted(data.name for data in model.data_vars)
        density, values = _jax_functions(model, self._names, outputs)
        self._density = jax.jit(lambda q, data: density(q, *data)[0])
        self._run = jax.jit(partial(_run, hmc, density, values), static_argnames=("draws", "tune"))

    def draw(
        self,
        arrays: Mapping[str, NDArray[np.float64]],
        settings: NutsSettings,
        seed: int,
        *,
        progress: bool = False,
    ) -> RawDraws:
        jax = load("jax")
        with self._model:
            load("pymc").set_data(arrays)
        data = [np.asarray(arrays[name]) for name in self._names]
        seeds = np.random.default_rng(seed).integers(2**30, size=settings.chains)
        with float64():
            starts = [
                self._starts.draw(chain, lambda point: self._density(_ravel(point), data))
                for chain in seeds
            ]
            answer = self._run(
                jax.vmap(jax.random.key)(seeds),
                np.stack([_ravel(start) for start in starts]),
                settings.target_accept,
                data,
                draws=settings.draws,
                tune=settings.tune,
            )
            values, stats = jax.tree.map(np.asarray, answer)
        return RawDraws(values=dict(zip(self._outputs, values)), stats=stats)


def _jax_functions(
    model: Any, names: Sequence[str], outputs: Sequence[str]
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Log density and outputs of a model, as JAX functions of its unknowns and its arrays."""
    graph = load("pytensor.graph")
    optimise = load("pytensor.compile.mode").JAX.optimizer.rewrite
    translate = jax_graphs().jax_funcify
    # JAX cannot raise from a compiled program: the checks of signs are done on the priors.
    density = graph.rewrite_graph(
        model.logp(), include=("canonicalize", "stabilize", "local_remove_check_parameter")
    )
    wanted = {variable.name: variable for variable in model.unobserved_value_vars}
    graphs, unknowns = load("pymc.pytensorf").join_nonshared_inputs(
        point=model.initial_point(0),
        inputs=model.value_vars,
        outputs=[density, *(wanted[name] for name in outputs)],
        make_inputs_shared=False,
    )
    held = [model[name] for name in names]
    inputs = [v.type(name=v.name) for v in held]
    graphs = graph.clone_replace(graphs, dict(zip(held, inputs)), rebuild_strict=False)

    def function(wanted: list[Any]) -> Callable[..., Any]:
        program = graph.FunctionGraph(inputs=[unknowns, *inputs], outputs=wanted, clone=True)
        optimise(program)
        return translate(program)

    return function(graphs[:1]), function(graphs[1:])


def _run(
    hmc: Any,
    density: Callable[..., Any],
    values: Callable[..., Any],
    keys: Any,
    starts: Any,
    target_accept: float,
    data: Sequence[Any],
    *,
    draws: int,
    tune: int,
) -> Any:
    jax = load("jax")
    begin, step = hmc(potential_fn_gen=lambda *held: lambda q: -density(q, *held)[0], algo="NUTS")

    def chain(key_and_start: Any) -> Any:
        key, start = key_and_start
        state = begin(start, tune, rng_key=key, model_args=data, target_accept_prob=target_accept)
        state = jax.lax.fori_loop(0, tune, lambda _, state: step(state, data, {}), state)

        def draw(state: Any, _: None) -> Any:
            state = step(state, data, {})
            stats = {
                "diverging": state.diverging,
                "energy": state.energy,
                "lp": -state.potential_energy,
                "step_size": state.adapt_state.step_size,
                "n_steps": state.num_steps,
                "acceptance_rate": state.accept_prob,
            }
            return state, (values(state.z, *data), stats)

        return jax.lax.scan(draw, state, None, length=draws)[1]

    return jax.lax.map(chain, (keys, starts))


def _ravel(point: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.concatenate([np.ravel(value) for value in point.values()])
