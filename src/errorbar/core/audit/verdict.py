"""The verdict: one sentence for people, the same for machines."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from errorbar.core.audit.faults import Fault, Trial

__all__ = ["Verdict", "make_verdict"]

MANY_FREEDOMS = 100.0


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What was found: `words`, and `faults`, the worst first.

    `decided` is false where rows or groups were too few to ask anything; `passed` is true where it
    was decided and no fault was found. `questions` are all that were asked at first, with their
    chances. Claims that are true are faulted with probability `alpha` at most.
    """

    words: str
    faults: tuple[Fault, ...]
    questions: pl.DataFrame
    alpha: float
    tolerance: float
    decided: bool = True

    @property
    def passed(self) -> bool:
        """Whether something could be asked, and nothing was wrong."""
        return self.decided and not self.faults

    @property
    def apart(self) -> str:
        """What to do where a fault is of one slice, which no repair of all rows mends."""
        places = dict.fromkeys(f"{f.by} is {f.level}" for f in self.faults if f.by)
        if not places:
            return ""
        return (
            f"This is for all rows alike; the fault is not. Audit and recalibrate rows where "
            f"{' and where '.join(places)} apart from the others."
        )

    def to_dict(self) -> dict[str, Any]:
        """The verdict without its table of questions, as plain JSON."""
        return {
            "passed": self.passed,
            "decided": self.decided,
            "words": self.words,
            "faults": [_plain(fault) for fault in self.faults],
            "alpha": self.alpha,
            "tolerance": self.tolerance,
            "questions": self.questions.height,
        }


def _plain(fault: Fault) -> dict[str, Any]:
    return {
        "kind": fault.kind,
        "by": fault.by,
        "slice": fault.level,
        "class": fault.of,
        "rows": fault.rows,
        "size": fault.size,
        "chance": fault.chance,
        "gain": fault.gain,
        **fault.numbers,
        "words": fault.words,
    }


def make_verdict(
    trial: Trial, alpha: float, tolerance: float, what: str, rows: int, coverage: str = ""
) -> Verdict:
    """Words for a trial; `what` are error bars, intervals or probabilities."""
    asked = trial.questions.height
    faults: list[Fault] = []
    for fault in trial.faults:
        # Later faults are told against what the earlier have mended.
        alone = len(trial.faults) == 1
        faults.append(replace(fault, words=_words(fault, what, alone, bool(faults))))
    if not asked:
        words = f"Too few to tell: {rows} rows are not 20 independent ones of 8 or more groups."
        return Verdict(words, (), trial.questions, alpha, tolerance, decided=False)
    if not faults:
        words = (
            f"No fault found: {rows:,} rows agree with what their {what} claim in all {asked} "
            "questions."
        )
    else:
        first, *others = (fault.words for fault in faults)
        words = " ".join([first + "." + (f" {coverage}" if coverage else ""), *(
            f"Also: {other}." for other in others
        )])  # fmt: skip
    return Verdict(words, tuple(faults), trial.questions, alpha, tolerance)


def _words(fault: Fault, what: str, alone: bool, later: bool) -> str:
    where = f" where {fault.by} is {fault.level}" if fault.by else ""
    if where and alone:
        where = f" only{where}"
    if where and later:
        where = f"{where}, beyond that"
    numbers = fault.numbers
    if fault.kind in ("too narrow", "too wide"):
        return f"{what} are {fault.kind}{where}: multiply by {numbers['factor']:.3g}".capitalize()
    if fault.kind == "biased":
        size = numbers["shift_sd"]
        side = "low" if size > 0 else "high"
        unit = "sd" if what == "error bars" else "claimed sd (of a normal with these ends)"
        return f"Predictions are biased{where}: too {side} by {abs(size):.2g} {unit}"
    if fault.kind == "heavy tails":
        freedom = numbers["degrees_of_freedom"]
        like = "a normal but for a few rows" if freedom > MANY_FREEDOMS else (
            f"Student's t with {freedom:.2g} degrees of freedom"
        )  # fmt: skip
        return f"Tails are heavier than normal: errors are like {like}, {_scaled(numbers)}"
    if fault.kind == "light tails":
        return f"Tails are lighter than normal, {_scaled(numbers)}"
    if fault.kind == "skewed":
        side = "upper" if numbers["up"] > numbers["down"] else "lower"
        return (
            f"Errors are skewed: the {side} side is longer, {numbers['down']:.2g} sd below and "
            f"{numbers['up']:.2g} sd above their mode"
        )
    if fault.kind == "shape":
        return f"The claims of {what} are not met in a way that no simpler fault explains"
    return _class_words(fault, where)


def _scaled(numbers: Mapping[str, float]) -> str:
    return f"{numbers['factor']:.2g} times the claimed sd as their scale"


def _class_words(fault: Fault, where: str) -> str:
    if fault.kind in ("overconfident", "underconfident"):
        verb = "divide" if fault.numbers["temperature"] > 1 else "multiply"
        by = max(fault.numbers["temperature"], 1 / fault.numbers["temperature"])
        return f"Probabilities are {fault.kind}{where}: {verb} their logits by {by:.3g}"
    if fault.kind == "class shares":
        return (
            f"Classes are claimed with the wrong shares{where}: {fault.size:.1%} of rows are "
            "given to the wrong class on balance"
        )
    found, claimed = fault.numbers["found_share"], fault.numbers["claimed_share"]
    if abs(found / max(claimed, 1e-12) - 1) > 0.05:
        return (
            f"Probabilities of the class {fault.of} are wrong: {claimed:.1%} of rows are claimed "
            f"to be of it, {found:.1%} are"
        )
    return f"Probabilities of the class {fault.of} are wrong: too sure or too shy on their own"
