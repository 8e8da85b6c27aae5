r"""Recalibration of numbers: fitted, applied, kept as JSON.

With $r = y - m$ and the claimed $s$ of its side, `"scale"` takes $s' = a s$ with
$a^2 = \overline{(r/s)^2}$; `"shift"` moves $m$ too, by the mean of $r$ weighted by $s^{-2}$;
`"floor"` takes $s'^2 = a^2 s^2 + b^2$, by likelihood; `"conformal"` multiplies each interval by the
factor that rows like these need, and claims no density.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast, get_args

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.core.audit.claims import Claims, Form
from errorbar.core.audit.tables import percent
from errorbar.core.audit.units import Units
from errorbar.core.calibrate import IntervalConformal, fit_interval_conformal, least_alpha
from errorbar.core.calibrate.strata import read_payload
from errorbar.core.errors import ArtifactError, InputError

__all__ = ["IntervalRecalibration", "MendKind", "fit_mend"]

MendKind = Literal["identity", "scale", "shift", "floor", "conformal"]

MOST_ROWS = 50_000


@dataclass(frozen=True, slots=True, eq=False)
class IntervalRecalibration:
    """What is done to predictions of one form; `apply` does it, `to_dict` keeps it.

    `conformal` holds the factor of each level, of claimed half widths.
    """

    kind: MendKind
    form: Form
    levels: tuple[float, ...]
    shift: float = 0.0
    scale: float = 1.0
    floor: float = 0.0
    conformal: IntervalConformal | None = None

    def claims(self, claims: Claims) -> Claims:
        """Predictions with their new error bars, where these are a distribution."""
        if self.kind == "conformal":
            raise InputError("conformal intervals claim no distribution: ask for `intervals`.")
        if self.kind == "identity" or not claims.whole:
            return claims
        down, up = (np.hypot(self.scale * part, self.floor) for part in (claims.down, claims.up))
        return replace(claims, centre=claims.centre + self.shift, down=down, up=up)

    def intervals(self, claims: Claims) -> dict[float, tuple[ndarray, ndarray]]:
        """The new intervals, by their level."""
        if claims.form != self.form:
            raise InputError(
                f"this recalibration was fitted to the form {self.form!r}, and predictions of the "
                f"form {claims.form!r} came: pass the columns that it was fitted to."
            )
        if self.kind != "conformal" or self.conformal is None:
            made = self.claims(claims)
            return {level: made.interval(level) for level in self.levels}
        found: dict[float, tuple[ndarray, ndarray]] = {}
        for level in self.levels:
            factor = _factor(self.conformal, level)
            low, high = claims.interval(level)
            middle = claims.centre if claims.form == "bars" else (low + high) / 2
            found[level] = (middle - factor * (middle - low), middle + factor * (high - middle))
        return found

    def apply(self, claims: Claims) -> pl.DataFrame:
        """New columns: mean and sd where there are any, and the ends of every interval."""
        columns: dict[str, ndarray] = {}
        if claims.whole and self.kind == "conformal" and self.conformal is not None:
            level = min(self.levels, key=lambda known: abs(known - 0.6827))
            factor = _factor(self.conformal, level)
            columns = _bars(replace(claims, down=factor * claims.down, up=factor * claims.up))
        elif claims.whole:
            columns = _bars(self.claims(claims))
        for level, (low, high) in self.intervals(claims).items():
            columns |= {f"lower_{percent(level)}": low, f"upper_{percent(level)}": high}
        if claims.form == "quantiles" and 0.5 in claims.levels:
            columns["median"] = claims.ends[:, claims.levels.tolist().index(0.5)]
        return pl.DataFrame(columns)

    def words(self) -> str:
        """What it does, in one sentence."""
        if self.kind == "identity":
            return "Nothing: no recalibration helps by more than its own error."
        if self.kind == "scale":
            return f"Multiply every error bar by {self.scale:.3g}."
        if self.kind == "shift":
            sign = "Add" if self.shift >= 0 else "Subtract"
            return (
                f"{sign} {abs(self.shift):.3g} {'to' if self.shift >= 0 else 'from'} every "
                f"prediction, and multiply error bars by {self.scale:.3g}."
            )
        if self.kind == "floor":
            return (
                f"Multiply every error bar by {self.scale:.3g} and add {self.floor:.3g} in "
                "quadrature."
            )
        factors = ", ".join(
            f"{_factor(cast(IntervalConformal, self.conformal), level):.3g} at {100 * level:g} %"
            for level in self.levels
        )
        return f"Stretch intervals by the factor of their level: {factors}."

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain JSON; `from_dict` gives the same bits back."""
        return {
            "type": "IntervalRecalibration",
            "format": 1,
            "kind": self.kind,
            "form": self.form,
            "levels": list(self.levels),
            "shift": self.shift,
            "scale": self.scale,
            "floor": self.floor,
            "conformal": None if self.conformal is None else self.conformal.to_dict(),
        }

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> "IntervalRecalibration":
        """The value that wrote the payload."""
        with read_payload(payload, "IntervalRecalibration"):
            held = payload["conformal"]
            conformal = None if held is None else IntervalConformal.from_dict(held)
            found = cls(
                payload["kind"], payload["form"], tuple(map(float, payload["levels"])),
                float(payload["shift"]), float(payload["scale"]), float(payload["floor"]),
                conformal,
            )  # fmt: skip
        known = found.kind in get_args(MendKind) and found.form in get_args(Form)
        whole = np.isfinite([found.shift, found.scale, found.floor]).all() and found.scale > 0
        if not (known and whole) or (found.kind == "conformal") is (conformal is None):
            raise ArtifactError(
                f"the payload is no recalibration: kind {found.kind!r}, form {found.form!r}, scale "
                f"{found.scale:g}. Fit it again."
            )
        return found


def fit_mend(
    claims: Claims, units: Units, kind: MendKind, levels: tuple[float, ...]
) -> IntervalRecalibration:
    """One kind of recalibration, fitted to rows whose truth is known."""
    made = IntervalRecalibration(kind, claims.form, levels)
    if kind == "identity":
        return made
    if kind == "conformal":
        return _conformal(claims, units, made)
    step = claims.truth - claims.centre
    shift = 0.0
    if kind == "shift":
        weight = np.where(step <= 0, claims.down, claims.up) ** -2
        shift = float(step @ weight / weight.sum())
        if claims.form == "bars":
            # Which bar a row counts depends on the shift: a few rounds settle it.
            for _ in range(20):
                weight = np.where(step <= shift, claims.down, claims.up) ** -2
                shift = float(step @ weight / weight.sum())
    away = step - shift
    square = np.square(away / np.where(away <= 0, claims.down, claims.up))
    scale = float(np.sqrt(square.mean()))
    if not scale > 0:
        raise InputError(
            "every truth equals its prediction, so no error bar fits: is the truth's column the "
            "prediction itself?"
        )
    made = replace(made, shift=shift, scale=scale)
    return _floor(claims, made) if kind == "floor" else made


def _floor(claims: Claims, begin: IntervalRecalibration) -> IntervalRecalibration:
    """Scale and floor by Fisher's scoring, kept from going below zero.

    Given the side of the mode that a truth fell on, its distance is half-normal of that side's
    scale, so both forms have the likelihood of one.
    """
    some = claims.select(np.arange(0, len(claims), max(1, len(claims) // MOST_ROWS)))
    step = some.truth - some.centre
    claimed = np.where(step <= 0, some.down, some.up)
    # In units of a typical error bar, so that both parameters are of one size.
    unit = float(np.median(claimed))
    found, square = (claimed / unit) ** 2, (step / unit) ** 2

    def loss(free: ndarray) -> float:
        variance = free[0] * found + free[1]
        return float((np.log(variance) + square / variance).mean())

    free = np.array([begin.scale**2, 0.1 * begin.scale**2])
    value = loss(free)
    for _ in range(50):
        weight = 1 / (free[0] * found + free[1])
        rest = (square - 1 / weight) * weight**2
        slope = np.array([rest @ found, rest.sum()])
        cross = float(weight**2 @ found)
        curve = np.array([[(weight * found) @ (weight * found), cross], [cross, weight @ weight]])
        move = np.linalg.lstsq(curve, slope, rcond=None)[0]
        size = 1.0
        while size > 1e-6:
            tried = np.maximum(free + size * move, [1e-6 * free[0], 0.0])
            if (after := loss(tried)) <= value:
                break
            size /= 2
        else:
            break
        done = value - after < 1e-10
        free, value = tried, after
        if done:
            break
    return replace(begin, scale=float(np.sqrt(free[0])), floor=unit * float(np.sqrt(free[1])))


def _conformal(claims: Claims, units: Units, made: IntervalRecalibration) -> IntervalRecalibration:
    kept = tuple(level for level in made.levels if 1 - level >= least_alpha(units.count) + 1e-9)
    if not kept:
        raise InputError(
            f"{units.count} groups vouch for none of the levels {made.levels}: more are needed."
        )
    margins: dict[float, Any] = {}
    for level in kept:
        low, high = claims.interval(level)
        middle = claims.centre if claims.form == "bars" else (low + high) / 2
        side = np.where(claims.truth <= middle, middle - low, high - middle)
        alpha = round(1 - level, 9)
        fitted = fit_interval_conformal(
            middle, claims.truth, units.code, spread=side, alphas=[alpha]
        )
        margins.update(fitted.margins)
    return replace(made, levels=kept, conformal=IntervalConformal("normalised", margins))


def _factor(conformal: IntervalConformal, level: float) -> float:
    return float(conformal.margins[round(1 - level, 9)].lower[0])


def _bars(claims: Claims) -> dict[str, ndarray]:
    if claims.form == "sd":
        return {"mean": claims.centre, "sd": claims.down}
    return {"mean": claims.centre, "sd_minus": claims.down, "sd_plus": claims.up}
