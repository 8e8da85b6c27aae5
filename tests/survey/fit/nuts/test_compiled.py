"""The store of compiled models."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from errorbar.survey.fit.nuts import compiled
from errorbar.survey.fit.nuts.compiled import CompiledModels
from errorbar.survey.fit.nuts.models import ModelShape


def shape(planets: int) -> ModelShape:
    return ModelShape("joint", planets, frozenset())


@pytest.fixture
def compiled_keys(monkeypatch) -> list:
    keys = []

    def compile_quickly(sampler, shape, arrays):
        keys.append((sampler, shape))
        return object()

    monkeypatch.setattr(compiled, "_compile", compile_quickly)
    return keys


def test_many_threads_wanting_one_model_compile_it_once(compiled_keys):
    store = CompiledModels(capacity=4)

    def use(_):
        with store.hold("pymc", shape(8), {}) as sampler:
            return sampler

    with ThreadPoolExecutor(8) as threads:
        samplers = list(threads.map(use, range(64)))
    assert len(compiled_keys) == 1
    assert len(set(map(id, samplers))) == 1


def test_sampler_size_and_flatness_each_make_another_model(compiled_keys):
    store = CompiledModels(capacity=8)
    flat = ModelShape("joint", 8, frozenset({"alpha_p"}))
    for sampler, wanted in [
        ("pymc", shape(8)),
        ("pymc", shape(9)),
        ("nutpie", shape(8)),
        ("pymc", flat),
        ("pymc", shape(8)),
    ]:
        with store.hold(sampler, wanted, {}):
            pass
    assert len(compiled_keys) == len(store) == 4


def test_the_model_unused_longest_leaves_first(compiled_keys):
    store = CompiledModels(capacity=2)
    for planets in (3, 4, 3, 5, 3, 4):
        with store.hold("pymc", shape(planets), {}):
            pass
    assert [key[1].latent_planets for key in compiled_keys] == [3, 4, 5, 4]
    assert len(store) == 2
