"""The spectra of four archives on common grids, with what is known of each object."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from errorbar.core.errors import MeasurementError, TableError
from errorbar.hmf.data import (
    Spectra,
    Spectrum,
    divide_by_median,
    divide_by_size,
    linear_grid,
    log_grid,
    read_lamost,
    read_miles,
    read_sdss,
    read_spex,
    stack_spectra,
)

__all__ = ["SETS", "Sample", "find_data", "read_set"]

BESIDE = Path(__file__).parents[3] / "shared" / "data"


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Spectra on one grid, the class and a few words about each, and why others were left out."""

    spectra: Spectra
    group: tuple[str, ...]
    words: tuple[str, ...]
    left_out: tuple[str, ...]


def find_data() -> Path:
    """The folder of archives: `ERRORBAR_DATA`, else `../shared/data` beside the repository."""
    folder = Path(os.environ.get("ERRORBAR_DATA") or BESIDE)
    if not (folder / "spex-prism-ucd").is_dir():
        raise TableError(
            f"{folder} holds no archives of spectra: name their folder in ERRORBAR_DATA."
        )
    return folder


def read_set(name: str, data: Path, told: Mapping[str, Any]) -> Sample:
    """One of `SETS`, without the pixels that no spectrum has data in."""
    sample = SETS[name](data, told)
    held = sample.spectra
    seen = (held.W > 0).any(axis=0)
    axis = _axis(held)[seen]
    return replace(sample, spectra=Spectra(held.Y[:, seen], held.W[:, seen], held.ids, axis))


def read_spex_set(data: Path, told: Mapping[str, Any]) -> Sample:
    """SpeX prism spectra in units of their flux at the peak of the J band."""
    labels = _labels(data / "spex-prism-ucd")

    def prepared(spectrum: Spectrum) -> Spectrum:
        scaled = divide_by_median(spectrum, window=tuple(told["window"]))
        snr = float(np.median((scaled.flux * np.sqrt(scaled.ivar))[scaled.valid]))
        if not snr >= told["least_snr"]:
            raise MeasurementError(f"signal to noise {snr:.2g} in the typical pixel")
        return _with_floor(scaled, told["floor"])

    return _sample(
        data / "spex-prism-ucd", labels, read_spex, _grid(told), prepared,
        lambda row: row["letter"] or "none",
        lambda row: f"{row['NAME']}, {row['LIT_TYPE'] or row['SPEX_TYPE'] or 'no type'}"
        + "".join(
            f", {row[name]}"
            for name in ("LUMINOSITY_CLASS", "METALLICITY_CLASS", "OBJECT_TYPE", "QUALITY_FLAG")
            if row[name] and row[name] not in ("VLM", "OK")
        ),
    )  # fmt: skip


def read_miles_set(data: Path, told: Mapping[str, Any]) -> Sample:
    """MILES stars in units of their median flux, with errors that are estimated here."""

    def prepared(spectrum: Spectrum) -> Spectrum:
        scaled = divide_by_median(spectrum)
        flux = scaled.flux[scaled.valid]
        # Fourth differences hold next to nothing of lines that are several pixels wide.
        noise = 1.4826 * float(np.median(np.abs(np.diff(flux, 4)))) / np.sqrt(70)
        ivar = np.where(scaled.valid, 1 / (noise**2 + told["floor"] ** 2), 0)
        return replace(scaled, ivar=ivar)

    return _sample(
        data / "miles-v9.1", _labels(data / "miles-v9.1"),
        lambda path: read_miles(path, sigma=1.0), _grid(told), prepared,
        lambda row: row["letter"] or "none",
        lambda row: f"{row['name']}, {row['spectral_type'] or 'no type'}",
    )  # fmt: skip


def read_lamost_set(data: Path, told: Mapping[str, Any]) -> Sample:
    """LAMOST stars in units of their typical flux."""
    return _sample(
        data / "lamost-dr1-lrs", _labels(data / "lamost-dr1-lrs"), read_lamost, _grid(told),
        divide_by_size, lambda row: "LAMOST star", lambda row: f"LAMOST {row['subclass']}",
    )  # fmt: skip


def read_mixed_set(data: Path, told: Mapping[str, Any]) -> Sample:
    """LAMOST stars, objects of SDSS, and fibres of SDSS that looked at the sky."""
    parts = [read_lamost_set(data, told)]
    for folder, name in (("sdss-boss-spec", "object"), ("sdss-sky-fibres", "sky fibre")):
        parts.append(
            _sample(
                data / folder, _labels(data / folder), read_sdss, _grid(told), divide_by_size,
                lambda row, name=name: "sky fibre"
                if name == "sky fibre"
                else f"SDSS {'star' if row['obj_class'] == 'STAR' else row['obj_class']}",
                lambda row, name=name: f"SDSS {name}, called "
                + f"{row['obj_class']} {row['subclass'] or ''}".strip(),
            )
        )  # fmt: skip
    first = parts[0].spectra
    return Sample(
        Spectra(
            np.concatenate([part.spectra.Y for part in parts]),
            np.concatenate([part.spectra.W for part in parts]),
            tuple(name for part in parts for name in part.spectra.ids or ()),
            first.wavelength,
        ),
        *(
            tuple(each for part in parts for each in getattr(part, name))
            for name in ("group", "words", "left_out")
        ),
    )


SETS: Mapping[str, Callable[[Path, Mapping[str, Any]], Sample]] = {
    "spex": read_spex_set,
    "miles": read_miles_set,
    "lamost": read_lamost_set,
    "mixed": read_mixed_set,
}


def _sample(
    folder: Path,
    labels: list[dict[str, Any]],
    read: Callable[[Path], Spectrum],
    grid: Any,
    prepare: Callable[[Spectrum], Spectrum],
    group: Callable[[dict[str, Any]], str],
    words: Callable[[dict[str, Any]], str],
) -> Sample:
    kept, rows, left_out = [], [], []
    for row in labels:
        try:
            spectrum = read(folder / "fits" / row["file"])
            kept.append(stack_spectra([spectrum], grid, normalise=prepare))
            rows.append(row)
        except MeasurementError as error:
            left_out.append(f"{row['file']}: {error}")
    spectra = Spectra(
        np.concatenate([each.Y for each in kept]),
        np.concatenate([each.W for each in kept]),
        tuple(str(row["file"]).split(".fits")[0] for row in rows),
        grid,
    )
    return Sample(spectra, tuple(map(group, rows)), tuple(map(words, rows)), tuple(left_out))


def _axis(spectra: Spectra) -> NDArray[np.float64]:
    assert spectra.wavelength is not None
    return spectra.wavelength


def _labels(folder: Path) -> list[dict[str, Any]]:
    return pl.read_csv(folder / "labels.csv", infer_schema_length=0).to_dicts()


def _grid(told: Mapping[str, Any]) -> Any:
    return (linear_grid if told.get("linear") else log_grid)(*told["grid"])


def _with_floor(spectrum: Spectrum, floor: float) -> Spectrum:
    ivar = spectrum.ivar / (1 + spectrum.ivar * floor**2)
    return replace(spectrum, ivar=ivar)
