"""Which recalibration, if any? Chosen by cross-validation that cross-validates the choice too.

A recalibration is taken where its held-out gain over the claims as they are exceeds twice its own
standard error over groups; of several the simplest within one standard error of the best. Kinds
with a density compete by their log score, conformal intervals with the best of them by the interval
score in units of the claimed error bars. The table of before and after is of rows that had no part
in the choice or the fit.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.core.audit.claims import Claims
from errorbar.core.audit.mend import IntervalRecalibration, MendKind, fit_mend
from errorbar.core.audit.scores import interval_score, log_score, normal_scores
from errorbar.core.audit.tables import percent
from errorbar.core.audit.units import Units
from errorbar.core.errors import InputError

__all__ = ["ChosenMend", "before_after", "choose_mend", "draw_folds"]

FOLDS = 5
MOST_ROWS = 60_000
WHOLE: tuple[MendKind, ...] = ("identity", "scale", "shift", "floor")

# Losses of one kind: log scores where there is a density, and interval scores.
Losses = Mapping[MendKind, tuple[ndarray | None, ndarray]]


@dataclass(frozen=True, slots=True, eq=False)
class ChosenMend:
    """The recalibration, fitted on all rows, and the evidence for it.

    `candidates` has the held-out scores of every kind, `compared` each quantity before and after on
    held-out rows; `note` says why nothing was tried.
    """

    recalibration: IntervalRecalibration
    candidates: pl.DataFrame
    compared: pl.DataFrame
    note: str = ""


def choose_mend(claims: Claims, units: Units, levels: tuple[float, ...], seed: int) -> ChosenMend:
    """The recalibration of the best held-out scores, or none."""
    rng = np.random.default_rng(seed)
    nothing = IntervalRecalibration("identity", claims.form, levels)
    if units.count < 4 * FOLDS or len(claims) < 4 * FOLDS:
        note = f"{units.count} groups are too few to recalibrate by; {4 * FOLDS} are needed."
        return ChosenMend(nothing, pl.DataFrame(), pl.DataFrame(), note)
    if not claims.whole and any(
        float((high - low).min()) <= 0 for low, high in map(claims.interval, levels)
    ):
        note = "Some intervals have no width, and no factor would stretch them."
        return ChosenMend(nothing, pl.DataFrame(), pl.DataFrame(), note)
    rows = np.arange(len(claims))
    if len(rows) > MOST_ROWS:
        rows = np.sort(rng.choice(rows, MOST_ROWS, replace=False))
    some = claims.select(rows)
    code = rows if units.code is None else units.code[rows]
    code = np.unique(code, return_inverse=True)[1]
    kinds: tuple[MendKind, ...] = (*(WHOLE if claims.whole else WHOLE[:1]), "conformal")
    fold = draw_folds(code, rng)
    losses, _ = _losses(some, code, fold, kinds, levels)
    chosen: list[MendKind] = []
    nested: list[tuple[ndarray, IntervalRecalibration]] = []
    for at in range(FOLDS):
        train = np.flatnonzero(fold != at)
        inner_code = np.unique(code[train], return_inverse=True)[1]
        inside = some.select(train)
        inner, _ = _losses(inside, inner_code, draw_folds(inner_code, rng), kinds, levels)
        kind = _pick(inner, inner_code, kinds)
        chosen.append(kind)
        nested.append((np.flatnonzero(fold == at), _fit(inside, inner_code, kind, levels)))
    best = _pick(losses, code, kinds)
    # The whole choice, on rows without a part in it, must be no worse than nothing.
    honest = np.empty(len(some))
    for held, made in nested:
        honest[held] = _interval_loss(some.select(held), made)
    if float(honest.mean()) > float(losses["identity"][1].mean()):
        best = "identity"
    made = fit_mend(claims, units, best, levels)
    table = _candidates(losses, code, kinds, best, chosen)
    return ChosenMend(made, table, before_after(some, code, nested, levels))


def draw_folds(code: ndarray, rng: np.random.Generator) -> ndarray:
    """Each row's fold; groups are never divided."""
    groups = int(code.max()) + 1
    return (rng.permutation(groups) % FOLDS)[code]


def _fit(
    claims: Claims, code: ndarray, kind: MendKind, levels: tuple[float, ...]
) -> IntervalRecalibration:
    return fit_mend(claims, _units(code), kind, levels)


def _units(code: ndarray) -> Units:
    groups = int(code.max()) + 1
    return Units(None if groups == len(code) else code, groups)


def _losses(
    claims: Claims,
    code: ndarray,
    fold: ndarray,
    kinds: tuple[MendKind, ...],
    levels: tuple[float, ...],
) -> tuple[Losses, list[str]]:
    found: dict[MendKind, tuple[ndarray | None, ndarray]] = {}
    notes: list[str] = []
    for kind in kinds:
        dense = np.zeros(len(claims)) if claims.whole and kind != "conformal" else None
        inner = np.zeros(len(claims))
        for at in range(FOLDS):
            held, train = fold == at, np.flatnonzero(fold != at)
            own = np.unique(code[train], return_inverse=True)[1]
            try:
                made = _fit(claims.select(train), own, kind, levels)
            except InputError as reason:
                notes.append(str(reason))
                inner[held] = np.inf
                continue
            test = claims.select(held)
            inner[held] = _interval_loss(test, made, levels)
            if dense is not None:
                dense[held] = log_score(made.claims(test))
        found[kind] = (dense, inner)
    return found, notes


def _interval_loss(
    claims: Claims, made: IntervalRecalibration, levels: tuple[float, ...] | None = None
) -> ndarray:
    """The interval score over all levels, in claimed half widths; infinite where one is missing."""
    if levels is not None and set(made.levels) != set(levels):
        return np.full(len(claims), np.inf)
    unit = (claims.down + claims.up) / 2 if claims.whole else _half(claims)
    total = np.zeros(len(claims))
    for level, (low, high) in made.intervals(claims).items():
        total += (1 - level) / 2 * interval_score(claims.truth, low, high, level)
    return total / len(made.levels) / unit


def _half(claims: Claims) -> ndarray:
    low, high = claims.interval(next(reversed(claims.pairs)))
    return (high - low) / 2


def _pick(losses: Losses, code: ndarray, kinds: tuple[MendKind, ...]) -> MendKind:
    best: MendKind = "identity"
    dense: list[MendKind] = [kind for kind in kinds if losses[kind][0] is not None]
    for kind in dense[1:]:
        own, begin, now = losses[kind][0], losses["identity"][0], losses[best][0]
        if own is None or begin is None or now is None:
            continue
        gain, error = gain_of(begin - own, code)
        more, unsure = gain_of(now - own, code)
        # Kinds come from the simplest to the freest.
        if gain > 2 * error and more > (2 if best == "identity" else 1) * unsure:
            best = kind
    if "conformal" in kinds:
        gain, error = gain_of(losses[best][1] - losses["conformal"][1], code)
        if gain > 2 * error:
            best = "conformal"
    return best


def gain_of(gain: ndarray, code: ndarray) -> tuple[float, float]:
    """A mean gain and its standard error, groups taken whole."""
    mean = float(gain.mean())
    if not np.isfinite(mean):
        return -np.inf, np.inf
    sums = np.bincount(code, weights=gain - mean)
    return mean, float(np.sqrt(sums @ sums * len(sums) / max(len(sums) - 1, 1)) / len(gain))


def _candidates(
    losses: Losses,
    code: ndarray,
    kinds: tuple[MendKind, ...],
    best: MendKind,
    chosen: list[MendKind],
) -> pl.DataFrame:
    rows: list[dict[str, object]] = []
    for kind in kinds:
        dense, inner = losses[kind]
        gain, error = gain_of(losses["identity"][1] - inner, code)
        known = bool(np.isfinite(inner.mean()))
        rows.append({
            "recalibration": kind,
            "log_score": None if dense is None else float(dense.mean()),
            "interval_score": float(inner.mean()) if known else None,
            "gain": gain if known else None,
            "gain_error": error if known else None,
            "chosen": kind == best,
            "chosen_in_folds": chosen.count(kind),
        })  # fmt: skip
    return pl.DataFrame(rows)


def before_after(
    claims: Claims,
    code: ndarray,
    nested: list[tuple[ndarray, IntervalRecalibration]],
    levels: tuple[float, ...],
) -> pl.DataFrame:
    """Coverage, widths and scores on held-out rows, as claimed and as recalibrated."""
    parts: list[dict[str, ndarray]] = []
    for held, made in nested:
        test = claims.select(held)
        nothing = IntervalRecalibration("identity", claims.form, levels)
        columns: dict[str, ndarray] = {"code": code[held]}
        for name, one in (("before", nothing), ("after", made)):
            for level, (low, high) in one.intervals(test).items():
                inside = (test.truth >= low) & (test.truth <= high)
                columns[f"coverage_{percent(level)} {name}"] = inside.astype(np.float64)
                columns[f"width_{percent(level)} {name}"] = high - low
            columns[f"interval_score {name}"] = _interval_loss(test, one)
            if claims.whole and one.kind != "conformal":
                columns[f"nll {name}"] = log_score(one.claims(test))
                columns[f"z2 {name}"] = normal_scores(one.claims(test)) ** 2
        parts.append(columns)
    shared = [name for name in parts[0] if all(name in part for part in parts)]
    whole = {name: np.concatenate([part[name] for part in parts]) for name in shared}
    groups = whole.pop("code").astype(np.int64)
    expected = {f"coverage_{percent(level)}": level for level in levels} | {"z2": 1.0}
    rows: list[dict[str, object]] = []
    for name in dict.fromkeys(key.split(" ")[0] for key in whole):
        if f"{name} before" not in whole or f"{name} after" not in whole:
            continue
        before, after = whole[f"{name} before"], whole[f"{name} after"]
        change, error = gain_of(after - before, groups)
        rows.append({
            "quantity": name, "before": float(before.mean()), "after": float(after.mean()),
            "change": change, "change_error": error, "expected": expected.get(name),
        })  # fmt: skip
    return pl.DataFrame(rows)
