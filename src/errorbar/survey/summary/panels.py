"""Panels: a number of each survey against leverage or size, with the trends through it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from numpy.typing import NDArray

from errorbar.core.errors import SettingsError, TableError
from errorbar.core.maths.linear import LineBand, StraightLine, fit_line, line_band
from errorbar.survey.summary.curves import (
    ExpectedCurve,
    PowerLaw,
    expected_sd,
    fit_power_law,
    power_law_band,
)
from errorbar.survey.summary.quantity import (
    LEVERAGE,
    Quantity,
    parameter_quantity,
    posterior_sd,
)
from errorbar.survey.summary.results import FitTable

__all__ = [
    "ClosedFormCheck",
    "Cloud",
    "FixedSize",
    "SlopePlane",
    "TrendPanel",
    "closed_form_check",
    "error_panel",
    "fixed_size_errors",
    "fixed_size_means",
    "mean_panel",
    "slope_plane",
]

SIZE = Quantity("planets", "N", "N", "")
# Which closed form an error follows, and the table's columns of its total and intrinsic scatter.
EXPECTED: Mapping[tuple[str, str], tuple[str, str, str]] = {
    ("single", "alpha"): ("intercept", "total", "sigma"),
    ("single", "beta"): ("slope", "total", "sigma"),
    ("single", "sigma"): ("scatter", "total", "sigma"),
    ("joint", "alpha_p"): ("intercept", "total", "sigma_p"),
    ("joint", "beta_p"): ("slope", "total", "sigma_p"),
    ("joint", "sigma_p"): ("scatter", "total", "sigma_p"),
    ("joint", "alpha_s"): ("intercept", "total_star", "sigma_s"),
    ("joint", "beta_s"): ("slope", "total_star", "sigma_s"),
    ("joint", "sigma_s"): ("scatter", "total_star", "sigma_s"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Cloud:
    """The points of one class; `low` and `high` are the ends of their bars, where they have any."""

    label: str
    x: Float[ndarray, " rows"]
    y: Float[ndarray, " rows"]
    planets: Int[ndarray, " rows"]
    low: Float[ndarray, " rows"] | None = None
    high: Float[ndarray, " rows"] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TrendPanel:
    """Points by class, and the trends through all of them.

    A trend is missing where the points do not define it: fewer than two different abscissae.
    `expected` is the closed form, where the table knows each survey's total scatter.
    """

    across: Quantity
    up: Quantity
    clouds: tuple[Cloud, ...]
    classes: tuple[str, ...]
    power: PowerLaw | None = None
    power_band: LineBand | None = None
    linear: StraightLine | None = None
    linear_band: LineBand | None = None
    expected: ExpectedCurve | None = None

    @property
    def count(self) -> int:
        """How many surveys the panel holds."""
        return sum(len(cloud.x) for cloud in self.clouds)


@dataclass(frozen=True, slots=True, eq=False)
class FixedSize:
    """The panels of all surveys of one size."""

    planets: int
    panels: tuple[TrendPanel, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SlopePlane:
    """Both slopes of each survey against its leverage (dex), with its size."""

    leverage: Float[ndarray, " rows"]
    first: Float[ndarray, " rows"]
    second: Float[ndarray, " rows"]
    first_sd: Float[ndarray, " rows"]
    second_sd: Float[ndarray, " rows"]
    planets: Int[ndarray, " rows"]
    label: tuple[str, ...]
    survey_id: tuple[int, ...]
    first_quantity: Quantity
    second_quantity: Quantity


@dataclass(frozen=True, slots=True, eq=False)
class ClosedFormCheck:
    r"""Fitted errors of a slope beside $\sigma_\mathrm{tot}/L$, which has no free number."""

    clouds: tuple[Cloud, ...]
    classes: tuple[str, ...]
    quantity: Quantity
    ratio: Float[ndarray, " rows"]

    @property
    def median(self) -> float:
        """Median of fitted over expected error."""
        return float(np.median(self.ratio))

    @property
    def middle(self) -> tuple[float, float]:
        """The ratios between which 68 % of the surveys lie."""
        low, high = np.quantile(self.ratio, [0.16, 0.84])
        return float(low), float(high)


def fixed_size_errors(table: FitTable, planets: int, *, column: str = "L_logM") -> FixedSize:
    """Posterior sd of every parameter but a correlation against leverage, at one survey size."""
    part = _need_size(table, planets)
    names = [name for name in table.parameters if name != "rho"]
    return FixedSize(planets, tuple(error_panel(part, name, column=column) for name in names))


def fixed_size_means(
    table: FitTable, planets: int, parameters: tuple[str, ...], *, column: str = "L_logM"
) -> FixedSize:
    """Posterior means with 68 % bars against leverage, at one survey size."""
    part = _need_size(table, planets)
    return FixedSize(planets, tuple(mean_panel(part, name, column=column) for name in parameters))


def error_panel(table: FitTable, parameter: str, *, column: str = "L_logM") -> TrendPanel:
    """Posterior sd of a parameter against leverage, or against `column="N"`.

    The closed forms of intercept and scatter need one size: with several they are left out.
    """
    quantity = posterior_sd(parameter_quantity(table.model, parameter))
    x, y = table.values(column), table.values(f"{parameter}_sd")
    usable = (x > 0) & (y > 0)
    places = _places(x[usable], geometric=True)
    power = _power(x[usable], y[usable])
    linear = _linear(x, y)
    return TrendPanel(
        across=_across(column),
        up=quantity,
        clouds=_clouds(table, x, y),
        classes=table.classes,
        power=power,
        power_band=None if power is None else power_law_band(power, places),
        linear=linear,
        linear_band=None if linear is None else line_band(linear, _places(x)),
        expected=_expected(table, parameter, column, places),
    )


def mean_panel(table: FitTable, parameter: str, *, column: str = "L_logM") -> TrendPanel:
    """Posterior mean and 68 % interval of a parameter against leverage or size, with its line."""
    x, y = table.values(column), table.values(f"{parameter}_mean")
    low, high = table.values(f"{parameter}_hdi16"), table.values(f"{parameter}_hdi84")
    linear = _linear(x, y)
    return TrendPanel(
        across=_across(column),
        up=parameter_quantity(table.model, parameter),
        clouds=_clouds(table, x, y, low, high),
        classes=table.classes,
        linear=linear,
        linear_band=None if linear is None else line_band(linear, _places(x)),
    )


def slope_plane(table: FitTable, *, column: str = "L_logM") -> SlopePlane:
    """Both slopes of each survey; the single model has one only and is refused."""
    if table.model == "single":
        raise TableError(
            "the slope plane needs two slopes, and fits of the model single have one: "
            "pass fits of the joint or mass-star model."
        )
    return SlopePlane(
        leverage=table.values(column),
        first=table.values("beta_p_mean"),
        second=table.values("beta_s_mean"),
        first_sd=table.values("beta_p_sd"),
        second_sd=table.values("beta_s_sd"),
        planets=table.frame["N"].to_numpy(),
        label=tuple(table.frame["class_label"].to_list()),
        survey_id=tuple(int(i) for i in table.frame["survey_id"].to_list()),
        first_quantity=parameter_quantity(table.model, "beta_p"),
        second_quantity=parameter_quantity(table.model, "beta_s"),
    )


def closed_form_check(table: FitTable, parameter: str) -> ClosedFormCheck:
    """Each survey's fitted slope error beside its closed form; needs `add_total_scatter` before."""
    kind, total, _ = EXPECTED.get((table.model, parameter), ("", "", ""))
    if kind != "slope":
        slopes = [name for model, name in EXPECTED if model == table.model and "beta" in name]
        raise SettingsError(
            f"{parameter!r} of the model {table.model} has no closed form in leverage; "
            f"those with one: {', '.join(slopes) or 'none'}."
        )
    leverage = table.values("L_logM")
    rows = leverage > 0
    kept = FitTable(table.model, table.frame.filter(rows), table.left_out, table.classes)
    expected = kept.values(total) / kept.values("L_logM")
    found = kept.values(f"{parameter}_sd")
    return ClosedFormCheck(
        clouds=_clouds(kept, expected, found),
        classes=table.classes,
        quantity=posterior_sd(parameter_quantity(table.model, parameter)),
        ratio=found / expected,
    )


def _need_size(table: FitTable, planets: int) -> FitTable:
    part = table.at_size(planets)
    if part.frame.is_empty():
        raise TableError(
            f"no survey has N={planets}; the table has N="
            f"{', '.join(map(str, table.sizes)) or 'none'}."
        )
    return part


def _across(column: str) -> Quantity:
    if column == "N":
        return SIZE
    if column == "L_met":
        return Quantity("leverage in abundance", "L", "L", "dex")
    return LEVERAGE


def _clouds(
    table: FitTable,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    low: NDArray[np.float64] | None = None,
    high: NDArray[np.float64] | None = None,
) -> tuple[Cloud, ...]:
    label = table.frame["class_label"].to_numpy()
    planets = table.frame["N"].to_numpy()
    return tuple(
        Cloud(
            label=name,
            x=x[rows],
            y=y[rows],
            planets=planets[rows],
            low=None if low is None else low[rows],
            high=None if high is None else high[rows],
        )
        for name in table.classes
        if (rows := np.flatnonzero(label == name)).size
    )


def _places(x: NDArray[np.float64], *, geometric: bool = False) -> NDArray[np.float64]:
    """Where curves are drawn: over the points' own range."""
    if not x.size:
        return x
    low, high = float(x.min()), float(x.max())
    return np.geomspace(low, high, 120) if geometric else np.linspace(low, high, 120)


def _power(x: NDArray[np.float64], y: NDArray[np.float64]) -> PowerLaw | None:
    return fit_power_law(x, y) if _defines_a_trend(x) else None


def _linear(x: NDArray[np.float64], y: NDArray[np.float64]) -> StraightLine | None:
    return fit_line(x, y) if _defines_a_trend(x) else None


def _defines_a_trend(x: NDArray[np.float64]) -> bool:
    return len(x) > 1 and float(np.ptp(x)) > 0


def _expected(
    table: FitTable, parameter: str, column: str, places: NDArray[np.float64]
) -> ExpectedCurve | None:
    kind, total, scatter = EXPECTED.get((table.model, parameter), ("", "", ""))
    if total not in table.frame.columns or column != "L_logM" or not places.size:
        return None
    if kind != "slope" and len(table.sizes) != 1:
        return None
    return expected_sd(
        kind,
        places,
        table.sizes[0],
        float(np.median(table.values(total))),
        float(np.median(table.values(f"{scatter}_mean"))),
    )
