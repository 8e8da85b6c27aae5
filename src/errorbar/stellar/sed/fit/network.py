r"""Small networks with residual layers: a smooth member that says how sure it is.

Of numbers a network gives a location and a scale for each target, fitted to Student's t with four
degrees of freedom, whose scale adds the label's own error: noisy labels and rare outliers pull
little. Rows' losses are weighted by $v^{1/4}$ ($v$ the total variance), between plain likelihood,
which looks at precise rows alone, and squared errors (Seitzer et al. 2022, arXiv:2203.09168). Of
classes it gives log-probabilities. Single precision; fitted with JAX, asked with numpy alone.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from scipy import special

from errorbar.core.extras import load

__all__ = ["NetworkSettings", "Networks", "fit_networks"]

FREEDOM = 4.0
WEIGHT_POWER = 0.25
LEAST_ROWS = 1024


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """Size and training of an ensemble of networks; `hide` is how often a seen colour is hidden."""

    members: int = 4
    width: int = 128
    layers: int = 3
    steps: int = 3500
    batch: int = 128
    rate: float = 2e-3
    decay: float = 1e-4
    hide: float = 0.1
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Networks:
    """Weights and biases by layer, each with an axis of members in front."""

    weights: tuple[Float[ndarray, "members inputs outputs"], ...]
    biases: tuple[Float[ndarray, "members outputs"], ...]

    def outputs(self, X: Float[ndarray, "rows inputs"]) -> Float[ndarray, "members rows outputs"]:
        """What each member gives for each row."""
        found = []
        for member in range(len(self.weights[0])):
            hidden = X.astype(np.float32)
            for at, (weight, bias) in enumerate(zip(self.weights, self.biases)):
                step = hidden @ weight[member] + bias[member]
                if at == len(self.weights) - 1:
                    hidden = step
                else:
                    step = _gelu(step)
                    hidden = step if at == 0 else hidden + step
            found.append(hidden)
        return np.stack(found).astype(np.float64)

    def numbers(self, X: ndarray) -> tuple[ndarray, ndarray]:
        """Location and sd of each target, members taken together."""
        out = self.outputs(X)
        size = out.shape[-1] // 2
        centre, scale = out[..., :size], np.exp(np.clip(out[..., size:], -10.0, 10.0))
        return centre.mean(axis=0), np.sqrt((scale**2).mean(axis=0) + centre.var(axis=0))

    def probabilities(self, X: ndarray) -> ndarray:
        """Probabilities of classes, members averaged."""
        return special.softmax(self.outputs(X), axis=-1).mean(axis=0)

    def to_arrays(self) -> dict[str, ndarray]:
        """Arrays by name."""
        named = {f"weight{at}": each for at, each in enumerate(self.weights)}
        return named | {f"bias{at}": each for at, each in enumerate(self.biases)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, ndarray]) -> "Networks":
        """Networks from their arrays."""
        layers = sum(name.startswith("weight") for name in arrays)
        return cls(
            tuple(arrays[f"weight{at}"] for at in range(layers)),
            tuple(arrays[f"bias{at}"] for at in range(layers)),
        )


def fit_networks(
    X: Float[ndarray, "rows inputs"],
    y: ndarray,
    error: ndarray | None = None,
    *,
    hideable: int = 0,
    classes: int = 0,
    settings: NetworkSettings | None = None,
) -> Networks:
    """Networks for standardised targets with label errors, or for `classes` (y: their numbers).

    The first `hideable` inputs are hidden at random while training, as gaps are: set to zero, with
    the column at the end that says so (of which there are `hideable` and one more).
    """
    settings = settings or NetworkSettings()
    jax = load("jax", "stellar")
    width = classes if classes else 2 * y.shape[1]
    noise = np.zeros((len(X), 1)) if error is None else error
    # Filled up to a power of two, so that folds and the whole mostly share one compilation.
    fill = max(LEAST_ROWS, 1 << (len(X) - 1).bit_length()) - len(X)
    rows = [
        np.pad(np.asarray(each, kind), ((0, fill), *[(0, 0)] * (np.ndim(each) - 1)))
        for each, kind in ((X, np.float32), (y, np.int32 if classes else np.float32))
    ]
    rows.append(np.pad(np.asarray(noise, np.float32), ((0, fill), (0, 0))))
    train = _trainer(replace(settings, members=1, seed=0), width, hideable, classes > 0)
    # Whatever width the user has chosen, networks are of single precision.
    with jax.enable_x64(False):
        fitted = [
            train(*rows, np.int32(len(X)), jax.random.key(1000 * settings.seed + member))
            for member in range(settings.members)
        ]
    weights, biases = zip(*fitted)
    return Networks(
        tuple(np.stack([np.asarray(one) for one in each]) for each in zip(*weights)),
        tuple(np.stack([np.asarray(one) for one in each]) for each in zip(*biases)),
    )


@lru_cache(maxsize=16)
def _trainer(settings: NetworkSettings, width: int, hideable: int, classed: bool) -> Any:
    """A compiled function of rows, their number and a key that gives weights and biases."""
    jax, optax = load("jax", "stellar"), load("optax", "stellar")
    jnp = jax.numpy
    rule = optax.adamw(
        optax.cosine_decay_schedule(settings.rate, settings.steps), weight_decay=settings.decay
    )
    depth = settings.layers + 1

    def begin(inputs: int, key: Any) -> Any:
        sizes = [inputs, *[settings.width] * settings.layers, width]
        weights = []
        for at, one in enumerate(jax.random.split(key, depth)):
            gain = np.float32(np.sqrt(1.6 / sizes[at]) * (0.1 if at == depth - 1 else 1.0))
            weights.append(jax.random.normal(one, (sizes[at], sizes[at + 1]), jnp.float32) * gain)
        return weights, [jnp.zeros(size, jnp.float32) for size in sizes[1:]]

    def forward(net: Any, x: Any) -> Any:
        for at, (weight, bias) in enumerate(zip(*net)):
            step = x @ weight + bias
            if at == depth - 1:
                return step
            step = jax.nn.gelu(step, approximate=True)
            x = step if at == 0 else x + step
        return x

    def loss(net: Any, x: Any, y: Any, error: Any, key: Any) -> Any:
        if hideable:
            # The gap columns stand at the end, the parallax's last.
            gaps = slice(x.shape[1] - hideable - 1, x.shape[1] - 1)
            keep = jax.random.bernoulli(key, 1.0 - settings.hide, (x.shape[0], hideable))
            x = x.at[:, :hideable].multiply(keep)
            x = x.at[:, gaps].max(1.0 - keep)
        out = forward(net, x)
        if classed:
            return optax.softmax_cross_entropy_with_integer_labels(out, y).mean()
        half = width // 2
        variance = jnp.exp(2 * jnp.clip(out[:, half:], -10.0, 10.0)) + error**2 + 1e-4
        off = (y - out[:, :half]) ** 2 / variance
        each = 0.5 * (FREEDOM + 1) * jnp.log1p(off / FREEDOM) + 0.5 * jnp.log(variance)
        return (each * jax.lax.stop_gradient(variance) ** WEIGHT_POWER).mean()

    def train(X: Any, y: Any, error: Any, count: Any, key: Any) -> Any:
        def step(state: Any, one: Any) -> Any:
            net, held = state
            first, second = jax.random.split(one)
            place = jax.random.randint(first, (settings.batch,), 0, count)
            slope = jax.grad(loss)(net, X[place], y[place], error[place], second)
            change, held = rule.update(slope, held, net)
            return (optax.apply_updates(net, change), held), None

        key, start = jax.random.split(key)
        net = begin(X.shape[1], start)
        keys = jax.random.split(key, settings.steps)
        return jax.lax.scan(step, (net, rule.init(net)), keys)[0][0]

    return jax.jit(train)


def _gelu(x: ndarray) -> ndarray:
    # The form that JAX was told to use; constants of single precision keep x so.
    inner = np.float32(np.sqrt(2 / np.pi)) * (x + np.float32(0.044715) * x * x * x)
    return np.float32(0.5) * x * (np.float32(1.0) + np.tanh(inner))
