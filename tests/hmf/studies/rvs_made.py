"""Small files of RVS spectra whose every number follows from the star's identifier."""

import h5py
import numpy as np
import polars as pl

PIXELS, CLIP = 70, 5
GRID = np.linspace(846.0, 870.0, PIXELS)


def made_stars(rows, seed=0):
    """Identifiers, places, flux of rank 2 with noise, and errors; a few stars are odd."""
    rng = np.random.default_rng(seed)
    ids = rng.choice(10**6, rows, replace=False).astype(np.int64) + 5_000_000_000_000_000_000
    colour, magnitude = rng.uniform(0.5, 1.5, rows), rng.uniform(4.0, 6.0, rows)
    basis = np.stack([np.ones(PIXELS), np.sin(GRID)])
    error = rng.uniform(0.01, 0.03, (rows, 1)) * np.ones(PIXELS)
    flux = np.stack([np.ones(rows), 0.3 * colour], axis=1) @ basis
    flux = flux + error * rng.normal(size=flux.shape)
    odd = rng.permutation(rows)[:3]
    flux[odd, 30:40] += 0.5
    flux[rng.random(flux.shape) < 0.01] = np.nan
    stars = pl.DataFrame({"source_id": ids, "colour": colour, "magnitude": magnitude})
    return stars, flux.astype(np.float32), error.astype(np.float32), set(ids[odd].tolist())


def write_h5(path, ids, flux, error, wavelength=GRID, names=None):
    names = names or {}
    with h5py.File(path, "w") as file:
        for name, array in (
            ("source_id", ids),
            ("flux", flux),
            ("flux_error", error),
            ("wavelength", wavelength),
        ):
            if array is not None:
                file[names.get(name, name)] = array
    return path


def write_stars(path, stars, **changes):
    """Metadata of these stars, at 10 mas so that G is 5 mag below the absolute magnitude."""
    table = pl.DataFrame(
        {
            "source_id": stars["source_id"],
            "parallax": 10.0,
            "parallax_error": 0.02,
            "phot_g_mean_mag": stars["magnitude"] + 5.0,
            "bp_rp": stars["colour"],
            **changes,
        }
    )
    table.write_csv(path, null_value="null")
    return path
