"""Exact fits against chains, by turns in one process."""

import shutil
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from benchmarks.stopwatch import Seconds, take
from benchmarks.surveys import mock_survey
from errorbar.survey import PriorRule, SurveyData, fit_surveys
from errorbar.survey.fit.nuts import fit_nuts
from errorbar.survey.fit.nuts.models import (
    LATENTS,
    PARAMETERS,
    build_model,
    model_arrays,
    model_shape,
)
from errorbar.survey.fit.nuts.pymc_sampler import PymcSampler
from errorbar.survey.fit.nuts.settings import NutsSettings

__all__ = ["SAMPLERS", "compare"]

SAMPLERS = ("pymc", "rebuilt", "nutpie")
# Exact fits are too short for a clock: this many surveys of one size are timed together.
BATCH = {"single": 400, "joint": 100}


def compare(model: Any, n: int, rounds: int, samplers: Sequence[str]) -> list[str]:
    """Rows of a Markdown table: the exact fit, then each sampler with its ratio."""
    check_compiler()
    datas = [mock_survey(n, seed) for seed in range(BATCH[model])]
    fit_surveys(datas[:1], model)
    calls: dict[str, Callable[[SurveyData, int], Any]] = {}
    for name in samplers:
        calls[name] = _rebuilt(model) if name == "rebuilt" else _sampled(model, name)
        # Compiles, or fills the disk cache of compiled code.
        _warm(model, name, datas[0])
    exact: list[Seconds] = []
    taken: dict[str, list[Seconds]] = {name: [] for name in samplers}
    for turn in range(rounds):
        for name in samplers:
            exact.append(take(lambda: fit_surveys(datas, model)) / len(datas))
            taken[name].append(take(lambda name=name, turn=turn: calls[name](datas[turn], turn)))
        exact.append(take(lambda: fit_surveys(datas, model)) / len(datas))
    wall, cpu = median(t.wall for t in exact), median(t.cpu for t in exact)
    rows = [f"| {model} | {n} | exact | {1e3 * wall:.3f} ms | {1e3 * cpu:.3f} ms | | |"]
    for name, times in taken.items():
        w, c = median(t.wall for t in times), median(t.cpu for t in times)
        rows.append(
            f"| {model} | {n} | {name} | {w:.2f} s | {c:.2f} s | {w / wall:,.0f} | {c / cpu:,.0f} |"
        )
    return rows


def check_compiler() -> None:
    """Refuse to time PyTensor without its compiler."""
    if shutil.which("g++") is None:
        raise SystemExit(
            "benchmarks: g++ is not on the path, so PyTensor would run its graphs in Python and "
            "the comparison would flatter us; install g++ and run again."
        )


def _sampled(model: Any, sampler: Any) -> Callable[[SurveyData, int], Any]:
    return lambda data, seed: fit_nuts(data, model, seed=seed, sampler=sampler)


def _rebuilt(model: Any) -> Callable[[SurveyData, int], Any]:
    return lambda data, seed: _build_and_draw(model, data, seed, NutsSettings())


def _build_and_draw(model: Any, data: SurveyData, seed: int, settings: NutsSettings) -> Any:
    prior = getattr(PriorRule(), model)(data)
    arrays = model_arrays(data, model, prior)
    built = build_model(model_shape(data, model, arrays), arrays)
    return PymcSampler(built, PARAMETERS[model] + LATENTS[model]).draw(arrays, settings, seed)


def _warm(model: Any, name: str, data: SurveyData) -> None:
    short = {"draws": 20, "tune": 20, "chains": 1}
    if name == "rebuilt":
        _build_and_draw(model, data, 0, NutsSettings(**short))
    else:
        fit_nuts(data, model, seed=0, sampler=name, **short)
