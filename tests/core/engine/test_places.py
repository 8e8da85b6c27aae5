"""A place that stays open gives what `run_pieces` gives, round after round."""

import numpy as np
import pytest

from errorbar.core.engine import open_place, run_pieces
from errorbar.core.errors import EngineError, SettingsError
from tests.core.engine import work


def gathered(place, function, pieces):
    found = {}

    def take(index, values):
        assert index not in found
        found[index] = values

    place.work(function, pieces, take)
    return [found[index] for index in range(len(pieces))]


@pytest.mark.parametrize("workers", ["threads", "processes"])
def test_every_round_gives_the_same_bytes(workers):
    pieces = work.pieces(23)
    with open_place(workers, 2) as place:
        assert place.width == 2
        assert place.shared == (workers == "threads")
        one, two = (gathered(place, work.draw, pieces) for _ in range(2))
        assert gathered(place, work.draw, []) == []
    assert work.same(one, two)
    # Seeds are zero here, so only what is not random is that of a job.
    job = run_pieces(work.draw, pieces, seed=0)
    assert [result["half"] for result in one] == [result["half"] for result in job]


def test_a_failing_piece_ends_the_round_and_not_the_place():
    with open_place("threads", 2) as place:
        with pytest.raises(EngineError, match="piece 5 failed with SurveyError: this survey"):
            gathered(place, work.fail_at_five, work.pieces(30))
        assert len(gathered(place, work.draw, work.pieces(30))) == 30


def test_a_place_for_threads_takes_a_function_without_a_name():
    offset = np.arange(3.0)
    with open_place("threads", 1) as place:
        found = gathered(place, lambda piece, _: {"sum": offset + piece["number"]}, work.pieces(2))
    np.testing.assert_array_equal(found[1]["sum"], offset + 1)


def test_a_killed_worker_process_is_said():
    with (
        open_place("processes", 1) as place,
        pytest.raises(EngineError, match="worker process died"),
    ):
        gathered(place, work.die_at_five, work.pieces(8))


@pytest.mark.parametrize(
    ("workers", "n_workers", "told"),
    [
        ("soon", None, "'soon' is not a way to run"),
        ("threads", 0, "n_workers=0 must be at least 1"),
        ("tcp://127.0.0.1:1", 2, "a cluster has its own workers"),
    ],
)
def test_a_place_that_cannot_be_is_refused(workers, n_workers, told):
    with pytest.raises(SettingsError, match=told), open_place(workers, n_workers):
        pass
