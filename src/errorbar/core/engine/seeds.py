"""Where randomness of a piece comes from."""

import numpy as np

from errorbar.core.errors import SettingsError

__all__ = ["check_seed", "piece_seed"]


def piece_seed(seed: int, index: int) -> int:
    """The 64-bit seed of piece `index`: child `index` of the job's `SeedSequence`.

    It depends on nothing else, so neither workers nor a resumed run can change it.
    """
    child = np.random.SeedSequence(seed, spawn_key=(index,))
    return int(child.generate_state(1, np.uint64)[0])


def check_seed(seed: int) -> None:
    """Refuse what cannot seed a job."""
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or seed < 0:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise SettingsError(f"seed={seed!r} must be a whole number, zero or more.")
