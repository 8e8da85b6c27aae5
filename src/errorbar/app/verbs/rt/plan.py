"""Which model the flags of a training ask for, in the reference code's words or in ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from errorbar.core.errors import SettingsError
from errorbar.rt.model.pool import REFERENCE_PENALTY, PoolModel

__all__ = ["METHODS", "MODELS", "TrainPlan", "plan_training"]

MODELS = ("hierarchy", "ridge", "sklearn", "fast-ridge", "lasso", "means")
METHODS = ("exact", "integrated", "advi", "nuts", "map")
MODES, PRIORS = ("collapsed", "explicit"), ("flat", "comp_hier_supercat")
HEADS = ("none", "cluster_supercat")


@dataclass(frozen=True, slots=True)
class TrainPlan:
    """What is to be fitted. `penalty` is that of the slopes, or `learned`; `notes` say why."""

    model: str
    method: str
    group_col: str
    penalty: float | str
    pool: PoolModel
    notes: tuple[str, ...]


def plan_training(
    *,
    model: str | None,
    method: str,
    group_col: str | None,
    intercept_mode: str | None,
    intercept_prior: str | None,
    slope_head_mode: str | None,
    lambda_slopes: float | str | None,
    parts: Mapping[str, Any],
) -> TrainPlan:
    """The model that these flags mean.

    Without any of them it is the hierarchy. As in the reference code, a `group_col` without
    explicit intercepts means a ridge of each pair without pooling. `parts` are what else a
    `PoolModel` is told, None where nothing was said.
    """
    for name, value, known in (
        ("model", model, MODELS),
        ("method", method, METHODS),
        ("group_col", group_col, ("species", "species_cluster")),
        ("intercept_mode", intercept_mode, MODES),
        ("intercept_prior", intercept_prior, PRIORS),
        ("slope_head_mode", slope_head_mode, HEADS),
    ):
        if value is not None and value not in known:
            raise SettingsError(f"{name}={value!r} must be one of {', '.join(known)}.")
    if intercept_mode == "collapsed" and intercept_prior == "comp_hier_supercat":
        raise SettingsError(
            "intercept_prior='comp_hier_supercat' has explicit intercepts: say "
            "intercept_mode='explicit', or leave it out."
        )
    notes: list[str] = []
    chosen = model or _chosen(group_col, intercept_mode, intercept_prior, notes)
    given = {name: value for name, value in parts.items() if value is not None}
    if chosen != "hierarchy":
        _check_baseline(chosen, method, intercept_prior, slope_head_mode, given)
    elif intercept_prior == "flat" or intercept_mode == "collapsed":
        raise SettingsError(
            "model='hierarchy' pools its intercepts: leave intercept_mode='collapsed' and "
            "intercept_prior='flat' out, or say model='ridge'."
        )
    if slope_head_mode is not None and chosen == "hierarchy":
        given["slope_head"] = slope_head_mode
    penalty = _penalty(chosen, method, lambda_slopes)
    if chosen == "hierarchy":
        given["penalty"] = penalty
    if chosen == "fast-ridge" and group_col == "species":
        raise SettingsError("model='fast-ridge' is of supercategories: leave group_col out.")
    usual = "species" if chosen in ("hierarchy", "lasso", "means") else "species_cluster"
    return TrainPlan(
        model=chosen,
        method=method,
        group_col=group_col or usual,
        penalty=penalty,
        pool=PoolModel(**given),
        notes=tuple(notes),
    )


def _chosen(group_col: str | None, mode: str | None, prior: str | None, notes: list[str]) -> str:
    if prior == "comp_hier_supercat" or (mode == "explicit" and prior is None):
        return "hierarchy"
    if group_col is None and mode is None and prior is None:
        return "hierarchy"
    notes.append(
        "flat intercepts, as the reference code has them by default: a ridge of each pair, without "
        "pooling. model='hierarchy' (or intercept_prior='comp_hier_supercat') pools."
    )
    return "ridge"


def _check_baseline(
    model: str, method: str, prior: str | None, head: str | None, parts: Mapping[str, Any]
) -> None:
    """Refuse what only the hierarchy has."""
    asked = [name for name in parts if parts[name] is not False]
    asked += ["intercept_prior"] if prior == "comp_hier_supercat" else []
    asked += ["slope_head_mode"] if head == "cluster_supercat" else []
    asked += ["method"] if method != "exact" else []
    if asked:
        raise SettingsError(
            f"model={model!r} has no {', '.join(asked)}: that is for model='hierarchy' (with "
            "intercept_mode='explicit' and intercept_prior='comp_hier_supercat' in the reference "
            "code's words)."
        )


def _penalty(model: str, method: str, given: float | str | None) -> float | str:
    """The ridge penalty of the slopes; those of the reference code where none can be learned."""
    learns = model == "hierarchy" and method in ("exact", "integrated", "nuts")
    if given is None or given == "":
        return "learned" if learns else REFERENCE_PENALTY
    if given == "reference":
        return REFERENCE_PENALTY
    if given == "learned":
        if learns:
            return "learned"
        raise SettingsError(
            "lambda_slopes='learned' is for the hierarchy and the methods exact, integrated and "
            "nuts: give a number here, or 'reference' (3e-4)."
        )
    try:
        value = float(given)
    except ValueError as error:
        raise SettingsError(
            f"lambda_slopes={given!r} must be learned, reference or a positive number."
        ) from error
    if not value > 0:
        raise SettingsError(f"lambda_slopes={value:g} must be positive.")
    return value
