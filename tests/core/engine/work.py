"""Pieces of work that tests hand to the engine; here so that a worker finds them by name."""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from errorbar.core.engine import run_pieces
from errorbar.core.errors import SurveyError


def draw(piece, seed):
    """Random numbers, a scalar and the seed: everything an answer may hold."""
    rng = np.random.default_rng(seed)
    return {
        "draws": piece["scale"] * rng.normal(size=piece["shape"]),
        "above": rng.uniform(size=3) > 0.5,
        "seed": np.uint64(seed),
        "label": piece["label"],
        "half": 0.5 * piece["number"],
    }


def draw_slowly(piece, seed):
    time.sleep(0.01)
    return draw(piece, seed)


def fail_at_five(piece, seed):
    if piece["number"] == 5:
        raise SurveyError("this survey has no planets")
    return draw(piece, seed)


def die_at_five(piece, seed):
    if piece["number"] == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return draw(piece, seed)


def die_the_first_time(piece, seed):
    """Kill the worker once: the stamp on disk tells the second try from the first."""
    stamp = Path(piece["stamp"])
    if piece["number"] == 5 and not stamp.exists():
        stamp.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return draw(piece, seed)


def give_text_array(piece, seed):
    return {"names": np.array(["WASP-12 b"])}


def give_list(piece, seed):
    return [1.0]


def pieces(count: int, **more):
    return [
        {
            "number": number,
            "scale": np.linspace(1.0, 2.0, number % 4 + 1),
            "shape": np.array([3, number % 4 + 1]),
            "label": f"S{number % 4 + 1}",
            **more,
        }
        for number in range(count)
    ]


def same(left, right) -> bool:
    """Bit for bit, names and kinds included."""
    return [_bits(one) for one in left] == [_bits(one) for one in right]


def _bits(values):
    return [
        (name, value.dtype.str, value.shape, value.tobytes())
        if isinstance(value, np.ndarray)
        else (name, type(value), value)
        for name, value in sorted(values.items())
    ]


def run_alone():
    """A whole job in a process of its own, its folder, size and workers from the command line."""
    folder, count, workers = sys.argv[1:]
    run_pieces(
        draw_slowly, pieces(int(count)), seed=11, journal=folder, workers=workers, n_workers=2
    )
