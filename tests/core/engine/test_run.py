"""A job is its pieces and its seed; who does the work, and how often it was cut short, is not."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.engine import discard_journal, piece_seed, run_pieces
from errorbar.core.engine.values import decoded, digest, encoded, frozen
from errorbar.core.errors import EngineError, SettingsError
from tests.core.engine import work

seeds = st.integers(0, 2**64 - 1)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
arrays = st.builds(
    lambda kind, size, fill: np.full(size, fill).astype(kind),
    st.sampled_from(["float64", "float32", "int64", ">f8", "bool", "uint8"]),
    st.lists(st.integers(0, 3), max_size=3),
    st.integers(0, 100),
)
values = st.dictionaries(st.text(min_size=1, max_size=5), scalars | arrays, max_size=4)


@given(seed=seeds, index=st.integers(0, 10_000))
def test_a_seed_is_the_numpy_child_of_that_index(seed, index):
    child = np.random.SeedSequence(seed, spawn_key=(index,))
    assert piece_seed(seed, index) == int(child.generate_state(1, np.uint64)[0])


@given(seed=seeds)
def test_pieces_have_seeds_of_their_own(seed):
    assert len({piece_seed(seed, index) for index in range(200)}) == 200


@given(values=values)
def test_values_survive_the_journal_bit_for_bit(values):
    canonical = frozen(values, "a piece")
    back, header = decoded(encoded(canonical, {"index": 3}))
    assert work.same([back], [canonical])
    assert header == {"index": 3}
    assert digest(back) == digest(canonical)


@given(values=values)
def test_the_order_of_names_changes_nothing(values):
    backwards = dict(reversed(values.items()))
    assert encoded(frozen(values, ""), {}) == encoded(frozen(backwards, ""), {})


def test_a_digest_sees_a_change_of_sign_shape_kind_and_name():
    variants = [
        {"a": np.zeros(2)},
        {"a": -np.zeros(2)},
        {"a": np.zeros((1, 2))},
        {"a": np.zeros(2, dtype=np.int64)},
        {"b": np.zeros(2)},
        {"a": 0.0},
        {"a": 0},
        {"a": False},
        {"a": None},
        {"a": "0"},
    ]
    assert len({digest(frozen(values, "")) for values in variants}) == len(variants)


def test_a_transposed_view_is_kept_as_what_it_shows():
    view = np.arange(6.0).reshape(2, 3).T
    back, _ = decoded(encoded(frozen({"view": view}, ""), {}))
    np.testing.assert_array_equal(back["view"], view)


@pytest.mark.parametrize("n_workers", [1, 2, 5])
def test_results_come_in_the_order_of_the_pieces(n_workers):
    jobs = work.pieces(23)
    results = run_pieces(work.draw, jobs, seed=4, n_workers=n_workers)
    assert [result["half"] for result in results] == [0.5 * number for number in range(23)]
    expected = [work.draw(piece, piece_seed(4, index)) for index, piece in enumerate(jobs)]
    assert work.same(results, [frozen(one, "") for one in expected])


def test_processes_give_the_bytes_of_threads():
    jobs = work.pieces(12)
    threads = run_pieces(work.draw, jobs, seed=4)
    processes = run_pieces(work.draw, jobs, seed=4, workers="processes", n_workers=2)
    assert work.same(threads, processes)


def test_results_cannot_be_changed():
    (result,) = run_pieces(work.draw, work.pieces(1), seed=4)
    with pytest.raises(ValueError, match="read-only"):
        result["draws"][0] = 0.0


def test_no_pieces_give_no_results(tmp_path):
    assert run_pieces(work.draw, [], seed=1, journal=tmp_path / "journal") == []


def test_a_finished_journal_answers_without_work(tmp_path):
    first = run_pieces(work.draw, work.pieces(8), seed=1, journal=tmp_path)
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.glob("piece-*")}
    second = run_pieces(work.draw, work.pieces(8), seed=1, journal=tmp_path)
    assert work.same(first, second)
    assert stamps == {path: path.stat().st_mtime_ns for path in tmp_path.glob("piece-*")}
    assert len(stamps) == 8


@pytest.mark.parametrize(
    ("workers", "delay"), [("threads", 0.05), ("threads", 0.31), ("processes", 0.2)]
)
def test_a_killed_job_goes_on_to_the_same_bytes(tmp_path, workers, delay):
    journal, count = tmp_path / "journal", 200
    command = _command(journal, count, workers)
    process = subprocess.Popen(command)
    while not list(journal.glob("piece-*.safetensors")):
        assert process.poll() is None, "the job ended before it could be killed"
        time.sleep(0.005)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = len(list(journal.glob("piece-*.safetensors")))
    assert 0 < kept < count
    resumed = run_pieces(work.draw_slowly, work.pieces(count), seed=11, journal=journal)
    whole = run_pieces(work.draw_slowly, work.pieces(count), seed=11, n_workers=8)
    assert work.same(resumed, whole)


def test_a_killed_job_leaves_no_worker_behind(tmp_path):
    journal = tmp_path / "journal"
    command = _command(journal, 2000, "processes")
    process = subprocess.Popen(command)
    while not list(journal.glob("piece-*.safetensors")):
        time.sleep(0.005)
    children = _children(process.pid)
    assert children
    process.kill()
    process.wait()
    deadline = time.monotonic() + 10
    while any(_runs(child) for child in children) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not [child for child in children if _runs(child)]


def test_an_interrupt_leaves_a_journal_that_goes_on(tmp_path):
    journal, count = tmp_path / "journal", 400
    command = _command(journal, count, "threads")
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not list(journal.glob("piece-*.safetensors")):
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in told
    assert 0 < len(list(journal.glob("piece-*.safetensors"))) < count
    resumed = run_pieces(work.draw_slowly, work.pieces(count), seed=11, journal=journal)
    assert work.same(resumed, run_pieces(work.draw, work.pieces(count), seed=11))
    assert not list(journal.glob("*.part"))


@pytest.mark.parametrize("workers", ["threads", "processes"])
def test_a_failing_piece_is_named_and_the_finished_ones_are_kept(tmp_path, workers):
    with pytest.raises(EngineError, match="piece 5 failed with SurveyError: this survey") as told:
        run_pieces(
            work.fail_at_five,
            work.pieces(40),
            seed=1,
            journal=tmp_path,
            workers=workers,
            n_workers=1,
        )
    kept = len(list(tmp_path.glob("piece-*.safetensors")))
    state = f"({kept} of 40 pieces are finished and kept in {tmp_path}: run again to go on.)"
    assert str(told.value).endswith(state)
    assert "Traceback" not in str(told.value)
    # One worker takes pieces in their order.
    assert kept == 5


def test_a_dead_worker_process_is_said(tmp_path):
    with pytest.raises(EngineError, match="worker process died"):
        run_pieces(
            work.die_at_five,
            work.pieces(8),
            seed=1,
            journal=tmp_path,
            workers="processes",
            n_workers=1,
        )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"seed": 2}, "its seed is 1, this job's is 2"),
        ({"function": work.draw_slowly}, r"its function is .*draw, this job's is .*draw_slowly"),
        ({"pieces": work.pieces(9)}, "it has 8 pieces, this job has 9"),
        (
            {"pieces": [*work.pieces(7), {**work.pieces(8)[7], "scale": np.ones(4)}]},
            "1 of 8 pieces differ, the first is piece 7",
        ),
    ],
)
def test_the_journal_of_another_job_is_refused(tmp_path, change, told):
    job = {"function": work.draw, "pieces": work.pieces(8), "seed": 1}
    run_pieces(**job, journal=tmp_path)
    with pytest.raises(EngineError, match=told):
        run_pieces(**{**job, **change}, journal=tmp_path)


def test_the_journal_of_another_version_is_refused(tmp_path):
    run_pieces(work.draw, work.pieces(2), seed=1, journal=tmp_path)
    header = tmp_path / "header.json"
    header.write_text(json.dumps({**json.loads(header.read_text()), "version": "0.0.1"}))
    with pytest.raises(EngineError, match="its version is 0.0.1"):
        run_pieces(work.draw, work.pieces(2), seed=1, journal=tmp_path)


def test_a_damaged_piece_is_not_believed(tmp_path):
    run_pieces(work.draw, work.pieces(3), seed=1, journal=tmp_path)
    file = tmp_path / "piece-000001.safetensors"
    block = bytearray(file.read_bytes())
    block[-1] ^= 1
    file.write_bytes(block)
    with pytest.raises(EngineError, match=r"piece-000001.safetensors is damaged .* delete this"):
        run_pieces(work.draw, work.pieces(3), seed=1, journal=tmp_path)
    file.write_bytes(block[: len(block) // 2])
    with pytest.raises(EngineError, match=r"piece-000001.safetensors is damaged"):
        run_pieces(work.draw, work.pieces(3), seed=1, journal=tmp_path)
    file.unlink()
    again = run_pieces(work.draw, work.pieces(3), seed=1, journal=tmp_path)
    assert work.same(again, run_pieces(work.draw, work.pieces(3), seed=1))


def test_a_piece_of_another_place_is_not_believed(tmp_path):
    run_pieces(work.draw, work.pieces(3), seed=1, journal=tmp_path)
    first, second = (tmp_path / f"piece-{i:06d}.safetensors" for i in (0, 1))
    second.write_bytes(first.read_bytes())
    with pytest.raises(EngineError, match="its content is not what was written"):
        run_pieces(work.draw, work.pieces(3), seed=1, journal=tmp_path)


def test_pieces_without_a_header_are_refused(tmp_path):
    run_pieces(work.draw, work.pieces(3), seed=1, journal=tmp_path)
    (tmp_path / "header.json").unlink()
    with pytest.raises(EngineError, match=r"no header\.json"):
        run_pieces(work.draw, work.pieces(3), seed=1, journal=tmp_path)
    (tmp_path / "header.json").write_text("{}")
    with pytest.raises(EngineError, match="not the header of a journal"):
        run_pieces(work.draw, work.pieces(3), seed=1, journal=tmp_path)


def test_two_runs_may_not_share_a_journal(tmp_path):
    journal = tmp_path / "journal"
    command = _command(journal, 2000, "threads")
    process = subprocess.Popen(command)
    while not list(journal.glob("piece-*.safetensors")):
        time.sleep(0.005)
    try:
        with pytest.raises(EngineError, match="another run is using the journal"):
            run_pieces(work.draw_slowly, work.pieces(2000), seed=11, journal=journal)
        with pytest.raises(EngineError, match="another run is using the journal"):
            discard_journal(journal)
    finally:
        process.kill()
        process.wait()


def test_discarding_a_journal_deletes_nothing_else(tmp_path):
    run_pieces(work.draw, work.pieces(3), seed=1, journal=tmp_path / "mine")
    discard_journal(tmp_path / "mine")
    assert not (tmp_path / "mine").exists()
    run_pieces(work.draw, work.pieces(3), seed=1, journal=tmp_path / "shared")
    (tmp_path / "shared" / "notes.txt").write_text("a person's own")
    discard_journal(tmp_path / "shared")
    assert [path.name for path in (tmp_path / "shared").iterdir()] == ["notes.txt"]
    discard_journal(tmp_path / "never made")


@pytest.mark.parametrize(
    ("function", "pieces", "told"),
    [
        (lambda piece, seed: {}, [{}], "not at the top of a module"),
        (work.draw, [{"names": ["a", "b"]}], "`names` of piece 0 is a list"),
        (work.draw, [{"names": np.array(["a"])}], "`names` of piece 0 is an array of <U1"),
        (work.draw, [{1: 2.0}], "piece 0 has the name 1"),
        (work.give_text_array, [{}], "`names` of the result of piece 0 is an array of <U9"),
        (work.give_list, [{}], "the result of piece 0 is a list"),
    ],
)
def test_what_cannot_travel_is_refused(function, pieces, told):
    with pytest.raises(EngineError, match=told):
        run_pieces(function, pieces, seed=1)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"seed": -1}, "seed=-1 must be"),
        ({"seed": 1.5}, "seed=1.5 must be"),
        ({"seed": 1, "n_workers": 0}, "n_workers=0 must be at least 1"),
        ({"seed": 1, "workers": "greenlets"}, "'greenlets' is not a way to run"),
        ({"seed": 1, "workers": "tcp://127.0.0.1:1", "n_workers": 2}, "a cluster has its own"),
    ],
)
def test_impossible_options_are_refused(options, told):
    with pytest.raises(SettingsError, match=told):
        run_pieces(work.draw, work.pieces(1), **options)


def test_the_progress_bar_goes_to_standard_error_alone(capfd):
    run_pieces(work.draw, work.pieces(3), seed=1, progress=True, label="surveys")
    out, err = capfd.readouterr()
    assert out == ""
    assert "surveys" in err
    assert "3/3" in err
    run_pieces(work.draw, work.pieces(3), seed=1)
    assert capfd.readouterr() == ("", "")


def _command(journal, count, workers) -> list[str]:
    # Not `-m`: the function's module would then be called `__main__`.
    start = "from tests.core.engine.work import run_alone; run_alone()"
    return [sys.executable, "-c", start, str(journal), str(count), workers]


def _children(pid: int) -> list[int]:
    """The worker processes of a run: its children, and not multiprocessing's resource tracker."""
    found = subprocess.run(["pgrep", "-P", str(pid), "-f", "spawn_main"], capture_output=True)
    return [int(child) for child in found.stdout.split()]


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
