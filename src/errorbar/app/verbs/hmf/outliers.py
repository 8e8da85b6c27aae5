"""Which pixels and which objects do not follow a model."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from errorbar.app.verbs.hmf.told import names_of, read_both, told_warnings
from errorbar.core.errors import SettingsError
from errorbar.hmf.data import Spectra
from errorbar.hmf.estimator import Robusta
from errorbar.hmf.fit.covariance import FactorErrors, coefficient_errors
from errorbar.hmf.summary import (
    CoefficientScores,
    calibrate_coefficients,
    calibrate_objects,
    find_outliers,
    outlier_catalogue,
    score_coefficients,
    score_objects,
    write_catalogue,
)

__all__ = ["OutlierAnswer", "hmf_outliers"]


@dataclass(frozen=True, slots=True, eq=False)
class OutlierAnswer:
    """The catalogue of what is odd, and how many of which kind."""

    rows: int
    objects: int
    columns: int
    features: int
    catalogue: pl.DataFrame
    notes: tuple[str, ...]
    path: Path


def hmf_outliers(
    model: Path | str,
    data: Path | str,
    *,
    train: Path | str | None = None,
    false_alarm: float = 1e-4,
    cut: float = 0.5,
    coefficients: bool = False,
    every_feature: bool = False,
    out: Path | str = "outliers.parquet",
) -> OutlierAnswer:
    """List the odd objects, columns and features of a file of spectra.

    A pixel is odd if it keeps less than `cut` of its weight. An object is odd if its pixels keep
    less than those of ordinary objects do, `false_alarm` of which would be called odd; what is
    ordinary is learnt from `train`, by default from the data themselves. With `coefficients` an
    object is odd also if its coefficients are unlike all others, or if it has no signal, each at
    the same rate of false alarms. Features of objects that are odd as a whole are left out, unless
    `every_feature`.
    """
    if Path(out).suffix != ".parquet":
        raise SettingsError(f"out={out} must end in .parquet.")
    held, spectra = read_both(model, data)
    if not held.likelihood.robust:
        raise SettingsError(
            f"{model} has normal errors, under which every pixel keeps its weight: fit a robust "
            "model to look for outliers."
        )
    notes: list[str] = []
    with told_warnings(notes):
        A = _coefficients(held, spectra)
        learnt, B = spectra, A
        if train is not None:
            _, learnt = read_both(model, train)
            B = _coefficients(held, learnt)
    G, c = held.basis_vectors(), held.likelihood.c
    rule = calibrate_objects(
        score_objects(learnt.Y, learnt.W, B, G, c), "median", false_alarm=false_alarm
    )
    scores = None
    if coefficients:
        scores = _score_coefficients(held, (spectra, A), (learnt, B), false_alarm)
        unknown = int(np.isnan(scores.signal).sum())
        if unknown:
            notes.append(f"{unknown} spectra hold too few data to judge their coefficients.")
    found = find_outliers(spectra.Y, spectra.W, A, G, rule, cut=cut, coefficients=scores)
    axis = spectra.wavelength if spectra.wavelength is not None else held.wavelength
    if axis is None:
        axis = np.arange(spectra.pixels, dtype=np.float64)
        notes.append("without wavelengths, pixels are numbered from 0 in their place.")
    catalogue = outlier_catalogue(found, names_of(spectra), axis, every_feature=every_feature)
    path = Path(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_catalogue(catalogue, path)
    return OutlierAnswer(
        rows=len(spectra),
        objects=int(found.objects.sum()),
        columns=int(found.columns.sum()),
        features=catalogue.filter(pl.col("kind") == "pixels").height,
        catalogue=catalogue,
        notes=tuple(notes),
        path=path,
    )


def _score_coefficients(
    model: Robusta,
    looked_at: tuple[Spectra, np.ndarray],
    learnt: tuple[Spectra, np.ndarray],
    false_alarm: float,
) -> CoefficientScores:
    def errors(spectra: Spectra, A: np.ndarray) -> FactorErrors:
        return coefficient_errors(
            spectra.Y, spectra.W, A, model.basis_vectors(), model.likelihood,
            regulariser=model.regulariser,
        )  # fmt: skip

    # About a mean brightness is in the spectra themselves, and coefficients have no direction.
    rule = calibrate_coefficients(
        learnt[1], errors(*learnt), false_alarm=false_alarm,
        directions=not model.regulariser.mean,
    )  # fmt: skip
    return score_coefficients(looked_at[1], errors(*looked_at), rule)


def _coefficients(model: Robusta, spectra: Spectra) -> np.ndarray:
    state, _ = model.infer(spectra.Y, spectra.W, max_iter=1000, tol=1e-8)
    return state.A
