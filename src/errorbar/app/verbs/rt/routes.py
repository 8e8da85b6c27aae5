"""The ways to fit what was planned, each to a model that can be asked and saved."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from errorbar.app.verbs.rt.plan import TrainPlan
from errorbar.app.verbs.rt.stored import OpenModel
from errorbar.app.verbs.rt.told import climbing, told_warnings
from errorbar.core.errors import SettingsError
from errorbar.rt.artifacts import BackoffSummaries, CoeffSummaries
from errorbar.rt.baselines import (
    fit_fast_ridge,
    fit_lasso,
    fit_means,
    fit_ridge,
    fit_supercategory_ridge,
)
from errorbar.rt.data import Chemistry, Peaks
from errorbar.rt.estimator import RetentionTimes
from errorbar.rt.estimator.exports import backoff, check_single, coefficients
from errorbar.rt.fit.run import PoolFit
from errorbar.rt.fit.statistics import collect

__all__ = ["Fitted", "Sampling", "fit_baseline", "fit_hierarchy"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """Numbers of the sampling methods; None where the method's own default is meant."""

    steps: int | None = None
    draws: int | None = None
    tune: int | None = None
    chains: int | None = None
    seed: int = 42

    def given(self, *names: str) -> dict[str, int]:
        """Those of these names that were said, and the seed."""
        told = {name: value for name in names if (value := getattr(self, name)) is not None}
        return {**told, "seed": self.seed}


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A model, what the reference's files can hold of it, and how its fit went."""

    model: OpenModel
    coefficients: CoeffSummaries | None
    backoff: BackoffSummaries | None
    scales: dict[str, float]
    converged: bool
    evaluations: int
    log_posterior: float | None = None
    diagnostics: dict[str, float] | None = None


def fit_hierarchy(
    plan: TrainPlan,
    peaks: Peaks | Iterable[Peaks],
    chemistry: Chemistry | None,
    sampling: Sampling,
    notes: list[str],
    *,
    floor: float | None,
    widen: bool,
    progress: bool | None,
) -> Fitted:
    """The pooled model, by the planned method."""
    if plan.method in ("advi", "map"):
        return _plugged(plan, peaks, chemistry, sampling, notes)
    model = RetentionTimes(plan.pool, group_col=plan.group_col, floor=floor, widen=widen)
    with told_warnings(notes), climbing(progress, "fitting") as show:
        model.fit(peaks, chemistry, progress=show)
    fit = model.result
    if not fit.converged:
        notes.append(f"the scales were still moving after {fit.evaluations} evaluations.")
    mixture, found, told = None, model.scales, None
    if plan.method == "integrated":
        from errorbar.rt.fit.integrate import integrate_scales

        mixture = integrate_scales(fit, **sampling.given("draws"))
        told = {"effective_size": mixture.effective_size, "pareto_k": mixture.tail}
        if mixture.tail > 0.7:
            notes.append(
                f"the weights of the scales' points have a Pareto index of {mixture.tail:.2f}, "
                "above 0.7: check with method='nuts'."
            )
    elif plan.method == "nuts":
        from errorbar.rt.fit.reference import sample_scales

        with told_warnings(notes):
            drawn = sample_scales(fit, **sampling.given("draws", "tune", "chains"))
        mixture = drawn.mixture(min(200, drawn.at.shape[0] * drawn.at.shape[1]))
        told = {
            "rhat_max": float(np.max(drawn.rhat)),
            "ess_min": float(drawn.ess.min()),
            "divergences": float(drawn.divergences),
        }
    if mixture is not None:
        found = mixture.scales
    own, back = _exported(fit, notes)
    return Fitted(
        model=OpenModel(model, mixture=mixture),
        coefficients=own,
        backoff=back,
        scales=found,
        converged=fit.converged,
        evaluations=fit.evaluations,
        log_posterior=float(fit.log_posterior),
        diagnostics=told,
    )


def _exported(
    fit: PoolFit, notes: list[str]
) -> tuple[CoeffSummaries | None, BackoffSummaries | None]:
    """What the reference code's files have room for."""
    own = coefficients(fit)
    try:
        check_single(fit, own)
    except SettingsError as error:
        notes.append(f"only the model itself is saved: {error}")
        return None, None
    try:
        return own, backoff(fit)
    except SettingsError:
        return own, None


def _plugged(
    plan: TrainPlan,
    peaks: Peaks | Iterable[Peaks],
    chemistry: Chemistry | None,
    sampling: Sampling,
    notes: list[str],
) -> Fitted:
    """The reference code's routes: point values of everything above the pairs."""
    from errorbar.rt.fit.reference import fit_advi, fit_map

    statistics = collect(peaks, plan.group_col)
    given: dict[str, Any] = {"penalty": plan.penalty, "slope_head": plan.pool.slope_head}
    _check_plain(plan)
    with told_warnings(notes):
        if plan.method == "map":
            found = fit_map(statistics, chemistry, **given)
        else:
            given |= sampling.given("steps", "draws")
            found = fit_advi(statistics, chemistry, **given)
    if not found.converged:
        notes.append(f"{plan.method} had not converged after {found.steps} steps.")
    own, (exported, back) = coefficients(found.pool), _exported(found.pool, notes)
    if back is None:
        notes.append("rows of pairs that were not seen are not scored: there is no back-off.")
    return Fitted(
        model=OpenModel(own, back, chemistry=chemistry),
        coefficients=exported,
        backoff=back,
        scales=found.scales,
        converged=found.converged,
        evaluations=found.steps,
        diagnostics=found.diagnostics,
    )


def _check_plain(plan: TrainPlan) -> None:
    """Refuse parts of the model that the reference code does not have."""
    pool = plan.pool
    extra = {
        "noise": pool.noise != "shared",
        "run_effect": pool.run_effect,
        "freedom": pool.freedom != "normal",
        "head_dims": pool.head_dims > 0,
        "gate_rank": pool.gate_rank > 0,
        "classes": pool.classes,
        "compound_slopes": pool.compound_slopes,
        "slope_variance": pool.slope_variance != "tied",
        "penalty_by": pool.penalty_by != "all",
    }
    if asked := [name for name, there in extra.items() if there]:
        raise SettingsError(
            f"method={plan.method!r} is the reference code's model, which has no "
            f"{', '.join(asked)}: leave that out, or take method='exact'."
        )


def fit_baseline(plan: TrainPlan, peaks: Peaks, *, progress: bool | None) -> Fitted:
    """One of the models to beat."""
    column, penalty = plan.group_col, plan.penalty
    assert not isinstance(penalty, str)
    scales: dict[str, float] = {}
    if plan.model not in ("lasso", "means"):
        scales["penalty"] = penalty
    own: CoeffSummaries | None = None
    match plan.model:
        case "ridge":
            value = own = fit_supercategory_ridge(peaks, group_col=column, penalty=penalty)
            scales["sigma"] = float(np.sqrt(own.sigma2_mean[0]))
        case "sklearn":
            value = own = fit_ridge(peaks, group_col=column, penalty=penalty)
        case "fast-ridge":
            value = fit_fast_ridge(peaks, penalty=penalty)
            own = value.pairs
        case "lasso":
            with climbing(progress, "pairs") as show:
                value = fit_lasso(peaks, group_col=column, progress=show)
        case _:
            value = fit_means(peaks, by="pair" if column == "species" else "compound")
    return Fitted(OpenModel(value), own, None, scales, True, 1)
