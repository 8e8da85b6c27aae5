"""Fits in memory that are stopped and go on."""

import numpy as np
import pytest

from errorbar.core.errors import EngineError, SettingsError
from errorbar.hmf.estimator import Robusta
from errorbar.hmf.fit import rows as at_rows
from errorbar.hmf.fit.checkpoint import Checkpoint
from errorbar.hmf.fit.state import RHMFState
from tests.hmf.fit.plain import some_data


@pytest.fixture(scope="module")
def data():
    return some_data(120, 60, 3, noise=0.05)[:2]


def plain(rank=3, **given):
    # Of this start no part is itself a fit.
    return Robusta(rank, robust_scale=3.0, init_strategy="weighted", **given)


def interrupt(monkeypatch, at):
    """Ctrl-C in the midst of that pass over the data."""
    passes, real = [], at_rows.run_pass

    def run_pass(Y, W, A, *rest):
        passes.append(1)
        if len(passes) == at:
            A[:] = np.nan
            raise KeyboardInterrupt
        return real(Y, W, A, *rest)

    monkeypatch.setattr(at_rows, "run_pass", run_pass)


def stopped(monkeypatch, at, model, *data, **given):
    """A fit that Ctrl-C ends."""
    with monkeypatch.context() as patch:
        interrupt(patch, at)
        with pytest.raises(KeyboardInterrupt):
            model.fit(*data, **given)


def same(one, other):
    return (
        np.array_equal(one[0].A, other[0].A)
        and np.array_equal(one[0].G, other[0].G)
        and np.array_equal(one[1], other[1])
        and one[0].it == other[0].it
    )


def never(*_):
    raise AssertionError


WAYS = pytest.mark.parametrize(
    "given",
    [
        {"conv_tol": 1e-10},
        {"conv_strategy": "max_frac_A", "conv_tol": 1e-10, "conv_check_cadence": 3},
        {"conv_strategy": "rel_frac_loss", "conv_tol": 1e-9},
        {"nonnegative": True, "conv_tol": 1e-6},
        {"smooth": 0.1, "mean": True, "conv_tol": 1e-8, "rotation": "slow"},
    ],
    ids=lambda given: " ".join(map(str, given)),
)


@WAYS
@pytest.mark.parametrize("at", [2, 9])
def test_an_interrupted_fit_goes_on_to_the_same_bytes(data, given, at, tmp_path, monkeypatch):
    whole = plain(**given)
    straight = whole.fit(*data)
    model, path = plain(**given), tmp_path / "deep" / "fit"
    stopped(monkeypatch, at, model, *data, checkpoint=path)
    seen = []
    again = model.fit(*data, checkpoint=path, callback=lambda it, *_: seen.append(it))
    assert seen[0] == at
    assert same(again, straight)
    assert model.converged == whole.converged


def test_a_killed_fit_goes_on_from_what_was_written_last(data, tmp_path):
    straight = plain().fit(*data)

    def kill(it, *_):
        if it == 4:
            raise ZeroDivisionError

    kept = Checkpoint(tmp_path / "fit", seconds=0)
    with pytest.raises(ZeroDivisionError):
        plain().fit(*data, checkpoint=kept, callback=kill)
    assert same(plain().fit(*data, checkpoint=kept), straight)


@pytest.mark.filterwarnings("ignore:the fit was still moving")
def test_more_iterations_are_added_to_a_fit_that_was_cut(data, tmp_path):
    straight = plain(conv_tol=0).fit(*data, 30)
    path = tmp_path / "fit"
    model = plain(conv_tol=0)
    model.fit(*data, 20, checkpoint=path)
    assert same(model.fit(*data, 30, checkpoint=path), straight)
    with pytest.raises(SettingsError, match="after 30 iterations and max_iter is 10"):
        model.fit(*data, 10, checkpoint=path)


def test_a_fit_at_rest_is_given_again_without_another_iteration(data, tmp_path):
    first = plain().fit(*data, checkpoint=tmp_path / "fit")
    model = plain()
    assert same(model.fit(*data, checkpoint=tmp_path / "fit", callback=never), first)
    assert model.converged


def test_a_start_of_ones_own_is_part_of_the_fit(data, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    begin = RHMFState(rng.normal(size=(120, 3)), rng.normal(size=(60, 3)), 7)
    straight = plain().fit(*data, init_state=begin)
    stopped(monkeypatch, 6, plain(), *data, init_state=begin, checkpoint=tmp_path / "fit")
    assert same(plain().fit(*data, init_state=begin, checkpoint=tmp_path / "fit"), straight)


def test_another_fit_is_refused_until_the_first_has_ended(data, tmp_path, monkeypatch):
    path = tmp_path / "fit"
    stopped(monkeypatch, 6, plain(), *data, checkpoint=path)
    with pytest.raises(EngineError, match="stopped after 5 iterations: its rank is 3, this one's"):
        plain(2).fit(*data, checkpoint=path)
    Y = data[0].copy()
    Y[0, 0] += 1
    with pytest.raises(EngineError, match="its data is"):
        plain().fit(Y, data[1], checkpoint=path)
    plain().fit(*data, checkpoint=path)
    plain(2).fit(*data, checkpoint=path)
    path.write_bytes(b"nothing of ours")
    with pytest.raises(EngineError, match="cannot go on from .* delete the file"):
        plain().fit(*data, checkpoint=path)


def test_what_stands_where_nothing_was_measured_makes_no_other_fit(data, tmp_path):
    Y, W = (each.copy() for each in data)
    W[3, 4] = 0
    first = plain().fit(Y, W, checkpoint=tmp_path / "fit")
    Y[3, 4] = np.nan
    again = plain().fit(Y, W, checkpoint=tmp_path / "fit", callback=never)
    assert same(again, first)


def test_gradients_say_that_they_do_not_resume(data, tmp_path):
    with pytest.raises(SettingsError, match="does not resume"):
        Robusta(3, method="sgd").fit(*data, checkpoint=tmp_path / "fit")
    with pytest.raises(SettingsError, match="zero or positive"):
        Checkpoint(tmp_path, seconds=-1)


def test_a_fit_says_how_far_it_is(data, capsys):
    model = plain()
    state, _ = model.fit(*data, progress=True)
    told = capsys.readouterr()
    assert told.out == ""
    assert f"{state.it} iterations, objective" in told.err
    model.fit(*data)
    assert capsys.readouterr().err == ""
