"""Tables of a report, on a page and on paper."""

from collections.abc import Sequence

import polars as pl

from errorbar.core.report import Table
from errorbar.rt.evaluate import ALL, Evaluation, compare, coverage_name, tails
from errorbar.rt.plots.sheets import SLICE_WORDS

__all__ = ["model_tables", "on_paper", "slice_tables", "support_tables"]

ON_PAGE = (
    "model", "bin", "n_obs_test", "n_groups_with_test", "mae", "mae_se_runs", "rmse", "{coverage}",
    "coverage_se_runs", "interval_width_mean", "bias", "z_sd", "nll", "crps", "group_rmse_p90",
)  # fmt: skip
ON_PAPER = (
    "model", "bin", "n_obs_test", "mae", "mae_se_runs", "rmse", "{coverage}", "coverage_se_runs",
    "interval_width_mean", "z_sd", "crps", "group_rmse_p90",
)  # fmt: skip
HEADINGS = {
    "bin": "rows",
    "n_groups": "training groups",
    "n_groups_with_test": "groups",
    "n_obs_test": "test rows",
    "n_runs": "runs",
    "mae": "MAE (min)",
    "mae_se_runs": "± by run",
    "rmse": "RMSE (min)",
    "coverage_se_runs": "± by run",
    "interval_width_mean": "width (min)",
    "bias": "bias (min)",
    "z_sd": "sd of z",
    "nll": "−log density",
    "crps": "CRPS (min)",
    "group_rmse_p50": "group RMSE, median (min)",
    "group_rmse_p90": "group RMSE, p90 (min)",
    "group_rmse_p99": "group RMSE, p99 (min)",
    "group_rmse_p90_low": "p90, low",
    "group_rmse_p90_high": "p90, high",
    "group_rmse_max": "worst pair (min)",
    "abs_error_p90": "|error|, p90 (min)",
    "abs_error_p99": "|error|, p99 (min)",
    "share_scored": "share scored",
    "difference": "difference of MAE (min)",
    "difference_percent": "in %",
    "se_runs": "± by run",
    "factor": "widen by",
    "coverage_before": "coverage as predicted",
    "coverage_after": "coverage widened",
    "calibrated_by": "calibrated by",
    "n_units": "how many",
    "n_obs_checked": "rows checked",
}


def model_tables(value: Evaluation) -> list[Table]:
    """Models side by side, their paired differences, and the check of their intervals."""
    whole = compare(value.scores, "support").filter(pl.col("by") == ALL)
    shown = ["model", "share_scored", *(n for n in ON_PAGE if n not in ("model", "bin"))]
    found = [
        _table(
            value, "All test rows", whole, shown, "models.csv",
            "Every model on the rows that all score; “share scored” is of the rows offered.",
        )
    ]  # fmt: skip
    if not value.paired.is_empty():
        found.append(
            _table(
                value, "Differences on the same rows", value.paired, (), "differences.csv",
                "Mean absolute error less that of the other model: positive where the first named "
                "is worse. Errors and intervals leave out one run at a time.",
            )
        )  # fmt: skip
    if not value.conformal.is_empty():
        found.append(
            _table(
                value, "Intervals checked on other runs", value.conformal, (), "conformal.csv",
                "Half of the runs say how much wider intervals must be, the other half is looked "
                "at. The promise is for runs like these, not for a column that has since drifted.",
            )
        )  # fmt: skip
    return found


def support_tables(value: Evaluation) -> list[Table]:
    """Scores by support, and the worst pairs of each bin."""
    part = _filled(compare(value.scores, "support").filter(pl.col("by") != ALL))
    return [
        _table(value, "Scores by support", part, ON_PAGE, "support.csv", "", True),
        _table(value, "The worst pairs", _filled(tails(value.scores)), (), "tails.csv", "", True),
    ]


def slice_tables(value: Evaluation) -> list[Table]:
    """Scores by every other slice."""
    table = _filled(compare(value.scores))
    return [
        _table(
            value, f"Scores by {SLICE_WORDS.get(by, by)}", table.filter(pl.col("by") == by),
            ON_PAGE, f"slice_{place}.csv", "", True,
        )
        for place, by in enumerate(table["by"].unique(maintain_order=True).to_list())
        if by not in (ALL, "support")
    ]  # fmt: skip


def on_paper(table: Table, value: Evaluation) -> pl.DataFrame:
    """The columns that a sheet of paper has room for, under the headings that people read."""
    coverage = coverage_name(value.interval)
    frame = table.frame
    if "mae" in frame.columns:
        wanted = [name.format(coverage=coverage) for name in ON_PAPER]
        wanted += ["share_scored"]
        single = frame["bin"].n_unique() == 1
        names = [n for n in wanted if n != ("bin" if single else "share_scored")]
    else:
        names = frame.columns
    headings = {**HEADINGS, coverage: f"coverage\nof {100 * value.interval:g} %"}
    said = [_narrow(headings.get(name, name)) for name in names]
    # A heading may not occur twice in a table.
    said = [f"{word} " if word in said[:place] else word for place, word in enumerate(said)]
    return frame.select(pl.col(name).alias(word) for name, word in zip(names, said))


def _narrow(words: str) -> str:
    """A long heading in two lines."""
    if len(words) < 11 or " " not in words or "\n" in words:
        return words
    middle = min(
        (at for at, letter in enumerate(words) if letter == " "),
        key=lambda at: abs(at - len(words) / 2),
    )
    return f"{words[:middle]}\n{words[middle + 1 :]}"


def _filled(table: pl.DataFrame) -> pl.DataFrame:
    return table.filter(pl.col("n_obs_test") > 0)


def _table(
    value: Evaluation,
    title: str,
    frame: pl.DataFrame,
    visible: Sequence[str],
    file_name: str,
    caption: str,
    folded: bool = False,
) -> Table:
    coverage = coverage_name(value.interval)
    named = {**HEADINGS, coverage: f"coverage of {100 * value.interval:g} %"}
    return Table(
        title,
        frame,
        caption=caption,
        file_name=file_name,
        headings=named,
        visible=tuple(name.format(coverage=coverage) for name in visible),
        folded=folded,
    )
