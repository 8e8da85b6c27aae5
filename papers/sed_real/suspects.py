"""Stars of green2020 whose spectroscopic label their photometry and parallax contradict.

`python -m papers.sed_real.suspects --out FILE` fits all stars once, cross-fitted, and writes the
list as CSV, worst first, with what is known of each star.
"""

import argparse
from dataclasses import asdict
from pathlib import Path

import polars as pl

from errorbar.stellar.sed import SEDRegressor
from papers.sed_real.sets import folder, green2020

ABOUT = ("teff", "logg", "feh", "atm_source", "reddening_source", "parallax_mas", "mag_G")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rate", type=float, default=0.05)
    given = parser.parse_args()
    real = green2020()
    model = SEDRegressor(real.recipe).fit(
        real.photometry, real.numbers, real.errors, groups=real.star
    )
    found = pl.DataFrame([asdict(each) for each in model.contradictions(rate=given.rate)])
    about = pl.read_parquet(folder() / "green2020-sed-13band" / "green2020_13band.parquet")
    found = found.join(about.select("row_id", *ABOUT), left_on="row", right_on="row_id", how="left")
    found = found.sort(pl.col("pull").abs(), descending=True)
    found.write_csv(given.out)
    print(found.group_by("parameter", "atm_source").len().sort("len", descending=True))  # noqa: T201
    print(found.head(12))  # noqa: T201


if __name__ == "__main__":
    main()
