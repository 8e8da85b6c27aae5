"""Factorise real spectra, and list what is odd among them: everything that figures show.

python -m papers.hmf_real.run --out results/hmf_real
"""

import argparse
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.core.artifact import write_artifact
from errorbar.hmf.estimator import Robusta
from errorbar.hmf.fit.covariance import FactorErrors, basis_errors, coefficient_errors
from errorbar.hmf.fit.infer import infer_coefficients
from errorbar.hmf.fit.reconstruction import reconstruction_variance
from errorbar.hmf.grid import search
from errorbar.hmf.summary import (
    CoefficientRule,
    Outliers,
    calibrate_coefficients,
    calibrate_objects,
    find_outliers,
    outlier_catalogue,
    score_coefficients,
    score_fit,
    score_objects,
    write_catalogue,
)
from papers.hmf_real.archives import SETS, Sample, find_data, read_set

__all__ = ["KIND", "fit_sample", "judge", "main", "read_config", "run"]

KIND = "hmf real spectra"
CONFIG = Path(__file__).with_name("config.toml")
Config = dict[str, dict[str, Any]]


def read_config(path: str | Path = CONFIG) -> Config:
    """The settings of a run."""
    return tomllib.loads(Path(path).read_text())


def run(config: Config, data: Path, out: str | Path, sets: Sequence[str] = tuple(SETS)) -> Path:
    """Write the results of all sets into the folder `out`."""
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    for name in sets:
        sample = read_set(name, data, config[name])
        model, table = fit_sample(sample, config[name])
        table.write_parquet(folder / f"{name}_grid.parquet")
        model.save(folder / f"{name}.safetensors")
        _write_set(folder, name, sample, model, config["outliers"])
    return folder


def fit_sample(sample: Sample, told: Mapping[str, Any]) -> tuple[Robusta, pl.DataFrame]:
    """The rank and scale that describe a third of the spectra best, then fitted to all of them."""
    spectra = sample.spectra
    test = np.random.default_rng(told["seed"]).permutation(len(spectra))[: len(spectra) // 3]
    grid = search(
        spectra.Y, spectra.W, told["ranks"], told["scales"], test=np.sort(test), progress=False
    )
    best = grid.best("kl")
    model = Robusta(best.rank, robust_scale=best.scale, seed=told["seed"], init_strategy="spare")
    model.fit(spectra.Y, spectra.W)
    return model, grid.table()


def judge(
    sample: Sample, model: Robusta, false_alarm: float, rule: CoefficientRule | None = None
) -> tuple[Outliers, ndarray, FactorErrors]:
    """What is odd, for residuals or for coefficients, with nothing but the data to go by.

    `rule` is what is ordinary if that was learnt elsewhere.
    """
    spectra, G, likelihood = sample.spectra, model.basis_vectors(), model.likelihood
    A = infer_coefficients(spectra.Y, spectra.W, G, likelihood, max_iter=500, tol=1e-8).A
    errors = coefficient_errors(spectra.Y, spectra.W, A, G, likelihood)
    if rule is None:
        rule = calibrate_coefficients(A, errors, false_alarm=false_alarm)
    scores = score_objects(spectra.Y, spectra.W, A, G, likelihood.c)
    found = find_outliers(
        spectra.Y, spectra.W, A, G, calibrate_objects(scores, false_alarm=false_alarm),
        coefficients=score_coefficients(A, errors, rule),
    )  # fmt: skip
    return found, A, errors


def _write_set(
    folder: Path, name: str, sample: Sample, model: Robusta, told: Mapping[str, Any]
) -> None:
    spectra, G = sample.spectra, model.basis_vectors()
    found, A, errors = judge(sample, model, told["false_alarm"])
    coefficients = found.coefficients
    assert coefficients is not None
    assert spectra.wavelength is not None
    write_catalogue(
        outlier_catalogue(found, sample.words, spectra.wavelength, bin=name),
        folder / f"{name}_outliers.parquet",
    )
    pl.DataFrame(
        {
            "id": spectra.ids,
            "group": sample.group,
            "words": sample.words,
            "misfit": found.misfits,
            "odd": coefficients.odd,
            "empty": coefficients.empty,
            "signal": coefficients.signal,
            "misfit_significance": found.significance,
            "odd_significance": coefficients.unlike,
        }
    ).write_parquet(folder / f"{name}_objects.parquet")
    rows = _shown(found, sample, told["shown"])
    basis = basis_errors(spectra.Y, spectra.W, A, G, model.likelihood)
    part = _take(errors, rows)
    variance = reconstruction_variance(A[rows], G, part, basis)
    scores = score_fit(spectra.Y, spectra.W, A, G, model.likelihood.c, fitted=A.size + G.size)
    arrays = {
        "wavelength": spectra.wavelength,
        "basis": G,
        "row_Y": spectra.Y[rows],
        "row_W": spectra.W[rows],
        "row_model": A[rows] @ G.T,
        "row_sd": np.sqrt(variance),
        "row_flagged": found.mask(spectra.W, with_objects=False)[rows],
        "signal": coefficients.signal,
        "unlike": coefficients.unlike,
        "faint": coefficients.faint,
    }
    manifest = {
        "spectra": len(spectra),
        "pixels": spectra.pixels,
        "missing": float(np.mean(spectra.W == 0)),
        "left_out": list(sample.left_out),
        "rank": model.rank,
        "scale": float(np.sqrt(model.likelihood.c)),
        "scores": asdict(scores),
        "odd_columns": [float(at) for at in np.asarray(spectra.wavelength)[found.columns]],
        "critical": coefficients.rule.critical,
        "critical_faint": coefficients.rule.critical_faint,
        "brightness": list(coefficients.rule.brightness),
        "false_alarm": coefficients.rule.false_alarm,
        "least_signal": coefficients.rule.least_signal,
        "group": list(sample.group),
        "rows": [
            f"{'ordinary' if not found.objects[row] else 'odd'}: {sample.words[row]}"
            + _why(found, row)
            for row in rows
        ],
    }
    plain = {key: np.ascontiguousarray(array) for key, array in arrays.items()}
    write_artifact(folder / f"{name}_figures.safetensors", KIND, plain, manifest)


def _shown(found: Outliers, sample: Sample, most: int) -> ndarray:
    """Four ordinary objects over the range of the first coefficients, and the oddest ones."""
    held = found.coefficients
    assert held is not None
    ordinary = np.flatnonzero(~found.objects)
    order = ordinary[np.argsort(np.nan_to_num(held.signal[ordinary]))]
    places = np.linspace(0.03, 0.97, 4) * (len(order) - 1)
    significance = np.where(
        found.misfits, np.fmax(found.significance, held.significance), held.significance
    )
    flagged = np.flatnonzero(found.objects)
    strongest = flagged[np.argsort(-significance[flagged], kind="stable")]
    # Half for either reason, so that one kind does not hide the other.
    by_reason = [
        [row for row in strongest if found.misfits[row]],
        [row for row in strongest if not found.misfits[row]],
    ]
    odd = [*by_reason[0][: most // 2], *by_reason[1][: most // 2]]
    odd += [row for row in strongest if row not in odd][: most - len(odd)]
    return np.array([*order[places.astype(int)], *odd], dtype=np.int64)


def _why(found: Outliers, row: int) -> str:
    held = found.coefficients
    assert held is not None
    reasons = [
        words
        for words, flags in (
            ("misfit", found.misfits), ("no signal", held.empty), ("coefficients", held.odd),
        )
        if flags[row]
    ]  # fmt: skip
    return f" ({', '.join(reasons)})" if reasons else ""


def _take(errors: FactorErrors, rows: ndarray) -> FactorErrors:
    return FactorErrors(
        errors.covariance[rows], errors.kept[rows], errors.free, errors.open[rows],
        errors.replaced[rows],
    )  # fmt: skip


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Factorise real spectra.")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--set", action="append", choices=list(SETS), help="only these")
    told = parser.parse_args(given)
    run(read_config(), find_data(), told.out, told.set or tuple(SETS))


if __name__ == "__main__":
    main()
