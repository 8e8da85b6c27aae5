"""Fit a model of retention times to a table of peaks."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from errorbar.app.verbs.output import check_folder
from errorbar.app.verbs.rt.chosen import Exclusions, choose_rows
from errorbar.app.verbs.rt.names import MINUTES
from errorbar.app.verbs.rt.plan import TrainPlan, plan_training
from errorbar.app.verbs.rt.routes import Fitted, Sampling, fit_baseline, fit_hierarchy
from errorbar.app.verbs.rt.saved import HELD, TrainAnswer, write_training
from errorbar.app.verbs.rt.stored import MODEL
from errorbar.app.verbs.rt.tables import columns_of, read_rows, too_large
from errorbar.app.verbs.rt.told import told_warnings
from errorbar.core.errors import SettingsError
from errorbar.rt.data import (
    Chemistry,
    Peaks,
    describe_peaks,
    poly2_names,
    read_chemistry,
    reduce_chemistry,
    scan_peaks,
    with_classes,
)
from errorbar.rt.data.columns import feature_columns

__all__ = ["rt_train"]


def rt_train(
    data: Path | str,
    *,
    out: Path | str = "rt_model",
    model: str | None = None,
    method: str = "exact",
    group_col: str | None = None,
    intercept_mode: str | None = None,
    intercept_prior: str | None = None,
    slope_head_mode: str | None = None,
    lambda_slopes: float | str | None = None,
    penalty_by: str | None = None,
    slope_variance: str | None = None,
    noise: str | None = None,
    run_effect: bool = False,
    freedom: float | str | None = None,
    head_dims: int | None = None,
    head_level: str | None = None,
    gate_rank: int | None = None,
    stretch: bool = False,
    classes: bool = False,
    compound_slopes: bool = False,
    theta: str | None = None,
    replicates: str | None = None,
    priors: str | None = None,
    floor: float | None = None,
    widen: bool = True,
    chemistry: Path | str | None = None,
    chemistry_dims: int | None = None,
    features: Sequence[str] | None = None,
    poly2: bool = False,
    include_rs: bool = True,
    include_es_all: bool = False,
    unit: Literal["minutes", "seconds"] = "minutes",
    drop_missing: bool = False,
    exclude_pairs_frac: float = 0.0,
    exclude_pairs_seed: int = 42,
    exclude_chems_frac: float = 0.0,
    exclude_chems_seed: int = 42,
    exclude_clusters: Sequence[int] = (),
    max_train_rows: int | None = None,
    max_groups: int | None = None,
    stream: bool | None = None,
    steps: int | None = None,
    draws: int | None = None,
    tune: int | None = None,
    chains: int | None = None,
    seed: int = 42,
    progress: bool | None = None,
) -> TrainAnswer:
    """Fit a model to a `*_rt_prod` table, and save it with the reference code's files beside it.

    Without options it is the pooled hierarchy of species and compounds, fitted exactly. `model`
    and `method` choose others, and so do the reference code's words (`group_col`,
    `intercept_mode`, `intercept_prior`, `slope_head_mode`, `lambda_slopes`); what else a pooled
    model may have is described in `PoolModel`. `features` are the covariates by name instead of
    all IS and RS columns (an empty list: none), `poly2` adds their second powers. A table that
    takes more than a quarter of the memory is read in batches (`stream`).
    """
    plan = plan_training(
        model=model, method=method, group_col=group_col, intercept_mode=intercept_mode,
        intercept_prior=intercept_prior, slope_head_mode=slope_head_mode,
        lambda_slopes=lambda_slopes,
        parts={
            "penalty_by": penalty_by, "slope_variance": slope_variance, "noise": noise,
            "run_effect": run_effect or None, "freedom": freedom, "head_dims": head_dims,
            "head_level": head_level, "gate_rank": gate_rank, "stretch": stretch or None,
            "classes": classes or None,
            "compound_slopes": compound_slopes or None, "theta": theta,
            "replicates": replicates, "priors": priors,
        },
    )  # fmt: skip
    folder, path = check_folder(out), Path(data)
    left = Exclusions(
        exclude_pairs_frac, exclude_pairs_seed, exclude_chems_frac, exclude_chems_seed,
        tuple(exclude_clusters), max_train_rows, max_groups, seed,
    )  # fmt: skip
    told = _chemistry(plan, chemistry, chemistry_dims)
    notes = list(plan.notes)
    options: dict[str, Any] = {
        "features": _features(path, features, include_rs, include_es_all, poly2),
        "include_rs": include_rs, "include_es": include_es_all, "unit": unit,
        "drop_missing": drop_missing,
    }  # fmt: skip
    sampling = Sampling(steps, draws, tune, chains, seed)
    began = time.process_time()
    if stream or (stream is None and too_large(path, notes)):
        _check_streamed(plan, left)
        fitted = fit_hierarchy(
            plan, scan_peaks(path, runs=False, **options), told, sampling, notes,
            floor=floor, widen=widen, progress=progress,
        )  # fmt: skip
        peaks, held = None, None
    else:
        with told_warnings(notes):
            peaks = read_rows(path, **options)
        notes += describe_peaks(peaks).notes
        peaks, held, words = choose_rows(peaks, left, plan.group_col)
        notes += words
        if told is not None and classes:
            peaks = with_classes(peaks, told)
        fitted = _fit(plan, peaks, told, sampling, notes, floor, widen, progress)
    seconds = time.process_time() - began
    shares = (path.parent / MINUTES).is_file()
    answer = _answer(
        plan, fitted, folder, seconds, notes, held,
        "shares of the gradient" if shares else "minutes",
    )  # fmt: skip
    write_training(folder, plan, fitted, answer, path, peaks, held, options | {"seed": seed})
    return answer


def _features(
    path: Path, given: Sequence[str] | None, include_rs: bool, include_es: bool, poly2: bool
) -> list[str] | None:
    """The covariates by name, where they are not simply all of the table."""
    if given is None and not poly2:
        return None
    own = given
    if own is None:
        own = feature_columns(columns_of(path), include_rs=include_rs, include_es=include_es)
    return [*own, *(poly2_names(own) if poly2 else ())]


def _fit(
    plan: TrainPlan, peaks: Peaks, told: Chemistry | None, sampling: Sampling, notes: list[str],
    floor: float | None, widen: bool, progress: bool | None,
) -> Fitted:  # fmt: skip
    if plan.model != "hierarchy":
        return fit_baseline(plan, peaks, progress=progress)
    return fit_hierarchy(
        plan, peaks, told, sampling, notes, floor=floor, widen=widen, progress=progress
    )


def _chemistry(plan: TrainPlan, path: Path | str | None, dims: int | None) -> Chemistry | None:
    if path is None:
        if plan.pool.head_dims or plan.pool.gate_rank or dims:
            raise SettingsError(
                "head_dims, gate_rank and chemistry_dims need descriptors: give a chemistry file."
            )
        return None
    if plan.model != "hierarchy":
        raise SettingsError(f"model={plan.model!r} knows no chemistry: leave the file out.")
    found = read_chemistry(path)
    return found if dims is None else reduce_chemistry(found, dims)


def _check_streamed(plan: TrainPlan, left: Exclusions) -> None:
    """Refuse what needs the table as a whole."""
    if plan.model != "hierarchy":
        raise SettingsError(
            f"model={plan.model!r} needs the table in memory: say stream=False if it fits there."
        )
    if left.any:
        raise SettingsError(
            "hold-outs and subsets need the table as a whole: say stream=False, or part the table "
            "before."
        )


def _answer(
    plan: TrainPlan, fitted: Fitted, folder: Path, seconds: float, notes: list[str],
    held: Peaks | None, unit: str,
) -> TrainAnswer:  # fmt: skip
    opened, own = fitted.model, fitted.coefficients
    support = getattr(opened.value, "n_obs", getattr(opened.value, "pair_rows", None))
    if own is not None:
        support = own.n_obs
    return TrainAnswer(
        kind=plan.model,
        method=plan.method,
        group_col=opened.group_col,
        rows=0 if support is None else int(support.sum()),
        groups=len(opened.keys),
        features=len(opened.feature_names),
        scales=fitted.scales,
        unit=unit,
        converged=fitted.converged,
        evaluations=fitted.evaluations,
        log_posterior=fitted.log_posterior,
        diagnostics=fitted.diagnostics or {},
        seconds=seconds,
        notes=tuple(notes),
        model=folder / MODEL,
        exported=None if own is None else folder / "models",
        held_out=folder / HELD if held is not None and len(held) else None,
    )
