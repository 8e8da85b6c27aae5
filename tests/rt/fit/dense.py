"""The pooled model as one dense Gaussian over rows, and small tables to compare on."""

import numpy as np

from errorbar.rt.data import Chemistry, Peaks
from errorbar.rt.data.keys import find_places
from errorbar.rt.fit.layout import OFFSET, maps_of


def small_table(seed, rows=240, species=7, supercategories=3, compounds=12, features=3, runs=3):
    """Peaks with every kind of scatter; times near 7 minutes."""
    rng = np.random.default_rng(seed)
    extra = rng.integers(0, supercategories, species - supercategories)
    parent = np.r_[np.arange(supercategories), extra]
    run = rng.integers(0, species * runs, rows)
    which = run % species
    x = rng.normal(size=(species * runs, features)) * 0.3
    compound = rng.integers(0, compounds, rows)
    offset, slope = rng.normal(size=compounds), rng.normal(size=features) * 0.2
    rt = 7 + offset[compound] + 0.3 * rng.normal(size=species)[which] + x[run] @ slope
    rt += 0.1 * rng.normal(size=(species, compounds))[which, compound]
    rt += 0.08 * rng.normal(size=species * runs)[run] + 0.05 * rng.normal(size=rows)
    return Peaks(
        rt=rt,
        covariates=x[run],
        species=which + 10,
        supercategory=parent[which] + 2,
        compound=compound * 7 + 3,
        run=run,
        chem_id=np.full(rows, -1),
        compound_class=compound % 3,
        rows=np.arange(rows),
        feature_names=tuple(f"IS{i}" for i in range(features)),
        run_keys=np.stack([np.arange(species * runs)] * 3, axis=1),
    )


def descriptors(peaks, seed=5, count=3):
    """Descriptors of every compound of a table."""
    ids = np.unique(peaks.compound)
    values = np.random.default_rng(seed).normal(size=(len(ids), count))
    names = tuple("abcdefgh"[:count])
    return Chemistry(ids, values, names, ((ids - 3) // 7) % 3)


def dense_covariance(peaks, fit, scales=None):
    """The prior covariance of rows, and of their noise alone, written out pair by pair."""
    layout, stats = fit.layout, fit.statistics
    scales = fit.known.scales if scales is None else scales
    x = np.c_[np.ones(len(peaks)), stats.centred(peaks)]
    z = np.zeros((len(peaks), layout.z.shape[1]))
    klass = peaks.compound_class
    if fit.chemistry is not None:
        z, klass = fit.chemistry.of(peaks.compound), fit.chemistry.classes(peaks.compound)
    known_class = find_places(layout.class_ids, klass)
    maps = maps_of(z, layout.kind, layout.drift, stats.features)
    through = x if maps is None else np.einsum("iq,iqb->ib", x, maps)
    of_compound = x[:, : layout.effects]
    place = find_places(stats.compound_ids, peaks.compound)
    usual = np.exp(np.log(scales.noise).mean())
    noise = np.where(place >= 0, scales.noise[place], usual)
    parent = find_places(stats.supercategory_ids, peaks.supercategory)
    prior = np.empty((len(peaks), layout.coefficients))
    prior[:, 0] = scales.between[0]
    slope = scales.slope[parent]
    prior[:, 1:] = noise[:, None] / slope if scales.tied else slope

    def alike(ids):
        return ids[:, None] == ids

    total = alike(peaks.keys()) * ((x * prior) @ x.T)
    total += alike(peaks.species) * ((through * scales.species[parent]) @ through.T)
    total += alike(peaks.supercategory) * ((through * scales.parent) @ through.T)
    top = np.where(layout.kind == OFFSET, 100.0, 1.0)
    total += (through * top) @ through.T
    total += alike(peaks.compound) * ((of_compound * scales.compound) @ of_compound.T)
    total += z @ z.T * scales.theta[0]
    if len(layout.class_ids):
        same = alike(known_class) & (known_class >= 0)
        total += same * ((of_compound * scales.klass) @ of_compound.T)
    if fit.model.run_effect:
        total += alike(peaks.run) * scales.run[0]
    return total, noise


def dense_log_marginal(peaks, fit, scales=None):
    """The log density of the times of a table."""
    total, noise = dense_covariance(peaks, fit, scales)
    total = total + np.diag(noise)
    _, log_det = np.linalg.slogdet(2 * np.pi * total)
    return -0.5 * (log_det + peaks.rt @ np.linalg.solve(total, peaks.rt))


def dense_prediction(train, test, fit):
    """Means and covariance (noise included) of new rows, and log density of the old."""
    rows = len(train)
    both = join(train, test)
    total, noise = dense_covariance(both, fit)
    total = total + np.diag(noise)
    gain = np.linalg.solve(total[:rows, :rows], total[:rows, rows:]).T
    return gain @ train.rt, total[rows:, rows:] - gain @ total[:rows, rows:]


def join(first, second):
    """Two tables with the same runs as one."""
    names = ("rt", "covariates", "species", "supercategory", "compound", "run", "chem_id")
    names += ("compound_class", "rows")
    parts = {n: np.concatenate([getattr(first, n), getattr(second, n)]) for n in names}
    return Peaks(**parts, feature_names=first.feature_names, run_keys=first.run_keys)
