"""What is true behind a synthetic catalogue."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import polars as pl

from errorbar.core.errors import SettingsError, TableError
from errorbar.survey.synth.noise import Noise
from errorbar.survey.synth.population import STAR_TREND

__all__ = ["Recipe", "Stars", "Truth", "read_truth", "write_truth"]

FORMAT = 1
TRUTH_JSON, TRUTH_ROWS = "hermes_synthetic_truth.json", "hermes_synthetic_truth.csv"
# Scatter about the trend in the reference's catalogue, which has no measurement noise, and the
# abundance error that stands beside each value.
REFERENCE_SCATTER, REFERENCE_BAR = 0.5278, 0.2

Stars = Literal["drawn", "listed"]


@dataclass(frozen=True, slots=True)
class Recipe:
    r"""How a synthetic catalogue comes about.

    At log mass $x$ a planet and its star have true values
    $N_2\big((\alpha + \beta x,\; \alpha_s + \beta_s x),\; \Sigma\big)$ with the scatters
    `epsilon`, `sigma_s` and correlation `rho`; intercepts are at one Jupiter mass. By default the
    scatter and an abundance error of 0.2 dex together are as wide as the reference's 0.5278 dex,
    and the star's numbers are those of the Ariel list.

    Abundance bars have the median `bar`, a lognormal spread `bar_spread` and
    $\ln(\mathrm{up}/\mathrm{down}) \sim N(0, \mathtt{bar\_asymmetry})$. `noise` says how what is
    measured departs from the truth (`synth.noise.measure`). With `mass_errors` the masses are
    measured too. A share `outlier_share` of the abundances is displaced by a normal of standard
    deviation `outlier_size`; a measured abundance below `threshold` becomes an upper limit there.
    """

    alpha: float = -0.95
    beta: float = -1.09
    epsilon: float = round(float(np.sqrt(REFERENCE_SCATTER**2 - REFERENCE_BAR**2)), 4)
    alpha_s: float = STAR_TREND[0]
    beta_s: float = STAR_TREND[1]
    sigma_s: float = STAR_TREND[2]
    rho: float = 0.3
    noise: Noise = "split-normal"
    bar: float = REFERENCE_BAR
    bar_spread: float = 0.4
    bar_asymmetry: float = 0.15
    mass_errors: bool = False
    outlier_share: float = 0.0
    outlier_size: float = 2.0
    threshold: float | None = None
    stars: Stars = "drawn"

    def __post_init__(self) -> None:
        numbers = {k: v for k, v in asdict(self).items() if isinstance(v, float | int)}
        for name, value in numbers.items():
            if not np.isfinite(value):
                raise SettingsError(f"{name}={value} must be a finite number.")
        for name in ("epsilon", "sigma_s", "bar_spread", "bar_asymmetry", "outlier_size"):
            if getattr(self, name) < 0:
                raise SettingsError(f"{name}={getattr(self, name):g} is a width: 0 or more.")
        if not self.bar > 0:
            raise SettingsError(f"bar={self.bar:g} is an error bar: it must be positive.")
        if not -1 <= self.rho <= 1:
            raise SettingsError(f"rho={self.rho:g} is a correlation: between -1 and 1.")
        if not 0 <= self.outlier_share <= 1:
            raise SettingsError(f"outlier_share={self.outlier_share:g} lies between 0 and 1.")
        for name, choices in (("noise", Noise), ("stars", Stars)):
            if getattr(self, name) not in get_args(choices):
                raise SettingsError(
                    f"{name}={getattr(self, name)!r} is unknown; choose one of "
                    f"{', '.join(get_args(choices))}."
                )

    @classmethod
    def reference(cls) -> "Recipe":
        """The reference's catalogue: constant bars of 0.2 dex beside values without an error."""
        return cls(epsilon=REFERENCE_SCATTER, noise="reference", bar_spread=0.0, bar_asymmetry=0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """The recipe of a catalogue and the true values behind its rows.

    `rows` holds for each planet `name`, `log_mass`, `log_abundance` and `star_feh` (true values,
    with their scatter; null where nobody knows), `log_abundance_measured` (before a limit replaced
    it), `outlier` and `limit`. `masses` says where the masses came from.
    """

    recipe: Recipe
    seed: int
    masses: str
    rows: pl.DataFrame

    @property
    def parameters(self) -> dict[str, float | None]:
        """What a regression on the whole catalogue is after; intercepts at one Jupiter mass.

        Stars that were listed and not drawn have no known trend.
        """
        recipe = self.recipe
        drawn = recipe.stars == "drawn"
        return {
            "alpha": recipe.alpha,
            "beta": recipe.beta,
            "epsilon": recipe.epsilon,
            "alpha_s": recipe.alpha_s if drawn else None,
            "beta_s": recipe.beta_s if drawn else None,
            "sigma_s": recipe.sigma_s if drawn else None,
            "rho": recipe.rho if drawn else None,
        }

    def alpha_at(self, log_mass: float) -> float:
        """The planets' true intercept at another pivot, as a survey's mean log mass."""
        return self.recipe.alpha + self.recipe.beta * log_mass

    def alpha_s_at(self, log_mass: float) -> float:
        """The stars' true intercept at another pivot."""
        if self.recipe.stars == "listed":
            raise SettingsError("the stars were listed, not drawn: their true trend is not known.")
        return self.recipe.alpha_s + self.recipe.beta_s * log_mass


def write_truth(truth: Truth, folder: Path, catalogue: str) -> tuple[Path, Path]:
    """The truth as JSON with its rows as CSV beside it."""
    head = {
        "format": FORMAT,
        "catalogue": catalogue,
        "rows": TRUTH_ROWS,
        "planets": truth.rows.height,
        "seed": truth.seed,
        "masses": truth.masses,
        "recipe": asdict(truth.recipe),
        "parameters": truth.parameters,
    }
    paths = folder / TRUTH_JSON, folder / TRUTH_ROWS
    text = json.dumps(head, indent=2, sort_keys=True, allow_nan=False) + "\n"
    paths[0].write_text(text, encoding="utf-8")
    truth.rows.write_csv(paths[1])
    return paths


def read_truth(folder: str | Path) -> Truth:
    """The truth that was written beside a synthetic catalogue."""
    folder = Path(folder)
    path = folder / TRUTH_JSON
    if not path.is_file():
        raise TableError(f"there is no file {path}: `SyntheticCatalogue.write` writes it.")
    try:
        head: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise TableError(f"{path} is not JSON: {error}. Write the catalogue again.") from error
    if head.get("format") != FORMAT:
        raise TableError(
            f"{path} has format {head.get('format')!r}; this version reads format {FORMAT}."
        )
    if not (folder / TRUTH_ROWS).is_file():
        raise TableError(f"{path} stands alone: {TRUTH_ROWS} is missing beside it.")
    text = pl.Schema({"name": pl.String, "outlier": pl.Boolean, "limit": pl.Boolean})
    rows = pl.read_csv(folder / TRUTH_ROWS, schema_overrides=text)
    numeric = [name for name in rows.columns if name not in text]
    rows = rows.with_columns(pl.col(numeric).cast(pl.Float64))
    try:
        return Truth(Recipe(**head["recipe"]), head["seed"], head["masses"], rows)
    except (KeyError, TypeError) as error:
        raise TableError(f"{path} is no truth of this format: {error}. Write it again.") from error
