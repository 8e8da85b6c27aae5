"""Peaks of a small laboratory, and times predicted for them with known faults."""

import numpy as np

from errorbar.rt.data import Peaks
from errorbar.rt.model import Times

NOISE, DRIFT = 0.01, 0.006


def fake_peaks(seed=0, runs=24, species=6, compounds=30, share=0.6, first_run=0):
    """Peaks of `share` of all (run, compound) pairs; a run is of one species."""
    rng = np.random.default_rng(seed)
    run, compound = np.nonzero(rng.random((runs, compounds)) < share)
    of_run = np.arange(runs) % species
    drift = np.cumsum(rng.normal(size=runs)) * DRIFT / 2
    covariates = np.round(drift[:, None] * [1.0, 0.7, -0.4] + rng.normal(0, 0.01, (runs, 3)), 6)
    base = np.random.default_rng(99).uniform(1, 9, compounds)
    rt = base[compound] + 0.05 * of_run[run] + drift[run] + rng.normal(0, NOISE, len(run))
    keys = np.stack([np.full(runs, 7), np.full(runs, 1), np.arange(runs) + first_run], axis=1)
    return Peaks(
        rt=rt,
        covariates=covariates[run],
        species=of_run[run],
        supercategory=of_run[run] // 2,
        compound=compound,
        run=run,
        chem_id=compound,
        compound_class=compound % 4,
        rows=np.arange(len(run)),
        feature_names=("IS1", "IS2", "IS3"),
        run_keys=keys,
    )


def fake_times(peaks, seed=1, skill=1.0, believed=1.0, freedom=np.inf):
    """Predictions whose errors shrink with support; `believed` is claimed over true sd."""
    rng = np.random.default_rng(seed)
    few = np.random.default_rng(5).geometric(0.04, 10_000) - 1
    support = few[(peaks.species * 131 + peaks.compound * 17) % len(few)]
    support = np.where((peaks.species + peaks.compound) % 9 == 0, 0, support)
    sd = skill * NOISE * np.sqrt(1 + 4 / (1 + support)) * np.ones(len(peaks))
    known = np.where(support > 0, 0, 1 + (peaks.compound % 4))
    shared = np.random.default_rng(3).normal(0, 0.5 * NOISE, int(peaks.run.max()) + 1)[peaks.run]
    error = rng.normal(0, sd) + shared
    claimed = believed * np.hypot(sd, 0.5 * NOISE)
    return Times(peaks.rt - error, claimed, known, support, freedom)
