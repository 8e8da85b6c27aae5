"""Lists of planets that tests plan with."""

import numpy as np

from errorbar.survey.plan import Design, Targets

__all__ = ["some_targets"]


def some_targets(n: int, seed: int, *, stars: bool = False) -> Targets:
    """Planets whose small ones are dear, as on a real list."""
    rng = np.random.default_rng(seed)
    x = rng.normal(-0.6, 0.9, n)
    hours = np.exp(3.5 - 0.7 * x + 0.8 * rng.normal(size=n))
    design = Design(
        x,
        rng.uniform(0.1, 0.3, n),
        star=rng.normal(0.05, 0.2, n) if stars else None,
        star_sigma=rng.uniform(0.03, 0.15, n) if stars else None,
    )
    return Targets(tuple(f"planet {row}" for row in range(n)), design, hours)
