"""The species-rare study with the settings of this folder, on made tables or on one's own.

python -m papers.rt_species_rare.run --out results/rt_species_rare
"""

import argparse
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from errorbar.rt import read_chemistry, read_peaks
from errorbar.rt.studies import RareSettings, run_rare, write_rare

__all__ = ["CONFIG", "main"]

CONFIG = Path(__file__).with_name("config.toml")


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Judge species × chemistry heads on rare pairs.")
    parser.add_argument("--config", type=Path, default=CONFIG, help="a TOML file")
    parser.add_argument("--peaks", type=Path, help="a table of peaks, by default made ones")
    parser.add_argument("--chemistry", type=Path, help="descriptors of its compounds")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    told = parser.parse_args(given)
    study = run_rare(
        read_settings(told.config),
        told.out,
        peaks=None if told.peaks is None else read_peaks(told.peaks),
        chemistry=None if told.chemistry is None else read_chemistry(told.chemistry),
    )
    sys.stdout.write(f"{write_rare(study, told.out)}\n")


def read_settings(path: Path) -> RareSettings:
    """The table `study` of a TOML file."""
    found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))["study"]
    return RareSettings(**{k: tuple(v) if isinstance(v, list) else v for k, v in found.items()})


if __name__ == "__main__":
    main()
