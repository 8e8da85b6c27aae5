"""What a report says in sentences: its answers, and what to know before trusting them."""

from collections.abc import Mapping

import polars as pl

from errorbar import __version__
from errorbar.core.report import Answer
from errorbar.rt.evaluate import ALL, UNSEEN, Evaluation, compare, coverage_name
from errorbar.rt.plots import bin_words

__all__ = ["answers", "lead", "provenance_of", "troubles"]

# A bin is worth a warning from so many rows, so far from its target, by so many errors.
ENOUGH_ROWS, FAR_OFF, SURE = 500, 0.02, 3.0
FEW_RUNS = 10
WIDER = 1.1


def lead(value: Evaluation) -> str:
    """What was looked at, and the question."""
    scores = value.scores[value.first]
    runs = len(scores.support.runs.at(None))
    others = [name for name in value.scores if name != value.first]
    beside = f", beside {', '.join(others)}" if others else ""
    return (
        f"{scores.rows:,} test peaks of {runs:,} runs: how near are the times that {value.first} "
        f"predicts{beside}, and are its intervals true?"
    )


def answers(value: Evaluation) -> list[Answer]:
    """Headlines of the first model: error, coverage, width, rows, and the next best model."""
    scores = value.scores[value.first]
    row = compare({value.first: scores}, "support").row(0, named=True)
    level, about = 100 * value.interval, _about(row["mae_se_runs"], "{:.2g} min")
    found = [
        Answer(
            f"{row['mae']:.3g} min",
            f"is the mean absolute error of {value.first}{about}; the root mean square error is "
            f"{row['rmse']:.3g} min.",
        )
    ]
    if scores.spread:
        about = _about(row["coverage_se_runs"], "{:.1f} points", 100)
        covered = 100 * row[coverage_name(value.interval)]
        found += [
            Answer(
                f"{covered:.1f} %", f"of times lie within their {level:g} % intervals{about}."
            ),
            Answer(
                f"{row['interval_width_mean']:.3g} min",
                f"is the mean width of a {level:g} % interval.",
            ),
        ]  # fmt: skip
    found.append(
        Answer(
            f"{100 * scores.share_scored:.3g} %",
            f"of {scores.offered:,} rows get a time from {value.first}; {scores.unseen_rows:,} of "
            f"the {scores.rows:,} compared are of pairs without a training peak.",
        )
    )
    return found + _better(value)


def _about(error: float | None, form: str, unit: float = 1.0) -> str:
    """A standard error in words, where runs tell one."""
    return "" if error is None else f" (± {form.format(unit * error)} by the scatter between runs)"


def _better(value: Evaluation) -> list[Answer]:
    """The nearest of the other models, by the paired difference."""
    if value.paired.is_empty():
        return []
    paired = value.paired.filter(pl.col("against") == value.first)
    if paired.is_empty():
        return []
    row = paired.sort("difference").row(0, named=True)
    sign = "more" if row["difference"] >= 0 else "less"
    low, high = sorted((abs(row["low"]), abs(row["high"])))
    sure = row["low"] * row["high"] > 0
    held = f"95 % interval {low:.2g} to {high:.2g}" if sure else "the 95 % interval holds zero"
    return [
        Answer(
            f"{abs(row['difference']):.2g} min {sign}",
            f"is what {row['model']} errs than {value.first} on the same rows ({held}, runs "
            f"left out one by one); no other model errs less.",
        )
    ]


def troubles(value: Evaluation) -> list[str]:
    """What readers must know first: subsets, few runs, skipped rows, false intervals."""
    words: list[str] = []
    first = value.scores[value.first]
    if first.subset:
        words.append(f"Scores are those of a subset: {first.subset}.")
    if (runs := len(first.support.runs.at(None))) < FEW_RUNS:
        words.append(
            f"The test rows come from {runs} runs only: errors by run are too short with so few."
        )
    partial = [n for n, s in value.scores.items() if s.scored < s.offered]
    if partial:
        shares = ", ".join(f"{n} {100 * value.scores[n].share_scored:.3g} %" for n in partial)
        words.append(
            f"Not all models score all rows ({shares}). All are compared on the rows that every "
            "one of them scores, usually the easier ones."
        )
    if value.mapped is not None and first.unseen_rows:
        words.append(
            f"{first.unseen_rows:,} rows of {first.unseen_groups:,} pairs are not in the common "
            "map of support and stand in the bin “unseen”."
        )
    return words + _false_intervals(value)


def _false_intervals(value: Evaluation) -> list[str]:
    words: list[str] = []
    level, name = value.interval, coverage_name(value.interval)
    for model, scores in value.scores.items():
        if not scores.spread:
            words.append(f"{model} predicts no intervals: only its errors are told.")
            continue
        part = compare({model: scores}, "support").filter(
            (pl.col("n_obs_test") >= ENOUGH_ROWS)
            & ((pl.col(name) - level).abs() > FAR_OFF)
            & ((pl.col(name) - level).abs() > SURE * pl.col("coverage_se_runs"))
        )
        if not part.is_empty():
            held = ", ".join(
                f"{100 * row[name]:.1f} % {_of(row['bin'])}" for row in part.iter_rows(named=True)
            )
            words.append(
                f"Intervals of {model} at {100 * level:g} % hold {held} (told of bins of "
                f"{ENOUGH_ROWS} rows and more that are surely off)."
            )
    # With few runs a factor is large for want of runs alone: coverage must be short too.
    for row in value.conformal.iter_rows(named=True):
        if row["factor"] > WIDER and row["coverage_before"] < level - FAR_OFF:
            words.append(
                f"Half of the runs say that intervals of {row['model']} should be "
                f"{row['factor']:.2f} times as wide to hold rows of new runs."
            )
    return words


def _of(label: str) -> str:
    """The rows of a bin of support, in words."""
    if label == ALL:
        return "of all rows"
    if label == UNSEEN:
        return "of unseen pairs"
    return f"with {bin_words(label)} training peaks"


def provenance_of(value: Evaluation, given: Mapping[str, str] | None) -> dict[str, str]:
    """Settings and subsets, then what the caller says of data and models."""
    scores = value.scores[value.first]
    how = scores.settings
    mapped = (
        "each model's own counts"
        if value.mapped is None
        else (f"one map of {value.mapped:,} pairs for all models")
    )
    return {
        "errorbar": __version__,
        "rows": f"{scores.rows:,} of {scores.offered:,} offered",
        **({"subset": scores.subset} if scores.subset else {}),
        "interval": f"{100 * how.interval:g} %, sd × {how.pred_std_scale:g}",
        "support": f"{mapped}; edges {', '.join(map(str, how.edges))}; pairs of {value.column}",
        "quantiles of |error|": "from a histogram, within 0.6 % of their value",
        **dict(given or {}),
    }
