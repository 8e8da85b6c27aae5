"""One model's way through the iterations, from the sums of one visit to the orders for the next."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from errorbar.core.artifact import Json
from errorbar.core.errors import SettingsError
from errorbar.hmf.data import RowBlocks
from errorbar.hmf.fit.als import AlsSettings, NotConvergedWarning, gauge, next_basis
from errorbar.hmf.fit.blocks.coefficients import BlockCoefficients
from errorbar.hmf.fit.blocks.states import (
    State,
    fingerprint,
    latest_state,
    prune,
    read_state,
    state_file,
    write_state,
)
from errorbar.hmf.fit.convergence import Watch
from errorbar.hmf.fit.kernel.passes import Sums
from errorbar.hmf.model import Likelihood, Ordered, Rotation

__all__ = ["BlockFit", "BlockModel", "Run", "begin_run", "resume_run"]

FIT, ENDING = "fit.safetensors", "ending.safetensors"


@dataclass(frozen=True, slots=True)
class BlockModel:
    """A rank and a likelihood."""

    rank: int
    likelihood: Likelihood


@dataclass(frozen=True, slots=True, eq=False)
class BlockFit:
    """A fit over blocks; its coefficients are on disk, where `coefficients` reads them.

    `losses` has the objective after every half-step of the coefficients, and last that of the
    factors themselves.
    """

    G: Float[ndarray, "pixels rank"]
    losses: Float[ndarray, " visits"]
    it: int
    converged: bool
    coefficients: BlockCoefficients

    @property
    def objective(self) -> float:
        return float(self.losses[-1])


class Run:
    """A model, its folder, and the state it is in."""

    def __init__(
        self, blocks: RowBlocks, folder: Path, model: BlockModel, settings: AlsSettings,
        state: State,
    ) -> None:  # fmt: skip
        if state.it > settings.max_iter:
            raise SettingsError(
                f"{folder} holds a fit after {state.it} iterations and max_iter is "
                f"{settings.max_iter}: allow as many, or use another folder."
            )
        self.bounds = tuple(blocks.bounds(block) for block in range(blocks.n_blocks))
        self.itemsize = blocks.dtype.itemsize
        self.folder, self.model, self.settings, self.state = folder, model, settings, state
        self.watch = Watch(settings.conv_strategy, settings.conv_tol, settings.conv_check_cadence)
        self.watch.held = _plain(state.held)
        self.ending: State | None = None
        self.fit: BlockFit | None = self._finished()
        if self.fit is None:
            (folder / FIT).unlink(missing_ok=True)
            if state.rest or state.it == settings.max_iter:
                self._end()

    @property
    def orders(self) -> tuple[str, str]:
        """The file that the next visit reads, and what it does."""
        if self.ending is not None:
            return str(self.folder / ENDING), "end"
        how = "step" if self.state.it else "begin"
        return str(state_file(self.folder, self.state.it)), how

    def take(self, sums: Mapping[str, ndarray]) -> bool:
        """The sums of a visit; whether they ended an iteration."""
        if self.ending is not None:
            losses = np.append(self.ending.losses, float(sums["objective"]))
            write_state(self.folder / FIT, replace(self.ending, losses=losses))
            self.fit = self._finished()
            self._warn()
            return False
        old, settings = self.state, self.settings
        objective = float(sums["objective"])
        packed = Sums(np.array(sums["X"]), np.array(sums["b"]), objective)
        G = next_basis(packed, old.G, old.rule, settings.regulariser, self.itemsize)
        T = self._gauge(sums["gram"], G, settings.rotation)
        G, it = G @ T, old.it + 1
        rest = self.watch.settled(it, G, G, objective)
        held = self.watch.held
        losses = np.append(old.losses, objective)
        self.state = State(
            old.job, old.rule, it, G, T, _turned(sums["gram"], T), losses,
            None if held is None else np.asarray(held), rest,
        )  # fmt: skip
        write_state(state_file(self.folder, it), self.state)
        state_file(self.folder, it - 2).unlink(missing_ok=True)
        if rest or it == settings.max_iter:
            self._end()
        return True

    def stop(self) -> None:
        """The next visit is the last."""
        if self.ending is None:
            self._end()

    def _end(self) -> None:
        """Orders for the last visit: coefficients in the gauge that is reported."""
        state, ordered = self.state, np.eye(self.state.G.shape[1])
        if self.settings.ordered:
            ordered = self._gauge(state.gram, state.G, Ordered())
        self.ending = replace(state, G=state.G @ ordered, T=state.T @ ordered)
        write_state(self.folder / ENDING, self.ending)

    def _gauge(self, gram: ndarray, G: ndarray, rotation: Rotation) -> ndarray:
        T = gauge(gram, G, rotation, self.settings.regulariser)
        return np.eye(G.shape[1]) if T is None else T

    def _finished(self) -> BlockFit | None:
        path = self.folder / FIT
        if not path.exists():
            return None
        end = read_state(path)
        whole = end.it == self.state.it and (end.rest or end.it == self.settings.max_iter)
        if not whole and self.ending is None:
            return None
        place = BlockCoefficients(self.folder, fingerprint(end.job), self.bounds)
        return BlockFit(end.G, end.losses, end.it, end.rest, place)

    def _warn(self) -> None:
        state, settings = self.state, self.settings
        if state.rest or settings.conv_strategy == "none" or state.it < settings.max_iter:
            return
        warnings.warn(
            f"the fit was still moving after max_iter={state.it} iterations: run it again with "
            f"more and it goes on, or allow a larger conv_tol than {settings.conv_tol:g}.",
            NotConvergedWarning,
            stacklevel=5,
        )


def resume_run(
    blocks: RowBlocks, folder: Path, model: BlockModel, settings: AlsSettings,
    job: Mapping[str, Json],
) -> Run | None:  # fmt: skip
    """The run that a folder holds, if it does."""
    state = latest_state(folder, job)
    if state is None:
        return None
    prune(folder, state.it)
    return Run(blocks, folder, model, settings, state)


def begin_run(
    blocks: RowBlocks, folder: Path, model: BlockModel, settings: AlsSettings,
    job: Mapping[str, Json], G: ndarray,
) -> Run:  # fmt: skip
    """A new run from a basis."""
    G = np.array(G, dtype=np.float64)
    rank = G.shape[1]
    watch = Watch(settings.conv_strategy, settings.conv_tol, settings.conv_check_cadence)
    watch.start(G, G)
    state = State(
        job, settings.rule(model.likelihood), 0, G, np.eye(rank), np.eye(rank), np.empty(0),
        None if watch.held is None else np.asarray(watch.held),
    )  # fmt: skip
    write_state(state_file(folder, 0), state)
    return Run(blocks, folder, model, settings, state)


def _plain(held: ndarray | None) -> float | ndarray | None:
    return None if held is None else float(held) if held.ndim == 0 else held


def _turned(gram: ndarray, T: ndarray) -> ndarray:
    back = np.linalg.inv(T)
    return back @ gram @ back.T
