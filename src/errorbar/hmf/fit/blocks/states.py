r"""What a fit over blocks knows between two visits, on disk.

One file for each iteration. It is what workers are sent (they read it), and what a killed run goes
on from. Coefficients stay with their blocks and lag by one gauge: those on disk after iteration $t$
are $A$ before the factors were turned by $T$, and who visits a block next first takes
$A T^{-\top}$.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy import ndarray

import errorbar
from errorbar.core.artifact import Json, read_artifact, write_artifact
from errorbar.core.errors import ArtifactError, EngineError
from errorbar.hmf.data import RowBlocks
from errorbar.hmf.fit.kernel.passes import Rule

__all__ = [
    "State",
    "describe_data",
    "discard",
    "fingerprint",
    "latest_state",
    "prune",
    "read_state",
    "state_file",
    "write_state",
]

KIND = "hmf.blocks.state"
STATE = re.compile(r"state-(\d+)\.safetensors")
BLOCK = re.compile(r"block-\d+-(\d+)\.safetensors")
OURS = re.compile(r"\.?((state|block|coefficients|ending|fit|basis)(-\d+)*\.safetensors)(\..*)?")


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Basis, gauge and history after iteration `it` of `job`.

    `gram` is the coefficients' `A.T @ A` in the gauge of `G`; `held` what the rule of convergence
    saw when it last looked, `rest` whether it was content.
    """

    job: Mapping[str, Json]
    rule: Rule
    it: int
    G: ndarray
    T: ndarray
    gram: ndarray
    losses: ndarray
    held: ndarray | None = None
    rest: bool = False


def fingerprint(job: Mapping[str, Json]) -> str:
    """What stands for a job in its blocks' files."""
    return hashlib.sha256(json.dumps(job, sort_keys=True).encode()).hexdigest()


def describe_data(blocks: RowBlocks, *, shared: bool) -> tuple[dict[str, Json], str]:
    """What tells these data from others, and how another process opens them, as JSON.

    Looks at the first rows, so that another file under the same name is noticed. On threads, which
    share memory, blocks need not be open to other processes.
    """
    start, stop = blocks.bounds(0)
    Y, W = (np.ascontiguousarray(part[:8]) for part in blocks.read(0))
    seen = hashlib.sha256(np.where(W > 0, Y, 0).astype(Y.dtype).tobytes() + W.tobytes())
    data: dict[str, Json] = {
        "rows": blocks.n_rows,
        "pixels": blocks.n_pixels,
        "type": blocks.dtype.name,
        "rows of a block": stop - start,
        "blocks": blocks.n_blocks,
        "first rows": seen.hexdigest(),
        "errorbar": errorbar.__version__,
    }
    try:
        said = blocks.describe()
    except ValueError:
        if not shared:
            raise
        return {**data, "file": None}, ""
    return {**data, "file": {**said}}, json.dumps(said, sort_keys=True)


def state_file(folder: Path, it: int) -> Path:
    """Where the state after iteration `it` lies."""
    return folder / f"state-{it:06d}.safetensors"


def write_state(path: Path, state: State) -> Path:
    """Puts a state on disk, whole or not at all."""
    rule = state.rule
    arrays = {
        "G": state.G,
        "T": state.T,
        "gram": state.gram,
        "losses": state.losses,
        "c": np.array(rule.c),
    }
    if state.held is not None:
        arrays["held"] = state.held
    manifest = {
        "job": state.job,
        "it": state.it,
        "rest": state.rest,
        "refits": rule.refits,
        "ridge": rule.ridge,
        "nonnegative": rule.nonnegative,
        "mean": rule.mean,
    }
    return write_artifact(path, KIND, arrays, manifest)


def read_state(path: Path) -> State:
    """The state in a file."""
    held = read_artifact(path, KIND)
    said, arrays = cast("Mapping[str, Any]", held.manifest), held.arrays
    rule = Rule(
        float(arrays["c"]), said["refits"], said["ridge"], said["nonnegative"], said["mean"]
    )
    G, T, gram, losses = (np.array(arrays[name]) for name in ("G", "T", "gram", "losses"))
    return State(
        said["job"], rule, said["it"], G, T, gram, losses, arrays.get("held"), said["rest"]
    )


def latest_state(folder: Path, job: Mapping[str, Json]) -> State | None:
    """Where the job stopped; nothing in a new folder, refused where another job has been."""
    found = [int(match[1]) for path in folder.iterdir() if (match := STATE.fullmatch(path.name))]
    if not found:
        return None
    path = state_file(folder, max(found))
    try:
        state = read_state(path)
    except ArtifactError as error:
        raise EngineError(
            f"a fit cannot go on from {path} ({error}): delete the folder to begin anew."
        ) from error
    check_job(folder, state.job, job)
    return state


def check_job(folder: Path, found: Mapping[str, Json], job: Mapping[str, Json]) -> None:
    """Refuse a folder that another job uses, and say in what the two differ."""
    for name in job:
        if found.get(name) != job[name]:
            raise EngineError(
                f"{folder} holds another fit: its {name} is {found.get(name)}, this one's is "
                f"{job[name]}. Give this fit another folder, or pass resume=False to begin anew "
                "in this one."
            )


def prune(folder: Path, it: int) -> None:
    """Take away what belongs to iterations before the last two, or after `it`."""
    for path in folder.iterdir():
        match = STATE.fullmatch(path.name) or BLOCK.fullmatch(path.name)
        part = path.suffix == ".part" and OURS.fullmatch(path.name)
        if part or (match and not it - 1 <= int(match[1]) <= it):
            path.unlink(missing_ok=True)


def discard(folder: Path) -> None:
    """Take away all files of a fit."""
    for path in folder.iterdir():
        if OURS.fullmatch(path.name):
            path.unlink(missing_ok=True)
