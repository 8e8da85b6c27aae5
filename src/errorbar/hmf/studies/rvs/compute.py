"""The work on one bin: read its spectra, fit a grid of models to half of them, judge them all.

The grid is fitted to the training half and scored on the other, which chooses a model. A bright odd
spectrum can bend a basis vector to itself and then looks ordinary, so the chosen model is fitted to
the other half too, and every spectrum is judged by the basis of the half that it is not in.

The spectra of a bin are read once, those of the training half first, so that both halves are views
of one matrix. Nothing else of its size is made: robust weights and residuals come and go by chunks.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.core.engine.values import digest
from errorbar.core.errors import SettingsError
from errorbar.hmf.fit.infer import infer_coefficients
from errorbar.hmf.grid import GridResult, search
from errorbar.hmf.model import StudentTLikelihood
from errorbar.hmf.studies.rvs.analysis import METRICS, BinAnalysis
from errorbar.hmf.studies.rvs.bins import Ellipse
from errorbar.hmf.studies.rvs.collect import MatchedData
from errorbar.hmf.studies.rvs.settings import RvsSettings
from errorbar.hmf.studies.rvs.stars import Stars
from errorbar.hmf.summary import ObjectRule, calibrate_objects, find_outliers, score_objects

__all__ = ["BinSample", "compute_bin_analysis", "draw_sample"]

Model = tuple[int, float]
# Coefficients of single rows are cheap, and thresholds feel their last digits.
PASSES, TOL = 1000, 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class BinSample:
    """The stars of a bin, those to be fitted first, each half in the order of identifiers.

    `data` is a digest of them, of where they stand, and of the files and pixels they are read from.
    """

    ellipse: Ellipse
    table: pl.DataFrame
    trained: int
    data: str

    def __len__(self) -> int:
        return self.table.height


def draw_sample(
    matched: MatchedData, stars: Stars, ellipse: Ellipse, settings: RvsSettings
) -> BinSample:
    """The stars inside an ellipse, and which of them are kept from the fits."""
    colour, magnitude = (stars.table[name].to_numpy() for name in ("colour", "magnitude"))
    inside = stars.table.filter(pl.Series(ellipse.holds(colour, magnitude)))
    held_out = _held_out(inside["source_id"].to_numpy(), settings)
    table = pl.concat([inside.filter(pl.Series(~held_out)), inside.filter(pl.Series(held_out))])
    files = [f"{file.path.name} {file.path.stat().st_size}" for file in matched.files]
    places = {name: table[name].to_numpy() for name in table.columns}
    told = digest({**places, "wavelength": matched.wavelength, "files": "\n".join(files)})
    return BinSample(ellipse, table, int((~held_out).sum()), told)


def compute_bin_analysis(
    matched: MatchedData,
    stars: Stars,
    ellipse: Ellipse,
    settings: RvsSettings | None = None,
    *,
    sample: BinSample | None = None,
    journal: str | Path | None = None,
    progress: bool | None = None,
    workers: int | None = None,
) -> BinAnalysis:
    """Fit all models to a bin's training half, score them on the other, and find what is odd.

    With a `journal` folder a run that was killed goes on where it stopped.
    """
    held = RvsSettings() if settings is None else settings
    drawn = draw_sample(matched, stars, ellipse, held) if sample is None else sample
    _check_sample(drawn, held)
    ids = drawn.table["source_id"].to_numpy()
    spectra = matched.read(ids)
    Y, W, cut = spectra.Y, spectra.W, drawn.trained
    found = search(
        Y[:cut], W[:cut], held.ranks, held.scales, held_out=(Y[cut:], W[cut:]), journal=journal,
        progress=progress, seed=held.seed, workers=workers,
    )  # fmt: skip
    best = found.best(held.choose_by)
    chosen = (best.rank, best.scale)
    models = tuple(_chosen_by(found, metric) for metric in METRICS)
    flags: dict[Model, ndarray] = {}
    for model in dict.fromkeys(models):
        if model != chosen:
            A, G, rule = _judge(Y, W, cut, found, model, held, journal, workers)
            flags[model] = rule.flags(score_objects(Y, W, A, G, rule.c))
    A, G, rule = _judge(Y, W, cut, found, chosen, held, journal, workers)
    outliers = find_outliers(Y, W, A, G, rule)
    flags[chosen] = outliers.objects
    kept = _kept(outliers.significance, int(outliers.objects.sum()), held)
    return BinAnalysis(
        ellipse=ellipse,
        settings=held,
        data=drawn.data,
        source_ids=ids,
        **{
            name: drawn.table[name].to_numpy()
            for name in ("colour", "magnitude", "magnitude_error")
        },
        train=np.arange(cut),
        test=np.arange(cut, len(ids)),
        wavelength=np.array(matched.wavelength),
        grid=found.table(),
        rank=chosen[0],
        scale=chosen[1],
        A=A,
        G=G,
        found=outliers,
        models=models,
        by_metric=np.stack([flags[model] for model in models]),
        kept=kept,
        kept_flux=Y[kept],
        kept_ivar=W[kept],
    )


def _judge(
    Y: ndarray, W: ndarray, cut: int, found: GridResult, model: Model, held: RvsSettings,
    journal: str | Path | None, workers: int | None,
) -> tuple[ndarray, ndarray, ObjectRule]:  # fmt: skip
    """Coefficients of each half on the basis of the other, both bases, and the rule they make."""
    rank, scale = model
    beside = None if journal is None else Path(journal) / f"other-{rank}-{scale:g}"
    other = search(
        Y[cut:], W[cut:], [rank], [scale], journal=beside, progress=False, seed=held.seed,
        workers=workers,
    )  # fmt: skip
    likelihood = StudentTLikelihood(found.nu, scale)
    A = np.zeros((len(Y), 2 * rank))
    halves = (
        (slice(cut, None), slice(0, rank), found.point(rank, scale)),
        (slice(0, cut), slice(rank, None), other.points[0]),
    )
    for rows, columns, point in halves:
        A[rows, columns] = infer_coefficients(
            Y[rows], W[rows], point.state.G, likelihood, max_iter=PASSES, tol=TOL, workers=workers
        ).A  # fmt: skip
    G = np.hstack([point.state.G for _, _, point in halves])
    scores = score_objects(Y, W, A, G, likelihood.c)
    return A, G, calibrate_objects(scores, held.statistic, held.false_alarm)


def _chosen_by(found: GridResult, metric: str) -> Model:
    best = found.best(metric)
    return best.rank, best.scale


def _kept(significance: ndarray, flagged: int, held: RvsSettings) -> ndarray:
    """Places of the oddest spectra: the flagged ones, enough for a gallery, up to a limit."""
    order = np.argsort(-np.nan_to_num(significance, nan=-np.inf), kind="stable")
    return order[: min(max(flagged, held.shown), max(held.kept, held.shown))]


def _held_out(source_ids: ndarray, settings: RvsSettings) -> ndarray:
    """Stars on the test side, by a hash of the identifier that mixes all its bits (splitmix64)."""
    with np.errstate(over="ignore"):
        x = source_ids.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15) * np.uint64(
            settings.seed + 1
        )
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return (x >> np.uint64(11)).astype(np.float64) * 2.0**-53 < settings.test_share


def _check_sample(sample: BinSample, settings: RvsSettings) -> None:
    name = sample.ellipse.name
    if len(sample) < settings.fewest:
        raise SettingsError(
            f"bin {name} has {len(sample)} spectra, and fewer than {settings.fewest} say too "
            "little: make the ellipse larger, or lower `fewest`."
        )
    most = max(settings.ranks)
    fewest = min(sample.trained, len(sample) - sample.trained)
    if fewest < 2 * most or fewest < 20:
        raise SettingsError(
            f"bin {name} has {sample.trained} spectra to fit and {len(sample) - sample.trained} to "
            f"test, too few for rank {most}: take more spectra or lower ranks."
        )
