"""Fits to blocks on disk: those in memory, whoever does the work and however often it is cut."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import EngineError, SettingsError
from errorbar.hmf.data import ArrayBlocks, open_blocks, write_blocks
from errorbar.hmf.fit.als import AlsSettings, NotConvergedWarning, fit_als
from errorbar.hmf.fit.blocks import BlockModel, fit_blocks, fit_blocks_many, infer_blocks
from errorbar.hmf.fit.blocks.tree import Tree, spans
from errorbar.hmf.fit.infer import infer_coefficients
from errorbar.hmf.fit.kernel.passes import infer, team
from errorbar.hmf.fit.starts import FIRST_PASSES, first_basis
from errorbar.hmf.fit.state import RHMFState
from errorbar.hmf.model import (
    FastAffine,
    GaussianLikelihood,
    Identity,
    Regulariser,
    SlowAffine,
    StudentTLikelihood,
)
from tests.hmf.fit.plain import some_data

ROBUST = StudentTLikelihood(1.0, 3.0)
SIX = AlsSettings(max_iter=6, conv_strategy="none")


@pytest.fixture(autouse=True)
def no_power_cut(monkeypatch):
    """Thousands of small files need not reach the disk before the next is written."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.fixture
def stored(tmp_path):
    return store(tmp_path)


def store(tmp_path, kind=np.float64, *, rows=103, size=16, ending=".npy", **rest):
    """Blocks of a file, and what is in it; NaN where nothing was measured."""
    Y, W, _, G = some_data(rows, 40, 3, **rest)
    Y, W = Y.astype(kind), W.astype(kind)
    path = write_blocks(tmp_path / f"stars{ending}", ArrayBlocks(Y, W, rows=size))
    return open_blocks(path, rows=size), Y, W, G + 0.3


def start_in_memory(Y, W, G, likelihood, settings):
    A = np.zeros((len(Y), G.shape[1]))
    A[:, G.shape[1] - settings.regulariser.mean :] = 1.0
    with team(1) as pool:
        infer(Y, W, A, G, settings.rule(likelihood), pool, most=FIRST_PASSES, tol=0.0)
    return RHMFState(A, G)


def same(one, two):
    """Bit for bit, coefficients on disk included."""
    assert one.G.tobytes() == two.G.tobytes()
    assert one.losses.tobytes() == two.losses.tobytes()
    for left, right in zip(one.coefficients, two.coefficients, strict=True):
        assert left[:2] == right[:2]
        assert left[2].tobytes() == right[2].tobytes()


# The same fit as in memory.


@pytest.mark.parametrize(
    "settings",
    [
        SIX,
        replace(SIX, refits=2),
        replace(SIX, ordered=False),
        replace(SIX, rotation=SlowAffine()),
        replace(SIX, rotation=Identity()),
        replace(SIX, rotation=FastAffine(target="A")),
        replace(SIX, regulariser=Regulariser(ridge=0.01, mean=True)),
        replace(SIX, regulariser=Regulariser(smooth=0.1)),
        replace(SIX, regulariser=Regulariser(nonnegative=True)),
    ],
    ids=lambda settings: repr(settings)[50:],
)
@pytest.mark.parametrize("likelihood", [ROBUST, GaussianLikelihood()], ids=["robust", "gaussian"])
def test_blocks_are_fitted_as_in_memory(stored, tmp_path, settings, likelihood):
    blocks, Y, W, G = stored
    if settings.regulariser.mean:
        G = np.column_stack([G, np.zeros(len(G))])
    if settings.regulariser.nonnegative:
        Y, G = np.abs(Y), np.abs(G)
        blocks = ArrayBlocks(Y, W, rows=16)
    found = fit_blocks(
        blocks, 3, likelihood, settings, folder=tmp_path / "fit", start=G, n_workers=2
    )
    begin = start_in_memory(Y, W, G, likelihood, settings)
    wanted = fit_als(Y, W, begin, likelihood, settings)
    np.testing.assert_allclose(found.losses, wanted.losses, rtol=1e-10)
    np.testing.assert_allclose(found.G, wanted.state.G, atol=1e-10)
    np.testing.assert_allclose(found.coefficients.gather(), wanted.state.A, atol=1e-9)
    assert found.it == wanted.state.it == 6
    assert found.objective == found.losses[-1]


def test_the_start_of_its_own_is_a_fit_to_a_sample(stored, tmp_path):
    blocks, Y, W, _ = stored
    found = fit_blocks(blocks, 3, ROBUST, SIX, folder=tmp_path / "fit", seed=5)
    # So few rows are all of the sample.
    rng = np.random.default_rng(5)
    rng.choice(len(Y), len(Y), replace=False)
    G = first_basis(Y, W, 3, ROBUST, Regulariser(), rng, start="spare")
    wanted = fit_als(Y, W, start_in_memory(Y, W, G, ROBUST, SIX), ROBUST, SIX)
    np.testing.assert_allclose(found.losses, wanted.losses, rtol=1e-10)


def test_a_sample_keeps_to_its_memory(stored, tmp_path, monkeypatch):
    blocks = stored[0]
    monkeypatch.setattr("errorbar.hmf.fit.blocks.sample.SAMPLE_BYTES", 30 * 2 * 40 * 8)
    seen = []
    from errorbar.hmf.fit.blocks import sample

    wanted = sample.first_basis
    monkeypatch.setattr(
        sample,
        "first_basis",
        lambda Y, *rest, **more: (seen.append(len(Y)), wanted(Y, *rest, **more))[1],
    )
    fit_blocks(blocks, 3, ROBUST, SIX, folder=tmp_path / "fit")
    assert 25 <= seen[0] <= 30


def test_single_precision_is_fitted_as_in_memory(tmp_path):
    blocks, Y, W, G = store(tmp_path, np.float32)
    found = fit_blocks(blocks, 3, ROBUST, SIX, folder=tmp_path / "fit", start=G)
    wanted = fit_als(Y, W, start_in_memory(Y, W, G, ROBUST, SIX), ROBUST, SIX)
    np.testing.assert_allclose(found.losses, wanted.losses, rtol=1e-5)
    assert blocks.dtype == np.float32
    assert found.coefficients.gather().dtype == np.float64


@pytest.mark.parametrize("strategy", ["max_frac_G", "rel_frac_loss"])
def test_it_stops_where_the_fit_in_memory_stops(stored, tmp_path, strategy):
    blocks, Y, W, G = stored
    settings = AlsSettings(conv_strategy=strategy, conv_tol=1e-6, conv_check_cadence=3)
    found = fit_blocks(blocks, 3, ROBUST, settings, folder=tmp_path / "fit", start=G)
    wanted = fit_als(Y, W, start_in_memory(Y, W, G, ROBUST, settings), ROBUST, settings)
    assert found.converged
    assert found.it == wanted.state.it


def test_a_row_and_a_pixel_without_data_do_no_harm(tmp_path):
    Y, W, _, G = some_data(50, 40, 3)
    W[17:40] = 0
    W[:, 4] = 0
    found = fit_blocks(
        ArrayBlocks(Y, W, rows=8), 3, ROBUST, SIX, folder=tmp_path, start=G, n_workers=2
    )
    A = found.coefficients.gather()
    assert np.isfinite(A).all()
    assert np.isfinite(found.G).all()
    assert np.all(A[17:40] == 0)


def test_results_come_block_by_block_in_order(stored, tmp_path):
    blocks = stored[0]
    found = fit_blocks(blocks, 3, ROBUST, SIX, folder=tmp_path / "fit").coefficients
    assert len(found) == blocks.n_blocks
    for number, (block, rows, A) in enumerate(found):
        assert block == number
        assert rows == blocks.bounds(block)
        assert A.shape == (rows[1] - rows[0], 3)


# The same bytes.


@given(leaves=st.integers(1, 70), width=st.integers(1, 5), seed=st.integers(0, 99))
def test_sums_have_the_same_bits_whoever_adds_which_branch(leaves, width, seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=leaves) * 10.0 ** rng.uniform(-8, 8, leaves)

    def total(parts):
        tree = Tree(leaves)
        for n in rng.permutation(len(parts)):
            first, last, size = parts[n]
            branch = Tree(last - first)
            for leaf in rng.permutation(np.arange(first, last)):
                branch.add(int(leaf) - first, 1, {"s": values[leaf]})
            tree.add(first, size, branch.root)
        assert not tree.waiting
        return tree.root["s"]

    single = [(leaf, leaf + 1, 1) for leaf in range(leaves)]
    assert total(spans(leaves, width)) == total(single)
    assert total(single) == pytest.approx(values.sum(), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("ending", [".npy", ".h5", ".zarr", ".parquet"])
def test_every_format_gives_the_same_bytes(tmp_path, ending):
    blocks, Y, W, G = store(tmp_path, ending=ending)
    one = fit_blocks(blocks, 3, ROBUST, SIX, folder=tmp_path / "one", start=G)
    two = fit_blocks(ArrayBlocks(Y, W, rows=16), 3, ROBUST, SIX, folder=tmp_path / "two", start=G)
    same(one, two)


def test_threads_do_not_change_a_bit(tmp_path):
    blocks, _, _, _ = store(tmp_path, rows=517, size=24)
    one, three = (
        fit_blocks(blocks, 3, ROBUST, SIX, folder=tmp_path / str(n), n_workers=n) for n in (1, 3)
    )
    same(one, three)


@pytest.mark.heavy
def test_processes_do_not_change_a_bit(tmp_path):
    blocks, _, _, _ = store(tmp_path, np.float32, rows=517)
    one = fit_blocks(blocks, 3, ROBUST, SIX, folder=tmp_path / "one", n_workers=1)
    two = fit_blocks(
        blocks, 3, ROBUST, SIX, folder=tmp_path / "two", workers="processes", n_workers=2
    )
    same(one, two)


@pytest.fixture(scope="module")
def two_processes():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as cluster:
        yield cluster


@pytest.mark.heavy
def test_a_cluster_of_two_does_not_change_a_bit(two_processes, tmp_path):
    blocks, _, _, _ = store(tmp_path, rows=517)
    one = fit_blocks(blocks, 3, ROBUST, SIX, folder=tmp_path / "one", n_workers=1)
    two = fit_blocks(
        blocks, 3, ROBUST, SIX, folder=tmp_path / "two", workers=two_processes.scheduler_address
    )
    same(one, two)


@pytest.mark.heavy
def test_a_worker_killed_on_the_way_does_not_change_a_bit(two_processes, tmp_path):
    from distributed import Client

    blocks, _, _, _ = store(tmp_path, rows=3000, size=48)
    one = fit_blocks(blocks, 3, ROBUST, SIX, folder=tmp_path / "one")
    folder, killed = tmp_path / "two", []
    with Client(two_processes, set_as_default=False) as client:
        victim = next(iter(client.run(os.getpid).values()))

        def kill():
            while not list(folder.glob("block-*-000002.*")):
                time.sleep(0.001)
            os.kill(victim, signal.SIGKILL)
            killed.append(len(list(folder.glob("block-*-000002.*"))))

        killer = threading.Thread(target=kill)
        killer.start()
        two = fit_blocks(blocks, 3, ROBUST, SIX, folder=folder, workers=client)
        killer.join()
    assert killed[0] < blocks.n_blocks
    same(one, two)


# Cut short.


class CrashError(Exception):
    pass


@pytest.mark.parametrize("when", [1, 3, 6])
def test_a_fit_that_crashed_goes_on_to_the_same_bytes(stored, tmp_path, when):
    blocks = stored[0]

    def crash(it, G, objective):
        if it == when:
            raise CrashError

    whole = fit_blocks(blocks, 3, ROBUST, SIX, folder=tmp_path / "whole")
    with pytest.raises(CrashError):
        fit_blocks(blocks, 3, ROBUST, SIX, folder=tmp_path / "cut", callback=crash)
    seen = []
    found = fit_blocks(
        blocks, 3, ROBUST, SIX, folder=tmp_path / "cut", callback=lambda it, *_: seen.append(it)
    )
    assert seen == list(range(when + 1, 7))
    same(whole, found)


def test_a_block_that_fails_is_named_and_the_fit_goes_on_from_there(tmp_path):
    Y, W, _, G = some_data(50, 40, 3)

    class Torn(ArrayBlocks):
        reads = 0

        def read(self, block):
            self.reads += block == 3
            if block == 3 and self.reads == 3:
                raise OSError("bad sector")
            return super().read(block)

    torn = Torn(Y, W, rows=8)
    told = r"block 3 \(rows 24 to 31 of the arrays in memory\): OSError: bad sector.*iteration 2"
    with pytest.raises(EngineError, match=told):
        fit_blocks(torn, 3, ROBUST, SIX, folder=tmp_path / "cut", start=G)
    found = fit_blocks(torn, 3, ROBUST, SIX, folder=tmp_path / "cut", start=G)
    whole = fit_blocks(ArrayBlocks(Y, W, rows=8), 3, ROBUST, SIX, folder=tmp_path / "w", start=G)
    same(whole, found)


def test_a_value_that_is_no_number_is_told_by_its_block(tmp_path):
    Y, W, _, G = some_data(50, 40, 3)
    Y[20, 3], W[20, 3] = np.nan, 1.0
    blocks = open_blocks(write_blocks(tmp_path / "bad.h5", Loose(Y, W)), rows=16)
    told = r"block 1 \(rows 16 to 31 of .*bad\.h5\): FitError: .*`check_blocks` finds it"
    with pytest.raises(EngineError, match=told):
        fit_blocks(blocks, 3, ROBUST, SIX, folder=tmp_path / "fit", start=G)


class Loose(ArrayBlocks):
    """Blocks whose values nobody checks."""

    def __init__(self, Y, W):
        super().__init__(np.zeros_like(Y), np.ones_like(W))
        self.Y, self.W = Y, W


def test_more_iterations_go_on_from_a_finished_fit(stored, tmp_path):
    blocks = stored[0]
    nine = replace(SIX, max_iter=9)
    whole = fit_blocks(blocks, 3, ROBUST, nine, folder=tmp_path / "whole")
    six = fit_blocks(blocks, 3, ROBUST, SIX, folder=tmp_path / "cut")
    assert six.it == 6
    same(fit_blocks(blocks, 3, ROBUST, nine, folder=tmp_path / "cut"), whole)
    with pytest.raises(SettingsError, match="9 iterations and max_iter is 6"):
        fit_blocks(blocks, 3, ROBUST, SIX, folder=tmp_path / "cut")


def test_a_finished_fit_answers_without_work(stored, tmp_path):
    blocks = stored[0]
    first = fit_blocks(blocks, 3, ROBUST, SIX, folder=tmp_path / "fit")
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "fit").glob("*.safetensors")}
    same(fit_blocks(blocks, 3, ROBUST, SIX, folder=tmp_path / "fit"), first)
    assert stamps == {path: path.stat().st_mtime_ns for path in stamps}
    names = {path.name.split("-")[-1] for path in stamps if path.name.startswith("block-")}
    assert names == {"000005.safetensors", "000006.safetensors"}


def test_a_callback_ends_a_fit_which_can_go_on(stored, tmp_path):
    blocks = stored[0]
    found = fit_blocks(
        blocks, 3, ROBUST, SIX, folder=tmp_path / "fit", callback=lambda it, *_: it == 2
    )
    assert found.it == 2
    assert len(found.losses) == 3
    assert not found.converged
    whole = fit_blocks(blocks, 3, ROBUST, SIX, folder=tmp_path / "whole")
    same(fit_blocks(blocks, 3, ROBUST, SIX, folder=tmp_path / "fit"), whole)


def test_a_fit_that_still_moves_says_so(stored, tmp_path):
    settings = AlsSettings(max_iter=2, conv_tol=1e-12, conv_check_cadence=1)
    with pytest.warns(NotConvergedWarning, match="max_iter=2 iterations: run it again with more"):
        found = fit_blocks(stored[0], 3, ROBUST, settings, folder=tmp_path / "fit")
    assert not found.converged


def begin_alone(tmp_path, blocks, workers):
    """A fit in a process of its own, once it is in its third iteration."""
    program = (
        "import os, sys\n"
        "from errorbar.hmf.data import open_blocks\n"
        "from errorbar.hmf.fit.als import AlsSettings\n"
        "from errorbar.hmf.fit.blocks import fit_blocks\n"
        "from errorbar.hmf.model import StudentTLikelihood\n"
        "os.fsync = lambda _: None\n"
        "if __name__ == '__main__':\n"
        "    fit_blocks(open_blocks(sys.argv[1], rows=256), 3, StudentTLikelihood(1.0, 3.0),\n"
        "        AlsSettings(max_iter=30, conv_strategy='none'), folder=sys.argv[2],\n"
        "        workers=sys.argv[3], n_workers=2)\n"
    )
    script, folder = tmp_path / "program.py", tmp_path / "cut"
    script.write_text(program)
    command = [sys.executable, str(script), str(blocks.path), str(folder), workers]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    while not list(folder.glob("block-*-000003.*")):
        assert process.poll() is None, "the fit ended before it could be cut"
        time.sleep(0.002)
    return process


def goes_on(tmp_path, blocks):
    settings, folder, seen = replace(SIX, max_iter=30), tmp_path / "cut", []
    assert not (folder / "fit.safetensors").exists()
    found = fit_blocks(
        blocks, 3, ROBUST, settings, folder=folder, callback=lambda it, *_: seen.append(it)
    )
    assert 3 <= seen[0] < 30
    same(fit_blocks(blocks, 3, ROBUST, settings, folder=tmp_path / "whole"), found)


@pytest.mark.heavy
@pytest.mark.parametrize("workers", ["threads", "processes"])
def test_a_killed_fit_goes_on_to_the_same_bytes(tmp_path, workers):
    blocks, *_ = store(tmp_path, rows=3000, size=256)
    process = begin_alone(tmp_path, blocks, workers)
    process.kill()
    process.wait()
    goes_on(tmp_path, blocks)


@pytest.mark.heavy
@pytest.mark.parametrize("workers", ["threads", "processes"])
def test_an_interrupted_fit_ends_soon_and_goes_on(tmp_path, workers):
    blocks, *_ = store(tmp_path, rows=3000, size=256)
    process = begin_alone(tmp_path, blocks, workers)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=20) != 0
    goes_on(tmp_path, blocks)


@pytest.mark.heavy
def test_a_killed_process_is_said_and_the_fit_goes_on(tmp_path):
    blocks, *_ = store(tmp_path, rows=3000, size=256)
    settings, folder = replace(SIX, max_iter=30), tmp_path / "cut"

    # A cluster's processes are children too.
    others = multiprocessing.active_children()

    def kill(it, *_):
        if it == 3:
            ours = [child for child in multiprocessing.active_children() if child not in others]
            os.kill(ours[0].pid, signal.SIGKILL)

    with pytest.raises(EngineError, match=r"died while it worked.*goes on from iteration 3"):
        fit_blocks(
            blocks, 3, ROBUST, settings, folder=folder, workers="processes", n_workers=2,
            callback=kill,
        )  # fmt: skip
    goes_on(tmp_path, blocks)


# Refused.


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"rank": 2}, "its rank is 3, this one's is 2"),
        ({"likelihood": GaussianLikelihood()}, r"its likelihood is StudentT.* is Gaussian"),
        ({"settings": replace(SIX, refits=2)}, "its settings is"),
        ({"seed": 1}, "its start is rows drawn with seed 0, this one's is .* seed 1"),
        ({"rows": 32}, "its rows of a block is 16, this one's is 32"),
        ({"data": 7}, "its first rows is"),
    ],
    ids=["rank", "likelihood", "settings", "seed", "layout", "data"],
)
def test_the_folder_of_another_fit_is_refused(tmp_path, change, told):
    blocks, Y, W, _ = store(tmp_path)
    first = {"rank": 3, "likelihood": ROBUST, "settings": SIX, "folder": tmp_path / "fit"}
    fit_blocks(blocks, **first)
    if "rows" in change:
        blocks = open_blocks(blocks.path, rows=change.pop("rows"))
    if "data" in change:
        write_blocks(tmp_path / "stars.npy", ArrayBlocks(Y + change.pop("data"), W, rows=16))
    with pytest.raises(EngineError, match=f"{told}.*resume=False"):
        fit_blocks(blocks, **{**first, **change})
    again = fit_blocks(blocks, **{**first, **change}, resume=False)
    assert again.it == 6


def test_a_block_file_of_another_fit_is_refused(stored, tmp_path):
    blocks = stored[0]
    for seed in (0, 1):
        fit_blocks(blocks, 3, ROBUST, SIX, folder=tmp_path / str(seed), seed=seed)
    stranger = tmp_path / "1" / "block-000002-000006.safetensors"
    stranger.replace(tmp_path / "0" / stranger.name)
    with pytest.raises(EngineError, match=r"block 2 .* of another job or block"):
        fit_blocks(blocks, 3, ROBUST, replace(SIX, max_iter=7), folder=tmp_path / "0")


def test_a_folder_in_use_is_refused(stored, tmp_path):
    def again(*_):
        fit_blocks(stored[0], 3, ROBUST, SIX, folder=tmp_path / "fit")

    with pytest.raises(EngineError, match="another run is using"):
        fit_blocks(stored[0], 3, ROBUST, SIX, folder=tmp_path / "fit", callback=again)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"rank": 0}, "rank=0 cannot describe 103 rows of 40 pixels"),
        ({"rank": 41}, "rank=41"),
        ({"settings": AlsSettings(conv_strategy="max_frac_A")}, "choose max_frac_G"),
        ({"start": np.zeros((40, 2))}, r"need \(40, 3\)"),
        ({"start": np.full((40, 3), np.nan)}, "not finite"),
        ({"workers": "soon"}, "'soon' is not a way to run"),
        ({"n_workers": 0}, "n_workers=0"),
        ({"seed": -1}, "seed=-1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_meant_is_refused(stored, tmp_path, change, told):
    usual = {"rank": 3, "likelihood": ROBUST, "settings": SIX, "folder": tmp_path / "fit"}
    with pytest.raises(SettingsError, match=told):
        fit_blocks(stored[0], **{**usual, **change})


def test_blocks_in_memory_cannot_go_to_processes(stored, tmp_path):
    blocks = ArrayBlocks(stored[1], stored[2], rows=16)
    with pytest.raises(SettingsError, match="write_blocks"):
        fit_blocks(blocks, 3, ROBUST, SIX, folder=tmp_path / "f", workers="processes", n_workers=1)


# Several models, and coefficients alone.


def test_models_that_share_a_visit_give_what_each_gives_alone(stored, tmp_path):
    blocks = stored[0]
    settings = AlsSettings(conv_strategy="rel_frac_loss", conv_tol=1e-6, conv_check_cadence=1)
    models = [BlockModel(2, ROBUST), BlockModel(3, GaussianLikelihood()), BlockModel(4, ROBUST)]
    together = fit_blocks_many(blocks, models, settings, folder=tmp_path / "all")
    for number, (model, found) in enumerate(zip(models, together)):
        alone = fit_blocks(
            blocks, model.rank, model.likelihood, settings, folder=tmp_path / str(number)
        )
        same(alone, found)
    assert len({found.it for found in together}) > 1, "they should not all stop at once"


def test_coefficients_on_a_basis_are_those_in_memory(stored, tmp_path):
    blocks, Y, W, G = stored
    found = infer_blocks(blocks, G, ROBUST, folder=tmp_path / "rows", n_workers=2)
    wanted = infer_coefficients(Y, W, G, ROBUST)
    np.testing.assert_allclose(found.gather(), wanted.A, atol=1e-12)
    passes = np.concatenate([found.passes(block) for block in range(len(found))])
    np.testing.assert_array_equal(passes, wanted.passes)


def test_an_inference_does_again_only_what_is_missing(stored, tmp_path):
    blocks, _, _, G = stored
    folder = tmp_path / "rows"
    first = infer_blocks(blocks, G, ROBUST, folder=folder).gather()
    stamps = {path: path.stat().st_mtime_ns for path in folder.glob("coefficients-*")}
    lost = folder / "coefficients-000004.safetensors"
    lost.unlink()
    again = infer_blocks(blocks, G, ROBUST, folder=folder).gather()
    assert again.tobytes() == first.tobytes()
    assert {path for path in stamps if path.stat().st_mtime_ns != stamps[path]} == {lost}
    with pytest.raises(EngineError, match="its basis is"):
        infer_blocks(blocks, G + 1, ROBUST, folder=folder)


def test_the_bar_counts_visits_of_blocks_on_standard_error(stored, tmp_path, capfd):
    blocks = stored[0]
    fit_blocks(blocks, 3, ROBUST, SIX, folder=tmp_path / "fit", progress=True)
    out, err = capfd.readouterr()
    assert not out
    assert "49/49" in err
