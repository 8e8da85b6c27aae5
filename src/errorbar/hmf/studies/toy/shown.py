"""What the figures show and no table holds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from errorbar.core.artifact import write_artifact
from errorbar.hmf.estimator import Robusta
from errorbar.hmf.fit.als import AlsSettings
from errorbar.hmf.fit.infer import infer_coefficients
from errorbar.hmf.fit.run import fit_factors
from errorbar.hmf.fit.starts import InitStrategy
from errorbar.hmf.studies.toy.halves import Toy
from errorbar.hmf.summary import (
    calibrate_objects,
    find_outliers,
    score_objects,
    weight_histogram,
)

__all__ = ["KIND", "write_shown"]

KIND = "hmf toy figures"


def write_shown(
    path: Path,
    toy: Toy,
    model: Robusta,
    objective: float,
    bases: Mapping[str, ndarray],
    wanted: Mapping[str, Any],
) -> None:
    """Rows, bases, weights and objectives on the way, for the pictures to be drawn from."""
    spectra, c = toy.spectra, model.likelihood.c
    held = model.state
    assert held is not None
    A = infer_coefficients(*toy.test, held.G, model.likelihood).A
    rule = calibrate_objects(score_objects(*toy.train, held.A, held.G, c))
    found = find_outliers(*toy.test, A, held.G, rule)
    shown = _shown_rows(toy, found.significance, wanted["gallery"])
    rows = np.concatenate(list(shown.values()))
    names = [f"{name}: row {spectra.test[row]}, {spectra.label[spectra.test[row]]}"
             for name, each in shown.items() for row in each]  # fmt: skip
    groups = {
        name: getattr(spectra, name)[spectra.test]
        for name in ("spectra", "lines", "columns", "pixels")
    }
    groups = {"ordinary": ~toy.outliers} | groups
    histogram = weight_histogram(*toy.test, A, held.G, c, groups)
    runs = _runs(toy, model, wanted["iterations"])
    arrays = {
        "wavelength": spectra.wavelength,
        "row_Y": toy.test[0][rows],
        "row_W": toy.test[1][rows],
        "row_model": A[rows] @ held.G.T,
        "row_flagged": found.mask(toy.test[1])[rows],
        "row_pixels": found.mask(toy.test[1], with_objects=False)[rows],
        "row_true": toy.outliers[rows],
        "true_basis": spectra.G,
        "hmf_basis": held.G,
        "weight_edges": histogram.edges,
        "weight_counts": histogram.counts,
        "significance": found.significance,
        "true_objects": toy.objects,
        **{f"{name}_basis": basis[:, : model.rank] for name, basis in bases.items()},
        **{f"losses_{place}": losses for place, losses in enumerate(runs.values())},
    }
    manifest = {
        "rank": model.rank,
        "scale": float(np.sqrt(c)),
        "critical": rule.critical,
        "objective": objective,
        "rows": names,
        "groups": list(histogram.groups),
        "runs": list(runs),
        "bases": list(bases),
    }
    plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_artifact(path, KIND, plain, manifest)


def _shown_rows(toy: Toy, significance: ndarray, gallery: int) -> dict[str, ndarray]:
    """Rows of the test half: the clearest of each kind, and the oddest of all for a gallery."""
    spectra, W = toy.spectra, toy.test[1]
    label = spectra.label[spectra.test]
    clear = np.where(W > 0, W, np.nan)
    gap = (W == 0).any(axis=1)
    columns = spectra.columns[spectra.test].sum(axis=1)
    middle = np.nanmedian(clear, axis=1)
    typical = np.abs(np.log(middle / np.nanmedian(middle)))
    shown: dict[str, ndarray] = {
        # Ordinary in its noise, with a gap, and as many bad columns as there are.
        "ordinary": np.argsort(typical + 10.0 * ((label != "normal") | ~gap))[:1],
        "columns": np.argsort(typical + 10.0 * (columns < columns.max()))[:1],
    }
    for kind in ("spectrum", "lines"):
        of_kind = np.flatnonzero(label == kind)
        if of_kind.size:
            shown[kind] = of_kind[[np.argmax(middle[of_kind])]]
    order = np.argsort(-np.nan_to_num(significance, nan=-np.inf))
    return shown | {"gallery": order[:gallery]}


def _runs(toy: Toy, model: Robusta, iterations: int) -> dict[str, ndarray]:
    """Objectives on the way of the plain algorithm and of what is the default here."""
    ways: dict[str, tuple[InitStrategy, int]] = {
        "svd start, one solve a row": ("svd", 1),
        "svd start, two solves": ("svd", 2),
        "spare start, two solves": ("spare", 2),
        "weighted start, two solves": ("weighted", 2),
        "subsample start, two solves": ("subsample", 2),
    }
    losses = {}
    for name, (start, refits) in ways.items():
        settings = AlsSettings(max_iter=iterations, conv_strategy="none", refits=refits)
        fit = fit_factors(*toy.train, model.rank, model.likelihood, settings, start=start)
        losses[name] = fit.losses[:-1]
    return losses
