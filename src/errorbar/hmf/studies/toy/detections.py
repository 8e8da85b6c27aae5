"""What models find in the test half, those of the grid and those without error bars."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.core.errors import FitError
from errorbar.hmf.fit.infer import infer_coefficients
from errorbar.hmf.fit.pursuit import fit_pca, fit_pursuit, project_rows
from errorbar.hmf.grid import GridResult
from errorbar.hmf.model import StudentTLikelihood
from errorbar.hmf.studies.toy.halves import Toy
from errorbar.hmf.summary import (
    ObjectRule,
    best_detection,
    calibrate_objects,
    detect,
    find_outliers,
    match_basis,
    score_fit,
    score_objects,
)

__all__ = ["describe_toy", "detect_with_grid", "fit_baselines", "score_baselines"]

# The paper on the robust factorisation flags objects whose median weight is below this.
PAPER_CUT = 0.9


def describe_toy(toy: Toy) -> pl.DataFrame:
    """What there is to find, and how much of it the true model finds with the best threshold."""
    spectra = toy.spectra
    t = spectra.W * (spectra.Y - spectra.A @ spectra.G.T) ** 2
    valid, test = spectra.W > 0, np.zeros(len(t), dtype=bool)
    test[spectra.test] = True
    oracle = {
        name: best_detection(t[rows], spectra.outliers[rows])
        for name, rows in (("all", valid), ("test", valid & test[:, None]))
    }
    counts = {
        name: int(getattr(spectra, name).sum())
        for name in ("spectra", "pixels", "columns", "lines", "gaps")
    }
    return pl.DataFrame(
        {
            **counts,
            "outlier_objects": int(spectra.outlier_objects.sum()),
            "outlier_objects_test": int(toy.objects.sum()),
            **{f"oracle_f1_{name}": found.f1 for name, (found, _) in oracle.items()},
            **{f"oracle_threshold_{name}": cut for name, (_, cut) in oracle.items()},
        }
    )


def detect_with_grid(toy: Toy, found: GridResult) -> pl.DataFrame:
    """The table of the grid with what each model detects in the test half."""
    more = []
    for point in found.points:
        A = infer_coefficients(*toy.test, point.state.G, StudentTLikelihood(1.0, point.scale)).A
        c = point.scale**2
        rule = calibrate_objects(score_objects(*toy.train, point.state.A, point.state.G, c))
        more.append(
            {"rank": point.rank, "scale": point.scale}
            | _detected(toy, A, point.state.G, rule)
            | {"angle": _angle(toy, point.state.G)}
        )
    return found.table().join(pl.DataFrame(more), on=["rank", "scale"], how="left")


def _detected(toy: Toy, A: ndarray, G: ndarray, rule: ObjectRule) -> dict[str, float]:
    """F1 of pixels alone, of pixels with those of flagged objects, and of objects."""
    found = find_outliers(*toy.test, A, G, rule)
    valid = toy.test[1] > 0
    pixels = detect(found.mask(toy.test[1], with_objects=False)[valid], toy.outliers[valid])
    both = detect(found.mask(toy.test[1])[valid], toy.outliers[valid])
    return {
        "f1_pixel": pixels.f1,
        "precision_pixel": pixels.precision,
        "recall_pixel": pixels.recall,
        "f1_pixel_object": both.f1,
        "f1_object": detect(found.objects, toy.objects).f1,
        "f1_object_paper": detect(found.scores.median < PAPER_CUT, toy.objects).f1,
    }


def _angle(toy: Toy, G: ndarray) -> float:
    """The largest principal angle to the true basis, in degrees."""
    return float(match_basis(toy.spectra.G, G).angles[0])


def fit_baselines(toy: Toy, rank: int, passes: int) -> dict[str, ndarray]:
    """Bases of the methods without error bars; the first vectors are those of a lower rank."""
    pca = fit_pca(*toy.train, rank)
    pursuit, parts = fit_pursuit(*toy.train, rank, max_iter=passes)
    if not parts.converged:
        raise FitError(
            f"the pursuit was still off by {parts.error:.2g} after {passes} passes: raise `passes` "
            "of the baselines in the configuration."
        )
    return {"pca": pca.G, "rpca": pursuit.G}


def score_baselines(
    toy: Toy, bases: Mapping[str, ndarray], ranks: Sequence[int], scale: float
) -> list[dict[str, object]]:
    """Scores and detections at one scale, with plain coefficients and with robust ones."""
    likelihood, rows = StudentTLikelihood(1.0, scale), []
    for method, basis in bases.items():
        for rank in sorted(ranks):
            G = np.ascontiguousarray(basis[:, :rank])
            for weighted in (False, True):
                A, B = (
                    infer_coefficients(*half, G, likelihood).A
                    if weighted
                    else project_rows(*half, G)
                    for half in (toy.train, toy.test)
                )
                rule = calibrate_objects(score_objects(*toy.train, A, G, likelihood.c))
                rows.append(
                    {"method": method, "rank": rank, "scale": scale, "weighted": weighted}
                    | asdict(score_fit(*toy.test, B, G, likelihood.c))
                    | _detected(toy, B, G, rule)
                    | {"angle": _angle(toy, G)}
                )
    return rows
