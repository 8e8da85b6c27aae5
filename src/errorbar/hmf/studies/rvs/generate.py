"""Files like the archive's, of stars whose truth is known: to try the study, and to test it.

The spectra are simple and not of any star: lines over a flat continuum, the calcium triplet deeper
the cooler a star, Paschen lines in hot ones, metals by abundance, broad bands in the coolest, all
widened by rotation. Some are odd: calcium in `emission`, a `binary` with two sets of lines, the
spectrum of another star (`swap`), a `ripple` of the continuum, a `spike` of some neighbouring
pixels. The catalogue has what real ones have: parallaxes that are poor, negative or missing, stars
without spectra, spectra without stars, and a spectrum that is there twice.
"""

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.core.errors import SettingsError
from errorbar.hmf.data.blocks.landing import landing
from errorbar.hmf.studies.rvs.bins import usual_bins
from errorbar.hmf.studies.rvs.files import SpectraWriter, archive_grid
from errorbar.hmf.studies.rvs.lines import RVS_LINES

__all__ = ["ODD", "ExampleFiles", "write_bulk", "write_example"]

ODD = ("emission", "binary", "swap", "ripple", "spike")
BLOCK = 400
LIGHT_KM_S = 299_792.458
# Standard deviation of the instrument's profile at a resolving power of 11 500.
SPREAD_NM = 0.032
MISSING_ENDS = 6


@dataclass(frozen=True, slots=True)
class ExampleFiles:
    """Spectra (HDF5), metadata (CSV as of the archive's source table), and the truth (CSV)."""

    spectra: Path
    metadata: Path
    truth: Path
    rows: int
    odd: int


def write_example(
    folder: str | Path, rows: int = 6000, *, seed: int = 0, odd: float = 0.01
) -> ExampleFiles:
    """Write spectra of `rows` stars of which the share `odd` is odd, and what is known of them."""
    if rows < 100 or not 0 <= odd < 1:
        raise SettingsError(f"rows={rows} must be at least 100, and odd={odd:g} a share below 1.")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    truth = _draw_stars(rows, odd, rng)
    spectra = folder / "spectra.h5"
    with SpectraWriter.to(spectra, archive_grid()) as writer:
        for flux, error, some in _spectra(truth, seed):
            writer.add(some["source_id"].to_numpy(), flux, error)
            if writer.count == rows:
                # What an archive's bulk files do at their borders.
                writer.add(some["source_id"].to_numpy()[-1:], flux[-1:], error[-1:])
    metadata = folder / "gaia_source.csv"
    with landing(metadata) as part:
        _catalogue(truth, rng).write_csv(part, null_value="null")
    told = folder / "truth.csv"
    with landing(told) as part:
        truth.write_csv(part)
    count = int((truth["kind"] != "ordinary").sum())
    return ExampleFiles(spectra, metadata, told, rows, count)


def write_bulk(
    path: str | Path, source_ids: Sequence[int] | ndarray, flux: ndarray, flux_error: ndarray
) -> Path:
    """Spectra as a bulk file of the archive has them: a CSV with comments and pixels as text."""
    path = Path(path)
    lines = [
        "# %ECSV 1.0",
        "# ---",
        "# delimiter: ','",
        "# schema: astropy-2.0",
        "solution_id,source_id,ra,dec,flux,flux_error,combined_transits",
    ]
    for source, values, errors in zip(source_ids, flux, flux_error):
        texts = (",".join(_text(each) for each in row) for row in (values, errors))
        pixels = ",".join(f'"[{text}]"' for text in texts)
        lines.append(f"1,{source},10.5,-3.25,{pixels},8")
    data = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def _text(value: float) -> str:
    return f"{value:.7g}" if np.isfinite(value) else "NaN"


def _draw_stars(rows: int, odd: float, rng: np.random.Generator) -> pl.DataFrame:
    """Everything about the stars but their pixels."""
    bins = usual_bins()
    usual = rng.random(rows) < 0.5
    colour = np.where(usual, rng.normal(0.85, 0.25, rows), rng.uniform(-0.1, 2.6, rows))
    colour = np.clip(colour, -0.1, 2.65)
    metal = np.clip(rng.normal(-0.1, 0.2, rows), -0.8, 0.4)
    sequence = np.interp(
        colour, [each.colour for each in bins], [each.magnitude for each in bins]
    ) + 3.0 * (colour - np.clip(colour, bins[0].colour, bins[-1].colour))
    magnitude = sequence - 0.4 * metal + rng.normal(0, 0.15, rows)
    magnitude -= np.where(rng.random(rows) < 0.15, rng.uniform(0, 0.75, rows), 0)
    kind = np.full(rows, "ordinary", dtype=object)
    chosen = rng.permutation(rows)[: round(odd * rows)]
    kind[chosen] = np.array(ODD, dtype=object)[np.arange(len(chosen)) % len(ODD)]
    ids = np.unique(rng.integers(10**17, 69 * 10**17, 2 * rows))
    away = colour + np.where(colour < 1.2, 1, -1) * rng.uniform(0.6, 0.9, rows)
    return pl.DataFrame(
        {
            "source_id": rng.permutation(ids)[:rows],
            "kind": kind.tolist(),
            "colour": colour,
            "shown_colour": np.where(kind == "swap", away, colour),
            "magnitude": magnitude,
            "metal": metal,
            "rotation_km_s": np.where(
                colour < 0.6, rng.uniform(10, 120, rows), rng.uniform(2, 10, rows)
            ),
            "snr": np.clip(np.exp(rng.normal(np.log(60), 0.5, rows)), 20, 300),
            "g_mag": rng.uniform(6.5, 12.5, rows),
        }
    )


def _catalogue(truth: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Columns of the archive's source table, in an order of their own, with their troubles."""
    rows = truth.height
    g = truth["g_mag"].to_numpy()
    error = np.exp(rng.normal(np.log(0.02), 0.3, rows))
    parallax = 10 ** ((truth["magnitude"].to_numpy() - g + 10) / 5) + error * rng.normal(size=rows)
    poor = rng.permutation(rows)[: rows // 50]
    parallax[poor] = error[poor] * rng.normal(2, 3, len(poor))
    missing = rng.random(rows) < 0.005
    table = pl.DataFrame(
        {
            "source_id": truth["source_id"],
            "ra": rng.uniform(0, 360, rows),
            "dec": np.degrees(np.arcsin(rng.uniform(-1, 1, rows))),
            "parallax": pl.Series(parallax).scatter(np.flatnonzero(missing), None),
            "parallax_error": pl.Series(error).scatter(np.flatnonzero(missing), None),
            "phot_g_mean_mag": g,
            "phot_g_mean_flux_over_error": rng.uniform(1500, 6000, rows),
            "bp_rp": truth["colour"] + 0.003 * rng.normal(size=rows),
            "radial_velocity": rng.normal(0, 30, rows),
            "rv_expected_sig_to_noise": truth["snr"],
        }
    )
    # Three spectra have no star, and five stars no spectrum.
    alone = table[:5].with_columns(source_id=pl.int_range(1, 6, dtype=pl.Int64, eager=True))
    return pl.concat([table[3:], alone]).sample(
        fraction=1.0, shuffle=True, seed=int(rng.integers(1 << 30))
    )


def _spectra(truth: pl.DataFrame, seed: int) -> Iterator[tuple[ndarray, ndarray, pl.DataFrame]]:
    """Flux and its errors, some hundred stars at a time."""
    grid = archive_grid()
    for number, first in enumerate(range(0, truth.height, BLOCK)):
        rng = np.random.default_rng([seed, number])
        some = truth[first : first + BLOCK]
        flux = _flux(grid, some)
        kinds = np.array(some["kind"].to_list())
        for row in np.flatnonzero(kinds != "ordinary").tolist():
            _make_odd(grid, flux, row, str(kinds[row]), some[row], rng)
        shape = 1 + 0.2 * np.sin(np.linspace(0, 7, len(grid)))
        error = shape * np.sqrt(np.clip(flux, 0.2, 3)) / some["snr"].to_numpy()[:, None]
        flux = flux + error * rng.normal(size=flux.shape)
        for row in range(len(flux)):
            flux[row, : rng.integers(1, MISSING_ENDS)] = np.nan
            flux[row, -rng.integers(1, MISSING_ENDS) :] = np.nan
            if rng.random() < 0.05:
                gap = rng.integers(100, 2200)
                flux[row, gap : gap + rng.integers(5, 60)] = np.nan
        yield flux.astype(np.float32), np.where(np.isnan(flux), np.nan, error), some


def _flux(grid: ndarray, stars: pl.DataFrame, velocity: float = 0.0) -> ndarray:
    """Noiseless spectra over their continuum."""
    colour, metal, rotation = (
        stars[name].to_numpy()[:, None] for name in ("shown_colour", "metal", "rotation_km_s")
    )
    rest = grid / (1 + velocity / LIGHT_KM_S)
    narrow = np.hypot(SPREAD_NM, 862 * 0.6 * rotation / LIGHT_KM_S)
    cool = 1 / (1 + np.exp(-(colour - 0.5) / 0.15))
    missing = np.zeros((stars.height, len(grid)))
    for place, line in enumerate(RVS_LINES):
        away = rest - line.vacuum
        if line.species == "Ca II":
            depth = (0.18 + 0.5 * cool) * (1 + 0.1 * metal)
            width = 0.05 + 0.1 * cool + narrow
            missing += depth / (1 + (away / width) ** 2) ** 1.3
        elif line.species.startswith("P"):
            depth = 0.28 * np.exp(-((colour / 0.4) ** 2))
            missing += depth / (1 + (away / (0.5 + 2 * narrow)) ** 2)
        elif line.species not in ("DIB", "N I"):
            strength = (0.14 + 0.05 * (place % 4)) * cool * 10 ** (0.5 * metal)
            depth = strength * (1 + 0.4 * (colour - 0.8) * (-1) ** place)
            missing += depth * SPREAD_NM / narrow * np.exp(-0.5 * (away / (1.4 * narrow)) ** 2)
    bands = np.clip(colour - 1.4, 0, None) * (0.10 + 0.10 * np.cos((rest - 846) / 5))
    return np.clip(np.exp(-missing) * (1 - bands), 0.02, None)


def _make_odd(
    grid: ndarray, flux: ndarray, row: int, kind: str, star: pl.DataFrame,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    if kind == "emission":
        for line in RVS_LINES:
            if line.species == "Ca II":
                peak = rng.uniform(0.35, 0.8)
                flux[row] += peak * np.exp(-0.5 * ((grid - line.vacuum) / 0.07) ** 2)
    elif kind == "binary":
        other = _flux(grid, star, velocity=float(rng.choice([-1, 1]) * rng.uniform(60, 160)))[0]
        flux[row] = 0.55 * flux[row] + 0.45 * other
    elif kind == "ripple":
        phase, period = rng.uniform(0, 6), rng.uniform(1.0, 2.5)
        flux[row] *= 1 + 0.12 * np.sin(2 * np.pi * grid / period + phase)
    elif kind == "spike":
        first = int(rng.integers(60, len(grid) - 120))
        flux[row, first : first + int(rng.integers(30, 60))] += rng.uniform(0.5, 1.5)
