from dataclasses import replace

import numpy as np
import pytest

from errorbar.core.errors import SettingsError
from errorbar.rt import RetentionTimes
from errorbar.rt.data import hold_out_runs
from errorbar.rt.studies import check_oracle, fit_oracle
from errorbar.rt.synth import ProductionSettings, StudySettings, production_table, study_table

TINY = ProductionSettings(
    species=6, supercategories=2, compounds=10, pairs=45, features=2, runs_per_species=8,
    descriptors=3, classes=2,
)  # fmt: skip


def dense_prediction(table, train):
    """The same Gaussian, as one covariance of all rows."""
    peaks, truth = table.peaks, table.truth
    scales = truth.scales
    x = peaks.covariates.astype(float) - truth.feature_centre
    dot, z = x @ x.T, table.chemistry.of(peaks.compound)

    def alike(ids):
        return ids[:, None] == ids

    total = scales.slope_mean**2 * dot + scales.descriptor**2 * z @ z.T
    for ids, offset, slope in (
        (truth.parent[peaks.species], scales.supercategory, scales.slope_supercategory),
        (peaks.species, scales.species[0], scales.slope_species),
        (peaks.compound, scales.compound, scales.slope_compound),
        (peaks.keys(), scales.pair, scales.slope_pair),
    ):
        total = total + alike(ids) * (offset**2 + slope**2 * dot)
    noise = np.diag(scales.noise[peaks.compound] ** 2)
    inner = np.linalg.inv((total + noise)[np.ix_(train, train)])
    across = total[np.ix_(~train, train)]
    mean = scales.centre + across @ inner @ (peaks.rt[train] - scales.centre)
    variance = (total + noise)[np.ix_(~train, ~train)] - across @ inner @ across.T
    return mean, np.sqrt(np.diag(variance))


def test_the_oracle_is_the_dense_gaussian():
    table = production_table(TINY, 3)
    train = hold_out_runs(table.peaks, 0.3, 0).train
    found = fit_oracle(table, train).predict(table.peaks.select(~train))
    mean, sd = dense_prediction(table, train)
    np.testing.assert_allclose(found.mean, mean, atol=1e-8)
    np.testing.assert_allclose(found.sd, sd, rtol=1e-6)


def test_the_oracle_covers_what_it_claims():
    table = study_table(StudySettings(n_species=10, n_compounds=25), 1)
    train = table.peaks.run % 8 < 6
    found = fit_oracle(table, train).predict(table.peaks.select(~train))
    error = table.peaks.rt[~train] - found.mean
    assert 0.92 < (np.abs(error) < 1.96 * found.sd).mean() < 0.975


def test_the_model_comes_near_the_oracle():
    settings = ProductionSettings(species=16, supercategories=4, compounds=40, pairs=400)
    table = production_table(settings, 0)
    held = hold_out_runs(table.peaks, 0.3, 0)
    model = RetentionTimes(widen=False).fit(table.peaks.select(held.train), table.chemistry)
    found = check_oracle(table, held.train, model.predict(table.peaks.select(held.test)))
    assert -2 < found.percent < 5
    assert found.table()["rows"].item() == held.test.sum()


def test_heavy_tails_have_no_such_oracle():
    table = production_table(replace(TINY, freedom=4.0), 0)
    with pytest.raises(SettingsError, match="normal noise"):
        fit_oracle(table, hold_out_runs(table.peaks, 0.3, 0).train)
