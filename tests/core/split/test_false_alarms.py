"""How often a clean table is blamed: as seldom as the level says."""

import numpy as np

from errorbar.core.split import Fractions, Sky, audit_leakage, probe_classes, split_groups

AUDITS, PROBES = 40, 200


def clean_audit(seed):
    rng = np.random.default_rng(seed)
    star = rng.integers(0, 120, 240)
    return audit_leakage(
        split_groups(star, seed=seed),
        arrays=rng.normal(size=(240, 60)),
        sky=Sky(rng.uniform(0, 360, 120)[star], rng.uniform(-80, 80, 120)[star]),
        features={
            "mag": rng.normal(size=240),
            "colour": np.where(rng.random(240) < 0.2, np.nan, rng.normal(size=240)),
        },
        target=rng.integers(0, 3, 120)[star],
        target_name="class",
        metadata={
            "field": rng.choice(["x", "y", "z"], 120)[star],
            "epochs": rng.poisson(30, 240),
        },
        seed=seed,
    )


def test_clean_tables_pass_in_95_of_100():
    passed = [clean_audit(seed).passed for seed in range(AUDITS)]
    assert np.mean(passed) >= 0.95


def test_a_probe_of_what_says_nothing_has_a_uniform_p_value():
    p_values = []
    for seed in range(PROBES):
        rng = np.random.default_rng([1, seed])
        star = rng.integers(0, 60, 120)
        kind = rng.choice(3, 60, p=[0.6, 0.2, 0.2])[star]
        field = {"field": rng.choice(list("abcd"), 60)[star]}
        split = split_groups(star, Fractions(0.5, 0, 0, 0, 0.5), seed=seed)
        probes = probe_classes(split, field, kind, alpha=0.1, seed=seed)
        p_values += [probe.p_value for probe in probes]
    assert len(p_values) > 0.8 * PROBES
    for level in (0.05, 0.2, 0.5):
        allowed = level + 3 * np.sqrt(level * (1 - level) / len(p_values))
        assert np.mean(np.array(p_values) <= level) <= allowed
