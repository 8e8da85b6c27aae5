r"""A second sampler of the joint regression, for checks of both engines.

The latent metallicities are integrated out by hand: each planet's pair of observations is normal
around the lines with covariance $\Sigma + \mathrm{diag}(v_i, u_i)$. What is left has seven unknowns
and none of the narrow places of the latent model, so that long chains reach every corner, also
where the scatter may be zero. Written in JAX from the mathematics, with nothing of the package but
its values; sampled by NumPyro in 64 bits with a dense mass matrix.
"""

from functools import cache

import arviz as az
import jax
import jax.numpy as jnp
import numpy as np
from arviz import InferenceData
from numpyro.infer.hmc import hmc

from errorbar.survey.data import SurveyData
from errorbar.survey.model import JOINT_PARAMETERS, JointPrior

TARGET_ACCEPT = 0.95


def parameters(u, prior):
    """(alpha_p, beta_p, alpha_s, beta_s, sigma_p, sigma_s, rho) from the whole real line."""
    alpha_mean, alpha_sd, beta_sd, _ = prior
    # A flat intercept has no scale of its own: any will do.
    scale = jnp.where(jnp.isinf(alpha_sd), 1.0, alpha_sd)
    alpha, beta = alpha_mean + scale * u[0:2], beta_sd * u[2:4]
    spread, rho = jnp.exp(u[4:6]), jnp.tanh(u[6])
    return jnp.stack([alpha[0], beta[0], alpha[1], beta[1], spread[0], spread[1], rho])


def log_density(u, columns, prior):
    """Log posterior of `u`, the Jacobians of its three curved axes included."""
    x, y, v_y, s, v_s = columns
    _, alpha_sd, _, scatter_scale = prior
    a_p, b_p, a_s, b_s, sigma_p, sigma_s, rho = parameters(u, prior)
    r, t = y - a_p - b_p * x, s - a_s - b_s * x
    a, c, k = sigma_p**2 + v_y, sigma_s**2 + v_s, rho * sigma_p * sigma_s
    det = a * c - k**2
    likelihood = -0.5 * jnp.sum(jnp.log(det) + (c * r**2 - 2 * k * r * t + a * t**2) / det)
    intercepts = -0.5 * jnp.sum(jnp.where(jnp.isinf(alpha_sd), 0.0, u[0:2] ** 2))
    slopes = -0.5 * jnp.sum(u[2:4] ** 2)
    scatters = -0.5 * (sigma_p**2 + sigma_s**2) / scatter_scale**2 + u[4] + u[5]
    # LKJ(2) is 1 - rho^2, and so is d rho / d u.
    return likelihood + intercepts + slopes + scatters + 2 * jnp.log1p(-(rho**2))


@cache
def _program(draws: int, tune: int):
    def chain(key, start, columns, prior):
        begin, step = hmc(lambda u: -log_density(u, columns, prior), algo="NUTS")
        state = begin(start, tune, rng_key=key, target_accept_prob=TARGET_ACCEPT, dense_mass=True)
        state = jax.lax.fori_loop(0, tune, lambda _, s: step(s), state)

        def draw(state, _):
            state = step(state)
            return state, (parameters(state.z, prior), state.diverging)

        return jax.lax.scan(draw, state, None, length=draws)[1]

    def chains(keys, starts, columns, prior):
        return jax.lax.map(lambda each: chain(*each, columns, prior), (keys, starts))

    return jax.jit(chains)


def sample_joint(
    data: SurveyData,
    prior: JointPrior,
    *,
    seed: int,
    draws: int = 10_000,
    tune: int = 2_000,
    chains: int = 4,
) -> InferenceData:
    """Draws of the seven parameters of the joint regression."""
    star, star_sigma = data.need_star()
    columns = np.stack([data.xc, data.y, data.sigma**2, star, star_sigma**2])
    numbers = tuple(
        np.asarray(value, dtype=np.float64)
        for value in (prior.alpha_mean, prior.alpha_sd, prior.beta_sd, prior.scatter_scale)
    )
    rng = np.random.default_rng(seed)
    starts = rng.uniform(-1.0, 1.0, (chains, 7)) + [0, 0, 0, 0, -1.5, -1.5, 0]
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(int(rng.integers(2**32))), chains)
        values, diverging = _program(draws, tune)(keys, starts, columns, numbers)
        values, diverging = np.asarray(values), np.asarray(diverging)
    return az.from_dict(
        posterior={name: values[..., i] for i, name in enumerate(JOINT_PARAMETERS)},
        sample_stats={"diverging": diverging},
    )
