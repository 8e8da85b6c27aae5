"""The study of Gaia's RVS spectra with the settings and the bins of this folder.

python -m papers.gaia_rvs.run --spectra spectra.h5 --metadata gaia_source.csv --out results/rvs
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from errorbar.app.verbs import hmf_rvs

__all__ = ["BINS", "CONFIG", "main"]

CONFIG = Path(__file__).with_name("config.toml")
BINS = Path(__file__).with_name("bins.csv")


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Find odd spectra of Gaia's RVS.")
    parser.add_argument("--spectra", type=Path, nargs="+", default=[], help="HDF5, or CSV files")
    parser.add_argument("--metadata", type=Path, nargs="+", default=[], help="CSV files")
    parser.add_argument("--generate", type=int, help="make files of so many stars instead")
    parser.add_argument("--bin", nargs="+", dest="only", help="bins to do now, by default all")
    parser.add_argument("--config", type=Path, default=CONFIG, help="a TOML file")
    parser.add_argument("--bins", type=Path, default=BINS, help="a table of ellipses")
    parser.add_argument("--no-figures", dest="figures", action="store_false")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    told = vars(parser.parse_args(given))
    hmf_rvs(**told, tell=_say)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
