"""The four real sets as photometry with labels: which columns are what, and who is one star."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from errorbar.core.split import components
from errorbar.stellar.labels import GIANT_DWARF, SDSS_GATE, Taxonomy, spectral_number
from errorbar.stellar.sed import BandColumns, Photometry, SedColumns, SedRecipe, read_photometry

THIRTEEN = {
    "G": "gaiadr3-G", "BP": "gaiadr3-BP", "RP": "gaiadr3-RP", "g_ps1": "panstarrs-g",
    "r_ps1": "panstarrs-r", "i_ps1": "panstarrs-i", "z_ps1": "panstarrs-z", "y_ps1": "panstarrs-y",
    "J": "twomass-J", "H": "twomass-H", "Ks": "twomass-Ks", "W1": "wise2010-W1",
    "W2": "wise2010-W2",
}  # fmt: skip
NEARBY = {
    "G_mag": "gaiadr3-G", "BP_mag": "gaiadr3-BP", "RP_mag": "gaiadr3-RP", "J_mag": "twomass-J",
    "H_mag": "twomass-H", "Ks_mag": "twomass-Ks", "W1mag": "wise2010-W1", "W2mag": "wise2010-W2",
    "W3mag": "wise2010-W3",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class RealSet:
    """One set: its photometry, recipe, labels (numbers or classes), and the star of each row."""

    name: str
    photometry: Photometry
    recipe: SedRecipe
    star: np.ndarray
    numbers: dict[str, np.ndarray] | None = None
    errors: dict[str, np.ndarray] | None = None
    classes: np.ndarray | None = None
    taxonomy: Taxonomy | None = None


def folder() -> Path:
    """Where the real data are."""
    beside = Path(__file__).parents[3] / "shared" / "data"
    return Path(os.environ.get("ERRORBAR_DATA") or beside)


def green2020() -> RealSet:
    """13 bands, parallax and reddening of 7,200 stars with spectroscopic parameters."""
    frame = pl.read_parquet(folder() / "green2020-sed-13band" / "green2020_13band.parquet")
    bands = tuple(
        # WISE is in AB in this set: the median of Ks - W1 is -2.64.
        BandColumns(band, f"mag_{n}", f"err_{n}", system="AB" if n[0] == "W" else "native")
        for n, band in THIRTEEN.items()
    )
    columns = SedColumns(
        bands, row="row_id", ebv="reddening_r", ebv_err="reddening_r_err",
        # Bayestar's unit of reddening in E(B-V), Green et al. 2019.
        ebv_scale=0.884, parallax="parallax_mas", parallax_err="parallax_err_mas",
    )  # fmt: skip
    # Gaia DR2's mean zero point, Lindegren et al. 2018.
    recipe = SedRecipe(tuple(THIRTEEN.values()), "gaiadr3-G", parallax_offset_mas=0.029)
    # A star that two surveys observed is two rows with one photometry.
    seen = frame.select([f"mag_{n}" for n in THIRTEEN]).to_numpy()
    names = [f"row:{row}" for row in frame["row_id"].to_list()]
    star = components(names, [str(row) for row in seen.round(5).tolist()]).stars_of(names)
    parts = {"teff_k": "teff", "logg_dex": "logg", "feh_dex": "feh"}
    return RealSet(
        "green2020", read_photometry(frame, columns), recipe, star,
        {name: frame[old].to_numpy().astype(float) for name, old in parts.items()},
        {name: frame[f"{old}_err"].to_numpy().astype(float) for name, old in parts.items()},
    )  # fmt: skip


def carmenes() -> RealSet:
    """Nearby M dwarfs with Gaia, 2MASS and WISE; a system's stars are kept together."""
    frame = pl.read_csv(
        folder() / "carmenes-m-dwarfs" / "cif03_full_table.csv", infer_schema_length=None
    )
    kind = np.array([spectral_number((text or "").strip()) for text in frame["SpT"]])
    wise = [n for n in NEARBY if n[0] == "W"]
    good = (kind >= 0) & (kind < 10) & frame["G_mag"].is_not_null().to_numpy()
    frame, kind = frame.filter(pl.Series(good)), kind[good]
    for name in (*wise, *(n for n in NEARBY if n not in wise)):
        err = f"e_{name}" if name in wise else f"e{name}"
        # A magnitude without an error is an upper limit in 2MASS and WISE: not used.
        kept = pl.when(pl.col(err).cast(pl.Float64, strict=False) > 0).then(pl.col(name))
        frame = frame.with_columns(kept.otherwise(None).alias(name))
    columns = SedColumns(
        tuple(
            BandColumns(band, n, f"e_{n}" if n in wise else f"e{n}") for n, band in NEARBY.items()
        ),
        row="ID_star", parallax="parallax", parallax_err="parallax_error",
    )  # fmt: skip
    frame = frame.with_columns(
        pl.when(pl.col("parallax_error") > 0).then(pl.col("parallax")).alias("parallax")
    )
    recipe = SedRecipe(
        tuple(NEARBY.values()), "gaiadr3-G", deredden=False, error_floor=0.01, brightness=False,
    )  # fmt: skip
    # Stars of no system all have the number 0.
    system, own = frame["ID_system"].to_numpy(), frame["ID_star"].to_numpy()
    star = np.where(system > 0, system, -own)
    return RealSet(
        "carmenes",
        read_photometry(frame, columns),
        recipe,
        star,
        {"spectral_type": kind},
        {"spectral_type": np.full(len(kind), 0.25)},
    )


def hipparcos() -> RealSet:
    """V, B-V and parallax of giants and dwarfs; the set's own Amag is 15 mag off and not used."""
    frame = pl.read_csv(
        folder() / "hipparcos-mk-types" / "hipparcos_mk.csv", infer_schema_length=None
    ).with_columns((pl.col("Vmag") + pl.col("B-V")).alias("Bmag"))
    columns = SedColumns(
        (
            BandColumns("bessell-V", "Vmag", error=0.01),
            BandColumns("bessell-B", "Bmag", error=0.02),
        ),
        row="row_id", parallax="Plx", parallax_err="e_Plx",
    )  # fmt: skip
    recipe = SedRecipe(("bessell-V", "bessell-B"), "bessell-V", deredden=False)
    kind = np.where(frame["TargetClass"].to_numpy() == 1, "dwarf", "giant")
    # Rows that are the same in everything are one star.
    same = frame.select("Vmag", "Plx", "e_Plx", "B-V").to_numpy()
    star = np.unique(same, axis=0, return_inverse=True)[1]
    return RealSet(
        "hipparcos", read_photometry(frame, columns), recipe, star,
        classes=kind, taxonomy=GIANT_DWARF,
    )  # fmt: skip


def sdss() -> RealSet:
    """ugriz of stars, galaxies and quasars; redshift and plate give the class away: not used."""
    frame = pl.read_csv(folder() / "sdss-dr14-photometry" / "sdss_dr14_10k.csv")
    columns = SedColumns(tuple(BandColumns(f"sdss2010-{n}", n, error=0.02) for n in "ugriz"))
    recipe = SedRecipe(tuple(f"sdss2010-{n}" for n in "ugriz"), "sdss2010-r", deredden=False)
    return RealSet(
        "sdss", read_photometry(frame, columns), recipe, np.arange(frame.height),
        classes=frame["class"].to_numpy(), taxonomy=SDSS_GATE,
    )  # fmt: skip


SETS = {"green2020": green2020, "carmenes": carmenes, "sdss": sdss, "hipparcos": hipparcos}
