"""Simulated classifiers whose truth is known."""

import numpy as np


def softmax(logits):
    weight = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weight / weight.sum(axis=1, keepdims=True)


def draw_labels(probs, rng):
    return (
        (probs.cumsum(axis=1) < rng.random(len(probs))[:, None])
        .sum(axis=1)
        .clip(max=probs.shape[1] - 1)
    )


def classifier(rows=2000, classes=4, seed=0, spread=2.0, bias=None):
    """Logits, and labels drawn from their softmax: a classifier that is exactly calibrated."""
    rng = np.random.default_rng([seed, rows, classes])
    logits = rng.normal(0, spread, (rows, classes)) + (0 if bias is None else np.asarray(bias))
    return logits, draw_labels(softmax(logits), rng)


def covered(sets, labels):
    return sets[np.arange(len(labels)), labels]
