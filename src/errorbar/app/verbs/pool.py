"""Slopes of several classes of planets that learn from each other."""

from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from errorbar.app.verbs.report import check_figures_possible
from errorbar.core.errors import SettingsError, TableError
from errorbar.core.measure import BarRule
from errorbar.survey.data import HermesData, SurveyData
from errorbar.survey.data.columns import survey_arrays
from errorbar.survey.fit.pooled import fit_pooled, mass_bins
from errorbar.survey.fit.pooled.result import usual_prior
from errorbar.survey.model import PooledPrior

__all__ = ["PoolAnswer", "survey_pool"]

BINS = 4


@dataclass(frozen=True, slots=True, eq=False)
class PoolAnswer:
    """The slope of each class, pooled and alone; what classes share; the files.

    `shared` has the mean slope `mu` and the spread of slopes `tau`, `whole` the mean and sd of one
    slope for all; `dropped` says which planets were left out.
    """

    planets: int
    dropped: tuple[str, ...]
    level: float
    prior: PooledPrior
    classes: pl.DataFrame
    shared: dict[str, dict[str, float]]
    whole: dict[str, float]
    log_evidence: float
    table: Path
    figure: Path | None


def survey_pool(
    table: Path | str,
    *,
    bins: int | None = None,
    by: str | None = None,
    spread: float | None = None,
    level: float = 0.68,
    bars: BarRule = "mean",
    out: Path | str = "pooled",
    figures: bool = True,
) -> PoolAnswer:
    """Fit one slope per class of planets, each helped by the others as far as they agree.

    Classes are `bins` bins of mass with equally many planets (4), or the values of the column
    `by`. `spread` is the prior's scale of the true slopes' spread, dex per dex.
    """
    if not 0 < level < 1:
        raise SettingsError(f"level={level:g} must lie between 0 and 1: 68 % is written 0.68.")
    if bins is not None and by is not None:
        raise SettingsError(
            f"bins={bins} and by={by!r} are two ways to make classes: give one of them."
        )
    if figures:
        check_figures_possible()
    planets = HermesData(table, need_star=False, need_mass_errors=False)
    data = planets.data(bars=bars, star=False, mass_errors=False)
    if by is None:
        classes = mass_bins(data, BINS if bins is None else bins)
    else:
        classes = _labelled(planets, by, bars, str(table))
    prior = usual_prior(classes)
    if spread is not None:
        prior = replace(prior, tau_scale=spread)
    fit = fit_pooled(classes, prior)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    rows, path, png = fit.table(level), folder / "pooled_slopes.csv", None
    rows.write_csv(path)
    if figures:
        from errorbar.survey.plots.pooled import write_shrinkage

        _, png = write_shrinkage(fit, folder, level=level)
    summary = fit.summary(level)
    return PoolAnswer(
        planets=data.n,
        dropped=tuple(f"{group.count} {group.reason}" for group in planets.dropped.groups),
        level=level,
        prior=prior,
        classes=rows,
        shared={name: dict(summary[name]) for name in ("mu", "tau")},
        whole=dict(zip(("mean", "sd"), fit.whole)),
        log_evidence=fit.log_evidence,
        table=path,
        figure=png,
    )


def _labelled(planets: HermesData, by: str, bars: BarRule, where: str) -> dict[str, SurveyData]:
    """One survey for each value of a column."""
    if by not in planets.df.columns:
        raise TableError(
            f"{where} has no column `{by}` to make classes by; it has "
            f"{', '.join(planets.df.columns)}."
        )
    labels = planets.df.get_column(by).cast(pl.String).str.strip_chars().to_list()
    empty = [row for row, label in enumerate(labels) if not label]
    if empty:
        raise TableError(
            f"{len(empty)} planets of {where} have no `{by}`, the first is "
            f"{planets.names[empty[0]]}: name a class for each, or take them out."
        )
    frame = planets.df.with_columns(pl.Series(by, labels))
    return {
        str(label): survey_arrays(rows, bars=bars, star=False, mass_errors=False)
        for (label,), rows in sorted(frame.group_by(by, maintain_order=True))
    }
