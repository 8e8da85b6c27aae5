"""Should species respond to chemistry in their own way? Judged where a pair was hardly ever seen.

Descriptors that act alike in all species help compounds that are rare everywhere. A compound that
is rare in one species only can gain by species × chemistry heads. Arms are fitted to the same
splits; of those with heads the one that training finds likeliest is the candidate, and it is judged
by its paired errors on rare pairs, by replicates and by runs, and by what it costs.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy import stats

from errorbar.core.contracts import PieceValue, PieceValues
from errorbar.core.engine import run_pieces
from errorbar.core.errors import SettingsError
from errorbar.rt.data import Chemistry, Peaks
from errorbar.rt.evaluate import replicate_means
from errorbar.rt.studies.arms import FULL, Arm, arm_words, arms_of, components, fit_arm
from errorbar.rt.studies.frames import frame_from, pack_chemistry, pack_peaks
from errorbar.rt.studies.settings import RareSettings

__all__ = ["RareStudy", "run_rare"]

JOURNAL = "journal"
GIVEN = "given table"
# With fewer replicates their scatter is not known, and runs must tell.
FEWEST = 3
LEVEL = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class RareStudy:
    """What was found, for each table (`structure` in minutes per descriptor, or the given one).

    `scores` are errors of each arm, seed and slice of test rows. `gains` say for each arm by how
    many percent of the error without heads it errs less on rare pairs (positive is better), with
    95 % intervals over replicates (`low`, `high`) and over runs (`low_runs`, `high_runs`), how much
    likelier training finds it, and its cost in times of the one without heads. `verdicts` have the
    candidate and the judgement.
    """

    settings: RareSettings
    scores: pl.DataFrame
    gains: pl.DataFrame
    verdicts: pl.DataFrame

    @property
    def adopt(self) -> dict[str, bool]:
        """The judgement on each table."""
        return dict(self.verdicts.select("table", "adopt").iter_rows())


def run_rare(
    settings: RareSettings | None = None,
    out: str | Path | None = None,
    *,
    peaks: Peaks | None = None,
    chemistry: Chemistry | None = None,
    progress: bool | None = None,
    workers: int = 1,
) -> RareStudy:
    """Run the study on made tables, or on `peaks` with `chemistry`; with a folder `out` a run that
    was killed goes on."""
    settings = RareSettings() if settings is None else settings
    tables = _tables(settings, peaks, chemistry)
    arms = arms_of(settings)
    shares = ("test_share", "rare_share", "most")
    split = json.dumps({name: getattr(settings, name) for name in shares})
    jobs = [(name, seed, arm) for name in tables for seed in settings.seeds for arm in arms]
    found = run_pieces(
        fit_arm,
        [
            {**tables[name], "split": split, "seed": seed, "arm": arm_words(arm)}
            for name, seed, arm in jobs
        ],
        seed=0,
        journal=None if out is None else Path(out) / JOURNAL,
        workers="threads" if workers == 1 else "processes",
        n_workers=workers,
        progress=progress,
        label="fits",
    )
    scores = pl.concat([_scores(job, values) for job, values in zip(jobs, found)])
    gains = pl.concat([_gains(name, jobs, found, arms) for name in tables])
    return RareStudy(settings, scores, gains, _verdicts(gains, settings))


def _tables(
    settings: RareSettings, peaks: Peaks | None, chemistry: Chemistry | None
) -> dict[str, dict[str, PieceValue]]:
    """What pieces need of each table, by its name."""
    if peaks is None:
        if chemistry is not None:
            raise SettingsError("chemistry was given without peaks.")
        return {
            f"species_theta_sd {sd:g}": {
                "generator": json.dumps(asdict(replace(settings.generator, species_theta_sd=sd)))
            }
            for sd in settings.species_theta_sd
        }
    if chemistry is None:
        raise SettingsError("heads need descriptors of compounds: give chemistry with the peaks.")
    turned = components(chemistry)
    if max(settings.head_dims) > len(turned.names):
        raise SettingsError(
            f"head_dims={settings.head_dims} and there are {len(turned.names)} descriptors that "
            "differ: smaller heads."
        )
    return {GIVEN: pack_peaks(peaks, "peaks") | pack_chemistry(turned, "chemistry")}


def _scores(job: tuple[str, int, Arm], values: PieceValues) -> pl.DataFrame:
    name, seed, arm = job
    return frame_from(values, "scores").select(
        pl.lit(name).alias("table"),
        pl.lit(seed).alias("seed"),
        pl.lit(arm.name).alias("arm"),
        pl.all(),
        pl.lit(_number(values, "log_posterior")).alias("log_posterior"),
        pl.lit(_number(values, "cpu_seconds")).alias("cpu_seconds"),
    )


def _gains(
    name: str,
    jobs: Sequence[tuple[str, int, Arm]],
    found: Sequence[Mapping[str, PieceValue]],
    arms: Sequence[Arm],
) -> pl.DataFrame:
    """Every arm against the one without heads, on one table."""
    held = {(j[1], j[2].name): v for j, v in zip(jobs, found) if j[0] == name}
    seeds = sorted({seed for seed, _ in held})
    rows: list[dict[str, Any]] = []
    for arm in arms[1:]:
        ours, full = ([held[seed, which] for seed in seeds] for which in (arm.name, FULL))
        totals = [
            [(np.sum(_of(v, "run_error")), np.sum(_of(v, "run_rows"))) for v in part]
            for part in (ours, full)
        ]
        each = [
            100 * (1 - (a / n) / (b / m)) for (a, n), (b, m) in zip(*totals, strict=True)
        ]  # fmt: skip
        over = replicate_means(
            pl.DataFrame({"arm": [arm.name] * len(each), "percent": each}), ["arm"], "percent"
        ).row(0, named=True)
        low_runs, high_runs = _over_runs(ours, full)
        rows.append({
            "table": name, "arm": arm.name, "headed": arm.headed, "percent": over["percent"],
            "low": over["low"], "high": over["high"], "low_runs": low_runs,
            "high_runs": high_runs, "replicates": len(each),
            "more_likely": float(np.mean([
                _number(a, "log_posterior") - _number(b, "log_posterior")
                for a, b in zip(ours, full, strict=True)
            ])),
            "cost": sum(_number(v, "cpu_seconds") for v in ours)
            / max(sum(_number(v, "cpu_seconds") for v in full), 1e-9),
        })  # fmt: skip
    frame = pl.DataFrame(rows)
    return frame.with_columns(pl.col("low", "high").cast(pl.Float64).fill_nan(None))


def _over_runs(
    ours: Sequence[Mapping[str, PieceValue]], full: Sequence[Mapping[str, PieceValue]]
) -> tuple[float, float]:
    """The interval of the gain in percent when runs of all replicates are left out one by one."""
    error, base = (np.concatenate([_of(v, "run_error") for v in part]) for part in (ours, full))
    left = 100 * (1 - (error.sum() - error) / (base.sum() - base))
    count = len(left)
    se = float(np.sqrt((count - 1) / count * np.sum((left - left.mean()) ** 2)))
    reach = float(stats.t.ppf(0.5 + LEVEL / 2, count - 1)) * se
    middle = 100 * (1 - error.sum() / base.sum())
    return float(middle - reach), float(middle + reach)


def _verdicts(gains: pl.DataFrame, settings: RareSettings) -> pl.DataFrame:
    """The arm with heads that training finds likeliest, and whether it is worth having."""
    rows: list[dict[str, Any]] = []
    for name in gains["table"].unique(maintain_order=True):
        part = gains.filter((pl.col("table") == name) & pl.col("headed"))
        row = part.sort("more_likely", descending=True).row(0, named=True)
        low = row["low_runs"]
        if row["replicates"] >= FEWEST:
            low = min(low, row["low"])
        against = [
            words
            for words, failed in (
                ("training does not find it likelier", not row["more_likely"] > 0),
                ("the gain may be none", not low > 0),
                ("the gain is small", row["percent"] < 100 * settings.least_gain),
                ("it costs too much", row["cost"] > settings.most_cost),
            )
            if failed
        ]
        rows.append({
            "table": name, "candidate": row["arm"], "adopt": not against, "percent": row["percent"],
            "at_least": low, "more_likely": row["more_likely"], "cost": row["cost"],
            "against": "; ".join(against),
        })  # fmt: skip
    return pl.DataFrame(rows)


def _of(values: Mapping[str, PieceValue], name: str) -> np.ndarray:
    return np.asarray(values[name], dtype=np.float64)


def _number(values: Mapping[str, PieceValue], name: str) -> float:
    return float(str(values[name]))
