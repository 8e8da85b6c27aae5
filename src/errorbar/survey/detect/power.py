"""How strong a link a survey of some size can detect, and how often."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from errorbar.core.engine import run_pieces
from errorbar.core.errors import InputError, SettingsError
from errorbar.survey.detect.evidence import LINKS, check_link
from errorbar.survey.detect.threshold import allowed_alarms, threshold
from errorbar.survey.detect.work import CHUNK, mock_piece
from errorbar.survey.synth import MockDesign, Recipe
from errorbar.survey.synth.parameters import PARAMETERS, prior_label, prior_numbers

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["DetectionPower", "PowerCurve", "detection_power"]

FEWEST_PLANETS = 3


@dataclass(frozen=True, slots=True, eq=False)
class PowerCurve:
    """Share of surveys that detect a link of each size, with its binomial error."""

    n: int
    scatter: float
    link: NDArray[np.float64]
    power: NDArray[np.float64]
    error: NDArray[np.float64]

    def reaches(self, power: float) -> float:
        """The least link detected with this power, by straight lines; NaN where none is."""
        if not 0 < power < 1:
            raise SettingsError(f"power={power!r} is a probability: 80 % is written 0.8.")
        # Monte Carlo noise must not make a stronger link look harder to detect.
        rising = np.maximum.accumulate(self.power)
        place = int(np.searchsorted(rising, power))
        if place == len(rising):
            return float("nan")
        if place == 0:
            return float(self.link[0])
        low, high = rising[place - 1], rising[place]
        share = (power - low) / (high - low)
        return float(self.link[place - 1] + share * (self.link[place] - self.link[place - 1]))


@dataclass(frozen=True, slots=True, eq=False)
class DetectionPower:
    """Detection power by size, scatter and link.

    `frame` has one row for each: threshold, surveys simulated, share that detects (`power`) and its
    binomial error. Thresholds come from `mocks` null mocks for each size and scatter, none of which
    is among the surveys.
    """

    model: str
    parameter: str
    prior: str
    false_alarm: float
    mocks: int
    frame: pl.DataFrame

    def curve(self, n: int, scatter: float) -> PowerCurve:
        """Power against the size of the link at one survey size and scatter."""
        rows = self.frame.filter((pl.col("N") == n) & (pl.col("scatter") == scatter)).sort(
            self.parameter
        )
        if rows.is_empty():
            sizes, scatters = (sorted(set(self.frame[name])) for name in ("N", "scatter"))
            raise InputError(
                f"there are no surveys of {n} planets with a scatter of {scatter:g} here; sizes "
                f"are {sizes}, scatters {scatters}."
            )
        columns = (rows[name].to_numpy() for name in (self.parameter, "power", "power_error"))
        return PowerCurve(n, scatter, *columns)

    def curves(self) -> list[PowerCurve]:
        """Every curve, by size and scatter."""
        cells = self.frame.select("N", "scatter").unique(maintain_order=True).rows()
        return [self.curve(n, scatter) for n, scatter in cells]

    def least_link(self, power: float = 0.8) -> pl.DataFrame:
        """The least link that is detected with this power, for every size and scatter."""
        rows = [
            {"N": curve.n, "scatter": curve.scatter, "power": power, "least": curve.reaches(power)}
            for curve in self.curves()
        ]
        return pl.DataFrame(rows).rename({"least": f"least_{self.parameter}"})

    def write_tables(self, folder: str | Path) -> tuple[Path, ...]:
        """`detection_power.csv` and `detection_least_link.csv`."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        power, least = folder / "detection_power.csv", folder / "detection_least_link.csv"
        stated = {"false_alarm": self.false_alarm, "mocks": self.mocks, "prior": self.prior}
        columns = [pl.lit(value).alias(name) for name, value in stated.items()]
        self.frame.with_columns(model=pl.lit(self.model)).with_columns(columns).write_csv(power)
        self.least_link().write_csv(least)
        return power, least


def detection_power(
    *,
    model: str = "mass-star",
    links: Sequence[float] = (0.0, 0.25, 0.5, 0.75, 1.0),
    scatters: Sequence[float] = (0.2, 0.5),
    n_planets: Sequence[int] = (30, 80, 250),
    false_alarm: float = 0.05,
    mocks: int = 1000,
    trials: int = 400,
    design: MockDesign | None = None,
    prior: Any = None,
    seed: int = 0,
    journal: Path | str | None = None,
    workers: "str | Client" = "threads",
    n_workers: int | None = None,
    progress: bool | None = None,
) -> DetectionPower:
    """Simulate `trials` surveys of each size, planet scatter and link, and count detections.

    `links` are slopes `beta_s` for the model `mass-star`, correlations `rho` for `joint`. Every
    survey draws its own planets from `design`. At the link 0 the power is the false-alarm rate. The
    rest is as in `core.engine.run_pieces`.
    """
    chosen = check_link(model, prior)
    allowed_alarms(mocks, false_alarm)
    _check_grid(links, scatters, n_planets, trials, model)
    cells = [(int(n), float(scatter)) for n in n_planets for scatter in scatters]
    shared = {"model": model, "prior": prior_numbers(chosen)}
    shared |= (design or MockDesign()).to_values()
    jobs = [
        (n, scatter, link, count)
        for n, scatter in cells
        for link, count in ((0.0, mocks), *((float(link), trials) for link in links))
    ]
    pieces = [
        {**shared, "n": n, "parameters": np.tile(_parameters(model, scatter, link), (size, 1))}
        for n, scatter, link, count in jobs
        for size in _chunks(count)
    ]
    results: list[Any] = run_pieces(
        mock_piece,
        pieces,
        seed=seed,
        journal=journal,
        workers=workers,
        n_workers=n_workers,
        progress=progress,
        label="mock surveys",
    )
    counts = np.cumsum([count for *_, count in jobs])[:-1]
    factors = np.split(np.concatenate([result["log_bayes"] for result in results]), counts)
    frame = _frame(LINKS[model], jobs, factors, false_alarm)
    return DetectionPower(
        model, LINKS[model], prior_label(chosen), float(false_alarm), mocks, frame
    )


def _check_grid(
    links: Sequence[float],
    scatters: Sequence[float],
    n_planets: Sequence[int],
    trials: int,
    model: str,
) -> None:
    if not (len(links) and len(scatters) and len(n_planets)) or trials < 1:
        raise SettingsError(
            f"{len(links)} links, {len(scatters)} scatters, {len(n_planets)} sizes and {trials} "
            "trials: at least one of each is needed."
        )
    if min(n_planets) < FEWEST_PLANETS:
        raise SettingsError(
            f"n_planets={tuple(n_planets)}: a survey needs at least {FEWEST_PLANETS} planets."
        )
    if not all(np.isfinite(scatter) and scatter >= 0 for scatter in scatters):
        raise SettingsError(f"scatters={tuple(scatters)} dex must be finite and not negative.")
    if not all(np.isfinite(link) for link in links):
        raise SettingsError(f"links={tuple(links)} must be finite.")
    if model == "joint" and not all(-1 <= link <= 1 for link in links):
        raise SettingsError(f"links={tuple(links)} are correlations: between -1 and 1.")


def _chunks(count: int) -> Iterator[int]:
    for start in range(0, count, CHUNK):
        yield min(CHUNK, count - start)


def _parameters(model: str, scatter: float, link: float) -> NDArray[np.float64]:
    """One row of parameters: the synthetic catalogue's trends, this scatter, this link."""
    recipe = Recipe()
    values = {
        "alpha": recipe.alpha,
        "beta_p": recipe.beta,
        "epsilon": scatter,
        "alpha_p": recipe.alpha,
        "sigma_p": scatter,
        "alpha_s": recipe.alpha_s,
        "beta_s": recipe.beta_s,
        "sigma_s": recipe.sigma_s,
    }
    values[LINKS[model]] = link
    return np.array([values[name] for name in PARAMETERS[model]])


def _frame(
    parameter: str,
    jobs: Sequence[tuple[int, float, float, int]],
    factors: Sequence[NDArray[np.float64]],
    false_alarm: float,
) -> pl.DataFrame:
    """Jobs come in runs of one cell: its null mocks, then its surveys link by link."""
    rows: list[dict[str, Any]] = []
    limit, cell = np.nan, None
    for (n, scatter, link, count), found in zip(jobs, factors):
        if (n, scatter) != cell:
            cell, limit = (n, scatter), threshold(found, false_alarm)
            continue
        power = float(np.mean(found > limit))
        rows.append(
            {
                "N": n,
                "scatter": scatter,
                parameter: link,
                "threshold": limit,
                "trials": count,
                "power": power,
                "power_error": float(np.sqrt(power * (1 - power) / count)),
                "median_log_bayes_factor": float(np.nanmedian(found)),
                "failed": int(np.isnan(found).sum()),
            }
        )
    return pl.DataFrame(rows)
