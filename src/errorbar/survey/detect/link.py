"""Is there a link between planet and star in this survey?"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from errorbar.core.engine import run_pieces
from errorbar.core.errors import FitError, SettingsError
from errorbar.survey.data import SurveyData
from errorbar.survey.detect.evidence import (
    LINKS,
    check_link,
    log_bayes_factors,
    null_parameters,
)
from errorbar.survey.detect.threshold import allowed_alarms, p_value, threshold
from errorbar.survey.detect.work import CHUNK, mock_piece
from errorbar.survey.fit import SurveyFit, fit_one
from errorbar.survey.synth.parameters import prior_label, prior_numbers

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Detection", "detect_link"]


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """A survey's log Bayes factor beside what surveys without a link give.

    `parameter` is the link, `fit` the posterior of the model with it, `null` the log Bayes factors
    of the mocks without it. `p_value` counts the mocks that reach the survey; `p_error` is its
    binomial error. `null_scatter` says where the mocks' intrinsic scatter came from.
    """

    model: str
    parameter: str
    prior: str
    null_scatter: str
    false_alarm: float
    log_bayes: float
    threshold: float
    p_value: float
    p_error: float
    null: NDArray[np.float64]
    fit: SurveyFit

    @property
    def detected(self) -> bool:
        """Whether the survey passes the threshold that null mocks pass at the false-alarm rate."""
        return self.log_bayes > self.threshold

    @property
    def failed(self) -> int:
        """Null mocks whose fit failed; they count as passing, which makes detection harder."""
        return int(np.isnan(self.null).sum())

    def summary(self) -> dict[str, Any]:
        """The answer as plain values, for JSON and tables."""
        place = self.fit.posterior.place(self.parameter)
        low, high = (float(end) for end in self.fit.hdi()[place])
        return {
            "model": self.model,
            "N": self.fit.data.n,
            "parameter": self.parameter,
            "mean": float(self.fit.mean[place]),
            "sd": float(self.fit.sd[place]),
            "hdi16": low,
            "hdi84": high,
            "probability_positive": 1.0 - self.fit.cdf(self.parameter, 0.0),
            "log_bayes_factor": self.log_bayes,
            "threshold": self.threshold,
            "detected": self.detected,
            "false_alarm": self.false_alarm,
            "p_value": self.p_value,
            "p_error": self.p_error,
            "mocks": len(self.null),
            "mocks_failed": self.failed,
            "null_scatter": self.null_scatter,
            "prior": self.prior,
        }

    def write_tables(self, folder: str | Path) -> tuple[Path, ...]:
        """The answer as `detection.csv` and its null mocks as `detection_null.csv`."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        answer, mocks = folder / "detection.csv", folder / "detection_null.csv"
        pl.DataFrame([self.summary()]).write_csv(answer)
        pl.DataFrame({"mock": np.arange(len(self.null)), "log_bayes_factor": self.null}).write_csv(
            mocks
        )
        return answer, mocks


def detect_link(
    data: SurveyData,
    *,
    model: str = "mass-star",
    false_alarm: float = 0.05,
    mocks: int = 2000,
    prior: Any = None,
    scatter: float | None = None,
    seed: int = 0,
    journal: Path | str | None = None,
    workers: "str | Client" = "threads",
    n_workers: int | None = None,
    progress: bool | None = None,
) -> Detection:
    """Compare a survey's Bayes factor for a link with those of mocks that have none.

    The model `mass-star` asks for a slope on the star's metallicity, `joint` for a correlation of
    the intrinsic scatters. Mocks keep the survey's masses, stars and error bars; their line and
    scatter are drawn from the survey's posterior without a link, or have the `scatter` given. The
    rest is as in `core.engine.run_pieces`.
    """
    chosen = check_link(model, prior)
    allowed_alarms(mocks, false_alarm)
    if scatter is not None and not (np.isfinite(scatter) and scatter >= 0):
        raise SettingsError(f"scatter={scatter!r} dex must be finite and not negative.")
    star, star_sigma = data.need_star()
    fit = fit_one(data, model, chosen)
    found = float(log_bayes_factors([data], model, chosen)[0])
    if not np.isfinite(found):
        raise FitError(
            f"the evidence of this survey of {data.n} planets could not be summed: fit it with "
            "`fit_one` for the reason."
        )
    planets = np.stack([data.x, data.sigma, star, star_sigma])
    rows = null_parameters(data, model, chosen, mocks, scatter=scatter, seed=seed)
    shared = {"model": model, "prior": prior_numbers(chosen), "planets": planets}
    results: list[Any] = run_pieces(
        mock_piece,
        [{**shared, "parameters": rows[k : k + CHUNK]} for k in range(0, mocks, CHUNK)],
        seed=seed,
        journal=journal,
        workers=workers,
        n_workers=n_workers,
        progress=progress,
        label="null mocks",
    )
    null = np.concatenate([result["log_bayes"] for result in results])
    p, error = p_value(found, null)
    return Detection(
        model=model,
        parameter=LINKS[model],
        prior=prior_label(chosen),
        null_scatter="posterior" if scatter is None else f"{scatter:g} dex",
        false_alarm=float(false_alarm),
        log_bayes=found,
        threshold=threshold(null, false_alarm),
        p_value=p,
        p_error=error,
        null=null,
        fit=fit,
    )
