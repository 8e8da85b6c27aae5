"""The covariate-shift study with the settings of this folder.

python -m papers.rt_covariate_shift.run --out results/rt_covariate_shift
"""

import argparse
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from errorbar.rt import RetentionTimes, production_table, study_table
from errorbar.rt.data import hold_out_runs
from errorbar.rt.studies import ShiftSettings, check_oracle, run_shift, write_shift

__all__ = ["CONFIG", "main"]

CONFIG = Path(__file__).with_name("config.toml")


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Predict runs far from those of training.")
    parser.add_argument("--config", type=Path, default=CONFIG, help="a TOML file")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--oracle", action="store_true", help="how near the model is to the truth")
    told = parser.parse_args(given)
    study = run_shift(read_settings(told.config), told.out)
    sys.stdout.write(f"{write_shift(study, told.out)}\n")
    if told.oracle:
        compare_oracle()


def read_settings(path: Path) -> ShiftSettings:
    """The table `study` of a TOML file."""
    found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))["study"]
    return ShiftSettings(**{k: tuple(v) if isinstance(v, list) else v for k, v in found.items()})


def compare_oracle() -> None:
    """The model beside whoever knows the true scales, where random runs test."""
    for seed in (42, 43, 44):
        table = study_table(seed=seed)
        train = table.peaks.run % 8 < 6
        for words, more in (("quick", {}), ("full", {"compound_slopes": True, "classes": True})):
            model = RetentionTimes(run_effect=True, widen=False, **more)
            fit = model.fit(table.peaks.select(train), table.chemistry)
            times = fit.predictor.times(table.peaks.select(~train))
            sys.stdout.write(f"study {seed} {words}: {check_oracle(table, train, times)}\n")
    for seed in (0, 1, 2):
        made = production_table(seed=seed)
        train = hold_out_runs(made.peaks, 0.3, seed).train
        model = RetentionTimes(widen=False).fit(made.peaks.select(train), made.chemistry)
        found = check_oracle(made, train, model.predictor.times(made.peaks.select(~train)))
        sys.stdout.write(f"production {seed}: {found}\n")


if __name__ == "__main__":
    main()
