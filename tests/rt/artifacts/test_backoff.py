"""What is predicted where a pair has no coefficients of its own."""

from dataclasses import replace

import numpy as np
import pytest

from errorbar.core.errors import InputError, TableError
from errorbar.rt.artifacts import backed_off
from errorbar.rt.data.peaks import Chemistry
from errorbar.rt.model.times import KNOWN
from tests.rt.artifacts.some import some_backoff, some_coefficients, some_peaks


def one_row(species, supercategory, compound, x=(0.0, 0.0, 0.0)):
    peaks = some_peaks(rows=1)
    return replace(
        peaks,
        species=np.array([species]),
        supercategory=np.array([supercategory]),
        compound=np.array([compound]),
        covariates=np.array([x]),
    )


def told(times):
    return times.mean[0], times.sd[0] ** 2, KNOWN[times.known[0]]


CHEMISTRY = Chemistry(
    compound=np.array([900, 7, 30]),
    values=np.array([[1.0, 2.0], [0.5, 0.0], [3.0, 3.0]]),
    names=("a", "b"),
    compound_class=np.full(3, -1),
)


def test_an_unseen_pair_is_the_sum_of_its_species_and_compound():
    value, x = some_backoff(), np.array([0.1, -0.2, 0.4])
    mean, variance, known = told(value.predict(one_row(16, 2, 107, x)))
    assert mean == pytest.approx(
        5 + value.mu_cluster[2] + value.alpha_comp[1] + value.w_cluster[2] @ x
    )
    assert variance == pytest.approx(1e-4 + 0.2**2 + 1e-4 / 0.03 * (x @ x))
    assert known == "species and compound"


def test_an_unseen_compound_is_told_by_its_chemistry():
    value = some_backoff()
    mean, variance, known = told(value.predict(one_row(16, 2, 7), CHEMISTRY))
    alpha = (CHEMISTRY.values[1] - value.alpha_z_center) @ value.alpha_theta
    assert mean == pytest.approx(5 + value.mu_cluster[2] + alpha)
    assert variance == pytest.approx(1e-4 + 0.2**2 + 0.3**2)
    assert known == "species"


@pytest.mark.parametrize("chemistry", [None, CHEMISTRY])
def test_a_compound_of_which_nothing_is_known_stands_at_the_mean_of_all(chemistry):
    value = some_backoff()
    mean, variance, _ = told(value.predict(one_row(16, 2, 8), chemistry))
    assert mean == pytest.approx(5 + value.mu_cluster[2])
    spread = max(0.3**2, np.mean(value.alpha_comp**2))
    assert variance == pytest.approx(1e-4 + 0.2**2 + spread)


def test_an_unseen_species_stands_at_the_mean_of_its_supercategory():
    value, x = some_backoff(), np.array([0.1, -0.2, 0.4])
    mean, variance, known = told(value.predict(one_row(99, 1, 107, x)))
    each = value.mu_cluster[:2] + value.w_cluster[:2] @ x
    assert mean == pytest.approx(5 + each.mean() + value.alpha_comp[1])
    own = 1e-4 + 0.2**2 + 1e-4 / 0.03 * (x @ x)
    assert variance == pytest.approx(own + each.var(ddof=1) * 1.5)
    assert known == "compound"


def test_a_supercategory_of_one_species_borrows_the_variance_of_all():
    value = some_backoff()
    mean, variance, _ = told(value.predict(one_row(99, 2, 107)))
    assert mean == pytest.approx(5 + value.mu_cluster[2] + value.alpha_comp[1])
    assert variance == pytest.approx(1e-4 + 0.2**2 + value.mu_cluster.var(ddof=1) * 2)


def test_an_unseen_supercategory_stands_at_the_mean_of_all_species():
    value = some_backoff()
    mean, variance, known = told(value.predict(one_row(99, 77, 8)))
    assert mean == pytest.approx(5 + value.mu_cluster.mean())
    spread = max(0.3**2, np.mean(value.alpha_comp**2))
    assert variance == pytest.approx(1e-4 + 0.2**2 + value.mu_cluster.var(ddof=1) * 1.25 + spread)
    assert known == "neither"


def test_chemistry_has_the_descriptors_of_the_fit():
    with pytest.raises(InputError, match="2 descriptors.*with 3"):
        some_backoff(descriptors=3).predict(some_peaks(), CHEMISTRY)
    # A fit without chemistry takes none.
    plain = some_backoff(descriptors=0)
    with_it, without = plain.predict(some_peaks(), CHEMISTRY), plain.predict(some_peaks())
    np.testing.assert_array_equal(with_it.mean, without.mean)


def test_every_row_is_scored_by_one_or_the_other():
    peaks = some_peaks()
    value, backoff = some_coefficients(), some_backoff()
    times = backed_off(value, backoff, peaks, CHEMISTRY)
    own, seen = value.predict(peaks, unseen="skip")
    assert 0 < seen.sum() < len(peaks)
    np.testing.assert_array_equal(times.mean[seen], own.mean)
    rest = backoff.predict(
        peaks, CHEMISTRY, center=value.feature_center, rotation=value.feature_rotation
    )
    np.testing.assert_allclose(times.mean[~seen], rest.mean[~seen])
    np.testing.assert_allclose(times.sd[~seen], rest.sd[~seen])
    assert (times.known[seen] == 0).all()
    assert set(times.known) == {0, 1, 2, 3, 4}
    assert (times.support > 0).tolist() == seen.tolist()


def test_both_must_have_the_same_covariates():
    other = some_backoff(feature_names=("IS1", "IS2", "IS9"))
    with pytest.raises(InputError, match="one fit"):
        backed_off(some_coefficients(), other, some_peaks())
    with pytest.raises(TableError, match="lack.*IS9"):
        other.predict(some_peaks())


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"sigma2": 0.0}, "`sigma2` must be > 0"),
        ({"tau_b": -1.0}, "`tau_b` must be >= 0"),
        ({"lambda_slopes": np.nan}, "`lambda_slopes`"),
        ({"t0": np.inf}, "`t0` must be finite"),
        ({"cluster_ids": np.array([10, 16, 13, 22])}, "`cluster_ids` must be sorted"),
        ({"comp_ids": np.arange(5)}, r"`comp_ids` \(5,\)|`comp_chem_id`"),
        ({"mu_cluster": np.full(4, np.nan)}, "`mu_cluster` must be finite"),
        ({"alpha_z_center": np.zeros(3)}, "`alpha_z_center`"),
    ],
)
def test_levels_that_cannot_be_are_refused(changes, match):
    with pytest.raises(InputError, match=match):
        some_backoff(**changes)


def test_a_backoff_needs_a_species():
    with pytest.raises(InputError, match="at least one species"):
        some_backoff(
            cluster_ids=np.zeros(0, int), cluster_supercat_id=np.zeros(0, int),
            mu_cluster=np.zeros(0), w_cluster=np.zeros((0, 3)),
        )  # fmt: skip
