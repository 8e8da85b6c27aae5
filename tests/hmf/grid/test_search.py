"""Searches over ranks and scales."""

import numpy as np
import polars as pl
import pytest

from errorbar.core.errors import EngineError, InputError, SettingsError, TableError
from errorbar.hmf.estimator import Robusta
from errorbar.hmf.fit.als import AlsSettings
from errorbar.hmf.grid import BEST, grid_surface, search
from errorbar.hmf.model import Regulariser
from errorbar.hmf.summary import match_basis
from errorbar.hmf.synth import make_toy

RANKS, SCALES = (2, 5), (1.0, 3.0, 10.0)
QUICK = AlsSettings(max_iter=60, refits=2)


@pytest.fixture(scope="module")
def toy():
    return make_toy(3, rows=160, pixels=120)


@pytest.fixture(scope="module")
def found(toy):
    return search(toy.Y, toy.W, RANKS, SCALES, test=toy.test, settings=QUICK)


def states(result):
    return [(point.state.A, point.state.G) for point in result.points]


def test_every_rank_meets_every_scale_once(found):
    assert [(point.rank, point.scale) for point in found.points] == [
        (rank, scale) for rank in RANKS for scale in SCALES
    ]
    table = found.table()
    assert table.columns[:5] == ["rank", "scale", "objective", "iterations", "converged"]
    assert len(table) == 6
    assert table["kl"].is_finite().all()


def test_the_true_rank_describes_rows_that_were_never_seen_better(found):
    table = found.table().pivot("rank", index="scale", values="rmse")
    assert (table["5"] < table["2"]).all()
    assert found.best("rmse").rank == 5


def test_no_model_is_worse_than_from_the_cold_start_alone(toy, found):
    cold = search(toy.Y, toy.W, RANKS, SCALES, test=toy.test, settings=QUICK, tries="cold")
    for point, alone in zip(found.points, cold.points):
        assert point.objective <= alone.objective
        if point is not found.points[-1]:
            # The first to be fitted, which has no neighbour, may have begun with a vector to spare.
            assert point.warm == (point.objective < alone.objective)
        assert np.isnan(alone.gain)
        if point.warm:
            # A cold fit that was given up had some way to go.
            assert point.gain >= 1 - point.objective / alone.objective - 1e-12


def test_warm_starts_alone_leave_only_the_first_model_cold(toy):
    warm = search(toy.Y, toy.W, (3, 4), (3.0, 10.0), settings=QUICK, tries="warm")
    assert [point.warm for point in warm.points] == [True, True, True, False]
    assert warm.table()["kl"].is_null().all()
    with pytest.raises(SettingsError, match="without test rows"):
        warm.best()


@pytest.mark.heavy
def test_a_vector_to_spare_keeps_a_bright_outlier_from_the_place_of_a_true_one():
    toy = make_toy(0, rows=800, pixels=240)
    Y, W = toy.Y[toy.train], toy.W[toy.train]
    cold, both = (search(Y, W, (5, 6), (5.0,), tries=tries) for tries in ("cold", "both"))
    angles = [match_basis(toy.G, found.point(5, 5.0).state.G).angles[0] for found in (cold, both)]
    assert angles[0] > 80
    assert angles[1] < 1
    assert both.point(5, 5.0).objective < 0.6 * cold.point(5, 5.0).objective


def test_a_model_of_the_grid_is_ready_to_use(toy, found):
    model = found.model(5, 3.0)
    assert isinstance(model, Robusta)
    assert model.likelihood.c == 9.0
    assert model.converged == found.point(5, 3.0).converged
    state, _ = model.infer(toy.Y[toy.test], toy.W[toy.test])
    assert state.A.shape == (len(toy.test), 5)
    loss = model.likelihood.objective(
        toy.W[toy.train], model.residuals(np.delete(toy.Y, toy.test, axis=0))
    )
    assert loss == pytest.approx(found.point(5, 3.0).objective, rel=1e-9)


def test_a_model_keeps_the_settings_of_its_grid(toy):
    settings = AlsSettings(max_iter=5, refits=1, regulariser=Regulariser(mean=True, ridge=0.1))
    result = search(toy.Y, toy.W, (2, 3), (2.0, 4.0), settings=settings, nu=3.0, test=toy.test)
    model = result.model(2, 4.0)
    assert model.likelihood.c == 48.0
    assert model.regulariser == settings.regulariser
    assert model.settings.refits == 1
    assert result.point(2, 4.0).state.G.shape == (120, 3)
    assert np.all(result.point(2, 4.0).state.A[:, -1] == 1)
    assert not result.point(2, 4.0).converged


@pytest.mark.parametrize("start", ["svd", "subsample", "random"])
def test_other_starts_serve_too(toy, start):
    few = AlsSettings(max_iter=3, conv_strategy="none")
    result = search(toy.Y, toy.W, (2, 3), (3.0,), start=start, settings=few)
    assert [point.state.rank for point in result.points] == [2, 3]
    assert all(np.isfinite(point.objective) for point in result.points)


def test_the_shared_sketch_is_as_good_as_one_for_each_rank(toy):
    settings = AlsSettings(max_iter=60, refits=2, conv_strategy="none")
    result = search(toy.Y, toy.W, (3, 7), (5.0,), settings=settings)
    alone = Robusta(3, robust_scale=5.0, conv_strategy="none")
    _, losses = alone.fit(toy.Y, toy.W, max_iter=60)
    assert result.point(3, 5.0).objective == pytest.approx(losses[-1], rel=0.02)


def test_rows_held_out_beforehand_score_as_rows_named(toy, found):
    aside = (toy.Y[toy.test], toy.W[toy.test])
    rest = (toy.Y[toy.train], toy.W[toy.train])
    apart = search(*rest, RANKS, SCALES, held_out=aside, settings=QUICK, workers=1)
    assert apart.table().equals(found.table())


def test_a_mask_names_rows_too(toy):
    mask = np.zeros(len(toy.Y), dtype=bool)
    mask[toy.test] = True
    few = AlsSettings(max_iter=3, conv_strategy="none")
    one, other = (
        search(toy.Y, toy.W, (2,), (3.0,), test=test, settings=few) for test in (mask, toy.test)
    )
    assert one.table().equals(other.table())


def test_a_search_that_was_killed_goes_on_and_ends_alike(toy, found, tmp_path):
    journal = tmp_path / "journal"
    told = {"test": toy.test, "settings": QUICK, "journal": journal}
    search(toy.Y, toy.W, RANKS, SCALES, **told)
    kept = sorted(journal.glob("piece-*"))
    assert len(kept) == 6
    for path in kept[2:5]:
        path.unlink()
    again = search(toy.Y, toy.W, RANKS, SCALES, **told)
    assert again.table().equals(found.table())
    for (A, G), (B, H) in zip(states(again), states(found)):
        np.testing.assert_array_equal(A, B)
        np.testing.assert_array_equal(G, H)


def test_a_journal_serves_one_search_only(toy, tmp_path):
    few = AlsSettings(max_iter=2, conv_strategy="none")
    search(toy.Y, toy.W, (2,), (3.0,), settings=few, journal=tmp_path)
    with pytest.raises(EngineError, match="another job"):
        search(toy.Y * 2, toy.W, (2,), (3.0,), settings=few, journal=tmp_path)
    with pytest.raises(EngineError, match="another job"):
        search(toy.Y, toy.W, (2,), (3.0,), settings=AlsSettings(max_iter=3), journal=tmp_path)


def test_the_best_model_is_nearest_to_what_its_score_should_be(found):
    table = found.table()
    for name, ideal in BEST.items():
        nearest = table.sort((pl.col(name) - ideal).abs())
        best = found.best(name)
        assert (best.rank, best.scale) == (nearest["rank"][0], nearest["scale"][0])


def test_a_surface_is_one_column_over_ranks_and_scales(found):
    surface = found.surface("kl")
    assert surface.ranks == RANKS
    assert surface.scales == SCALES
    assert surface.values[1, 2] == found.point(5, 10.0).scores.kl
    gaps = grid_surface(found.table().head(5), "kl")
    assert np.isnan(gaps.values[1, 2])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ranks": (0, 3)}, "cannot be fitted"),
        ({"ranks": (500,)}, "allow 1 to 120"),
        ({"ranks": ()}, "a rank and a scale"),
        ({"scales": (-1.0,)}, "positive"),
        ({"start": "guess"}, "start='guess'"),
        ({"tries": "hot"}, "tries='hot'"),
        ({"test": [999]}, "does not name rows"),
        ({"test": [0.5]}, "numbers of rows"),
        ({"test": slice(None)}, "must be numbers"),
        ({"test": np.arange(160)}, "must be left to fit"),
    ],
)
def test_what_is_no_grid_is_refused(toy, change, words):
    told = {"ranks": (2,), "scales": (3.0,)} | change
    with pytest.raises(SettingsError, match=words):
        search(toy.Y, toy.W, **told)


def test_test_rows_are_named_once_and_have_the_same_pixels(toy):
    with pytest.raises(SettingsError, match="leave one out"):
        search(toy.Y, toy.W, (2,), (3.0,), test=[1], held_out=(toy.Y, toy.W))
    with pytest.raises(InputError, match="119 pixels"):
        search(toy.Y, toy.W, (2,), (3.0,), held_out=(toy.Y[:, 1:], toy.W[:, 1:]))


def test_what_is_not_in_the_grid_is_named_with_what_is(found):
    with pytest.raises(SettingsError, match=r"no rank 4 at scale 3; it has \(2, 1\)"):
        found.point(4, 3.0)
    with pytest.raises(SettingsError, match="chooses no model"):
        found.best("objective")
    with pytest.raises(TableError, match="no column nothing"):
        found.surface("nothing")
    table = found.table()
    with pytest.raises(TableError, match="keep one row"):
        grid_surface(pl.concat([table, table]), "kl")
