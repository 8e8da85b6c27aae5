"""The same jobs on Dask clusters."""

import importlib
import threading
import time

import pytest

from errorbar.core.engine import run_pieces
from errorbar.core.errors import EngineError
from tests.core.engine import work

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def small_cluster():
    """A scheduler with two workers inside this process: fast to start, and a real scheduler."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
    ) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def two_processes():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as cluster:
        yield cluster


def test_a_cluster_gives_the_bytes_of_threads(small_cluster):
    with distributed.Client(small_cluster, set_as_default=False) as client:
        found = run_pieces(work.draw, work.pieces(150), seed=4, workers=client)
        assert client.status == "running", "a client that came from outside must be left open"
    assert work.same(found, run_pieces(work.draw, work.pieces(150), seed=4))


def test_two_worker_processes_by_address_give_the_bytes_of_threads(two_processes, tmp_path):
    found = run_pieces(
        work.draw,
        work.pieces(150),
        seed=4,
        workers=two_processes.scheduler_address,
        journal=tmp_path,
    )
    threads = run_pieces(work.draw, work.pieces(150), seed=4)
    assert work.same(found, threads)
    # What a cluster began, threads can end.
    (tmp_path / "piece-000007.safetensors").unlink()
    assert work.same(run_pieces(work.draw, work.pieces(150), seed=4, journal=tmp_path), threads)


def test_a_lost_worker_costs_its_pieces_only(two_processes, tmp_path):
    pieces = work.pieces(60, stamp=str(tmp_path / "stamp"))
    found = run_pieces(
        work.die_the_first_time, pieces, seed=4, workers=two_processes.scheduler_address
    )
    assert (tmp_path / "stamp").exists()
    assert work.same(found, run_pieces(work.draw, pieces, seed=4))


def test_a_failing_piece_on_a_cluster_is_named(small_cluster, tmp_path):
    with (
        distributed.Client(small_cluster, set_as_default=False) as client,
        pytest.raises(EngineError, match="piece 5 failed with SurveyError: this survey"),
    ):
        run_pieces(work.fail_at_five, work.pieces(300), seed=1, workers=client, journal=tmp_path)


def test_a_scheduler_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setattr("errorbar.core.engine.pools.SECONDS_FOR_SCHEDULER", 0.3)
    with pytest.raises(EngineError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1 "):
        run_pieces(work.draw, work.pieces(2), seed=1, workers="tcp://127.0.0.1:1")


def test_a_scheduler_without_workers_is_said(monkeypatch):
    monkeypatch.setattr("errorbar.core.engine.pools.SECONDS_FOR_WORKERS", 0.3)
    with (
        distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
        pytest.raises(EngineError, match=r"has had no worker for 0\.3 s"),
    ):
        run_pieces(work.draw, work.pieces(2), seed=1, workers=client)


def test_a_function_the_workers_do_not_have_is_said(two_processes, tmp_path, monkeypatch):
    (tmp_path / "only_here.py").write_text("def work(piece, seed):\n    return {}\n")
    monkeypatch.syspath_prepend(tmp_path)
    function = importlib.import_module("only_here").work
    with pytest.raises(EngineError, match=r"worker tcp.* cannot run this .* the module only_here"):
        run_pieces(function, work.pieces(2), seed=1, workers=two_processes.scheduler_address)


def test_a_scheduler_that_drops_the_work_is_said(small_cluster, tmp_path):
    with distributed.Client(small_cluster, set_as_default=False) as client:

        def drop():
            while not list(tmp_path.glob("piece-*")):
                time.sleep(0.01)
            client.cancel([distributed.Future(key, client) for key in list(client.futures)])

        dropper = threading.Thread(target=drop)
        dropper.start()
        with pytest.raises(EngineError, match="scheduler was lost, or dropped the work"):
            run_pieces(
                work.draw_slowly, work.pieces(2000), seed=1, workers=client, journal=tmp_path
            )
        dropper.join()
