"""Compiled models, kept while they are wanted."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from errorbar.core.extras import load
from errorbar.survey.fit.nuts.draws import CompiledSampler
from errorbar.survey.fit.nuts.models import LATENTS, PARAMETERS, ModelShape, build_model
from errorbar.survey.fit.nuts.settings import Sampler

__all__ = ["CompiledModels", "compiled_model"]


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    sampler: CompiledSampler
    lock: Lock = field(default_factory=Lock)


class CompiledModels:
    """The models compiled so far, by shape and sampler; the one unused longest leaves first."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._entries: OrderedDict[tuple[Sampler, ModelShape], _Entry] = OrderedDict()
        self._access = Lock()
        # PyTensor compiles one graph at a time.
        self._compiling = Lock()

    def __len__(self) -> int:
        return len(self._entries)

    @contextmanager
    def hold(
        self, sampler: Sampler, shape: ModelShape, arrays: Mapping[str, NDArray[np.float64]]
    ) -> Iterator[CompiledSampler]:
        """The compiled model, for the caller alone: it holds one survey's arrays at a time."""
        key = (sampler, shape)
        entry = self._find(key)
        if entry is None:
            with self._compiling:
                entry = self._find(key)
                if entry is None:
                    entry = _Entry(_compile(sampler, shape, arrays))
                    self._keep(key, entry)
        with entry.lock:
            yield entry.sampler

    def _find(self, key: tuple[Sampler, ModelShape]) -> _Entry | None:
        with self._access:
            if key in self._entries:
                self._entries.move_to_end(key)
            return self._entries.get(key)

    def _keep(self, key: tuple[Sampler, ModelShape], entry: _Entry) -> None:
        with self._access:
            self._entries[key] = entry
            while len(self._entries) > self._capacity:
                self._entries.popitem(last=False)


def _compile(
    sampler: Sampler, shape: ModelShape, arrays: Mapping[str, NDArray[np.float64]]
) -> CompiledSampler:
    load("pymc")
    outputs = PARAMETERS[shape.model] + LATENTS[shape.model]
    if sampler == "pymc":
        from errorbar.survey.fit.nuts.pymc_sampler import PymcSampler as Compiler
    elif sampler == "nutpie":
        load("nutpie")
        from errorbar.survey.fit.nuts.nutpie_sampler import NutpieSampler as Compiler
    else:
        load("numpyro")
        from errorbar.survey.fit.nuts.numpyro_sampler import NumpyroSampler as Compiler
    return Compiler(build_model(shape, arrays), outputs)


# Enough for every size of a usual grid under two models.
compiled_model = CompiledModels(capacity=32).hold
