"""Where a fit in memory is, on disk, so that it can go on from there to the same bytes.

A checkpoint holds what the next iteration sees: factors in the gauge they are in, the objectives
so far, and what the rule of convergence last saw. It is written every so often while a fit runs,
and when it is interrupted.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy import ndarray

from errorbar.core.artifact import Json, read_artifact, write_artifact
from errorbar.core.errors import ArtifactError, EngineError, SettingsError
from errorbar.hmf.fit.state import RHMFState

__all__ = ["Checkpoint", "Keeper", "Moment"]

KIND = "hmf fit on its way"
# Writing takes a small part of the time whatever the size of the factors.
LEISURE = 30


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A file that a fit goes on from, written every `seconds` or less often where it is slow."""

    path: Path
    seconds: float = 10.0

    def __post_init__(self) -> None:
        if not self.seconds >= 0:
            raise SettingsError(f"seconds={self.seconds:g} must be zero or positive.")


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """A fit after an iteration: its state, the objectives, what the rule saw, whether it rests.

    `over` says that the fit had ended there, at rest or because no more iterations were allowed.
    """

    state: RHMFState
    losses: ndarray
    held: float | ndarray | None
    rest: bool
    over: bool = False


@dataclass(slots=True)
class Keeper:
    """The checkpoint of one fit, which `job` tells from all others."""

    checkpoint: Checkpoint
    job: Mapping[str, Json]
    last: Moment | None = None
    due: float = field(default_factory=time.monotonic)

    def found(self) -> Moment | None:
        """Where this fit stopped; refused where the file is of another that has not ended."""
        path = self.checkpoint.path
        if not path.exists():
            return None
        try:
            held = read_artifact(path, KIND)
        except ArtifactError as error:
            raise EngineError(
                f"a fit cannot go on from {path} ({error}): delete the file to begin anew."
            ) from error
        told = cast("Mapping[str, Any]", held.manifest)
        moment = _moment(told, held.arrays)
        unlike = [name for name in self.job if told["job"].get(name) != self.job[name]]
        if not unlike:
            return moment
        if moment.over:
            return None
        name = unlike[0]
        raise EngineError(
            f"{path} holds another fit, stopped after {len(moment.losses)} iterations: its {name} "
            f"is {told['job'].get(name)}, this one's is {self.job[name]}. Give this fit another "
            "place, or delete that file to begin anew."
        )

    @contextmanager
    def kept(self) -> Iterator[None]:
        """A fit that is interrupted inside leaves its last whole iteration on disk."""
        self.due = time.monotonic() + self.checkpoint.seconds
        try:
            yield
        except KeyboardInterrupt:
            if self.last is not None:
                self._write(self.last)
            raise

    def see(self, moment: Moment) -> None:
        """Takes the state after an iteration; it is copied, because fits move it in place."""
        A, G = moment.state.A.copy(), moment.state.G.copy()
        self.last = replace(moment, state=RHMFState(A, G, moment.state.it))
        if moment.over or time.monotonic() >= self.due:
            self._write(self.last)

    def _write(self, moment: Moment) -> None:
        before = time.monotonic()
        path = self.checkpoint.path
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {"A": moment.state.A, "G": moment.state.G, "losses": moment.losses}
        if moment.held is not None:
            arrays["held"] = np.asarray(moment.held)
        manifest = {
            "job": self.job,
            "it": moment.state.it,
            "rest": moment.rest,
            "over": moment.over,
        }
        write_artifact(path, KIND, arrays, manifest)
        now = time.monotonic()
        self.due = now + max(self.checkpoint.seconds, LEISURE * (now - before))


def _moment(told: Mapping[str, Any], arrays: Mapping[str, ndarray]) -> Moment:
    # Copies, because kernels take a read-only array for another type.
    A, G, losses = (np.array(arrays[name]) for name in ("A", "G", "losses"))
    held = arrays.get("held")
    seen = None if held is None else float(held) if held.ndim == 0 else np.array(held)
    return Moment(RHMFState(A, G, told["it"]), losses, seen, told["rest"], told["over"])
