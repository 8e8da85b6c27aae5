import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from errorbar.core.errors import InputError
from errorbar.core.predict import Prediction

sizes = st.integers(1, 6)


def some_prediction(seed=0, rows=5, columns=4, parts=2, beside=0.3):
    """Errors that `parts` directions share, and some of each column's own."""
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=(rows, columns))
    root, basis = rng.normal(size=(rows, parts, parts)), rng.normal(size=(columns, parts))
    shared = np.square(basis @ root).sum(-1)
    names = np.array([f"star {i}" for i in range(rows)])
    return Prediction(centre, np.sqrt(shared + beside**2), names, root, basis)


@given(seed=st.integers(0, 2**32 - 1), rows=sizes, columns=sizes, level=st.floats(0.01, 0.99))
def test_intervals_are_nested_around_the_centre(seed, rows, columns, level):
    made = some_prediction(seed, rows, columns)
    inner, outer = made.interval(level), made.interval(0.5 + level / 2)
    assert inner.shape == (rows, columns, 2)
    np.testing.assert_allclose(inner.mean(-1), made.centre, atol=1e-9)
    assert np.all(outer[..., 0] <= inner[..., 0])
    assert np.all(outer[..., 1] >= inner[..., 1])


def test_an_interval_holds_the_share_of_a_normal_that_it_claims():
    made = some_prediction()
    for level in (0.1, 0.68, 0.95):
        ends = made.interval(level)
        held = np.diff(norm.cdf(ends, made.centre[..., None], made.sd[..., None]), axis=-1)
        np.testing.assert_allclose(held, level, rtol=1e-12)


@pytest.mark.parametrize("beside", [0.0, 0.5])
def test_draws_have_the_centre_the_spread_and_the_company_that_was_predicted(beside):
    made = some_prediction(beside=beside)
    draws = made.draws(40_000, seed=3)
    assert draws.shape == (40_000, 5, 4)
    far = (draws.mean(0) - made.centre) / made.sd * 200
    assert np.abs(far).max() < 4.5
    spread = made.basis @ made.root
    for i in range(5):
        expected = spread[i] @ spread[i].T + beside**2 * np.eye(4)
        found = np.cov(draws[:, i].T)
        size = np.sqrt(np.diag(expected))
        np.testing.assert_allclose(
            found / np.outer(size, size), expected / np.outer(size, size), atol=0.03
        )
    between = np.corrcoef(draws[:, 0, 0], draws[:, 1, 0])[0, 1]
    assert abs(between) < 0.03


def test_draws_of_quantities_that_share_nothing_are_independent():
    made = Prediction(np.zeros((1, 2)), np.array([[1.0, 3.0]]), np.arange(1))
    draws = made.draws(20_000, seed=0)[:, 0]
    np.testing.assert_allclose(draws.std(0), [1, 3], rtol=0.03)
    assert abs(np.corrcoef(draws.T)[0, 1]) < 0.03


def test_without_a_basis_the_root_is_that_of_the_columns():
    root = np.array([[[2.0, 0.0], [2.0, 0.0]]])
    made = Prediction(np.zeros((1, 2)), np.full((1, 2), 2.0), np.arange(1), root)
    draws = made.draws(10, seed=1)[:, 0]
    np.testing.assert_allclose(draws[:, 0], draws[:, 1])


def test_the_same_seed_draws_the_same_numbers():
    made = some_prediction()
    assert np.array_equal(made.draws(3, seed=8), made.draws(3, seed=8))
    assert not np.array_equal(made.draws(3, seed=8), made.draws(3, seed=9))


def test_rows_are_chosen_with_all_that_is_theirs():
    made = some_prediction()
    for chosen in (np.array([3, 1]), np.array([False, True, False, True, False])):
        few = made.select(chosen)
        assert len(few) == 2
        assert few.rows.tolist() == made.rows[chosen].tolist()
        np.testing.assert_array_equal(few.sd, made.sd[chosen])
        np.testing.assert_array_equal(few.root, made.root[chosen])
        assert few.basis is made.basis
        assert few.draws(2, seed=0).shape == (2, 2, 4)


def test_what_is_not_known_has_endless_intervals_and_no_draws():
    sd = np.ones((3, 2))
    sd[1] = np.inf
    made = Prediction(np.zeros((3, 2)), sd, np.array(["a", "b", "c"]))
    assert made.known.tolist() == [True, False, True]
    assert made.interval(0.95)[1].tolist() == [[-np.inf, np.inf]] * 2
    with pytest.raises(InputError, match=r"known of 1 rows, first of b.*select"):
        made.draws(2, seed=0)
    assert np.isfinite(made.select(made.known).draws(2, seed=0)).all()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"centre": np.zeros((5, 3))}, r"centre \(5, 3\) and sd \(5, 4\)"),
        ({"centre": np.zeros(4), "sd": np.zeros(4)}, "a row for each object"),
        ({"rows": np.arange(4)}, r"\(4,\) names were given for 5 rows"),
        ({"centre": np.full((5, 4), np.nan)}, "not finite in 5 rows, first at row 0"),
        ({"sd": np.full((5, 4), np.nan)}, "not zero or positive in 5 rows"),
        ({"sd": np.full((5, 4), -1.0)}, "what is not known has an infinite sd"),
        ({"root": None}, "basis without a root"),
        ({"root": np.zeros((4, 2, 2))}, "2 parts for each of 5 rows"),
        ({"basis": None}, "4 parts for each of 5 rows"),
        ({"basis": np.zeros((3, 2))}, "must have 4 rows"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(change, told):
    made = some_prediction()
    given_parts = {name: getattr(made, name) for name in ("centre", "sd", "rows", "root", "basis")}
    with pytest.raises(InputError, match=told):
        Prediction(**(given_parts | change))


@pytest.mark.parametrize("level", [0.0, 1.0, 68.0, np.nan])
def test_a_level_is_a_share(level):
    with pytest.raises(InputError, match="68 % is written 0.68"):
        some_prediction().interval(level)


def test_no_draws_are_refused():
    with pytest.raises(InputError, match="n=0 draws"):
        some_prediction().draws(0, seed=0)
