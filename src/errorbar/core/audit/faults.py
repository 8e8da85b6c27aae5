r"""What is wrong, named one fault at a time, with one alpha for all questions together.

Every question asks for one deviation from the claims: overall, or in one level of one slice. Their
chances are put through Holm's correction, so that claims that are true are faulted with probability
`alpha` at most, however many slices were looked at. Of what is left the fault whose repair gains
the most likelihood (less the price of its parameters, $\tfrac12 \log n$ each) is named; claims are
repaired for it, and all questions are asked again. So error bars that are too narrow in one survey
are one fault of that survey, and not also one of the whole table and of its tails.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import polars as pl

from errorbar.core.audit.chances import holm

__all__ = ["Fault", "Question", "Repair", "State", "Trial", "find_faults"]

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Question:
    """One deviation: its size, the chance of one as large if claims are true.

    A size below `least` is no fault however sure it is. `of` names a class; `by` and `level` are
    empty for the whole table.
    """

    kind: str
    by: str
    level: str
    of: str
    rows: int
    groups: int
    size: float
    chance: float
    least: float


@dataclass(frozen=True, slots=True)
class Repair:
    """How much log likelihood a repair gains, and with which numbers."""

    gain: float
    free: int
    numbers: Mapping[str, float]
    state: "State | None"


class State(Protocol):
    """Claims, perhaps already repaired for some faults."""

    def questions(self) -> list[Question]: ...
    def repair(self, question: Question) -> Repair: ...


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that was found: where, how large, and the numbers that would mend it.

    `chance` is corrected for all questions. `kind` is one of `"too narrow"`, `"too wide"`,
    `"biased"`, `"heavy tails"`, `"light tails"`, `"skewed"`, `"shape"`, `"overconfident"`,
    `"underconfident"`, `"class"`, `"class shares"`.
    """

    kind: str
    by: str
    level: str
    of: str
    size: float
    chance: float
    gain: float
    rows: int
    numbers: Mapping[str, float] = field(default_factory=dict[str, float])
    words: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """All questions of the first round with their chances, and the faults in order."""

    faults: tuple[Fault, ...]
    questions: pl.DataFrame


def find_faults(state: State, alpha: float) -> Trial:
    """Ask, repair the worst, ask again."""
    faults: list[Fault] = []
    asked = state.questions()
    first, chances = asked, _corrected(asked)
    told = chances
    for _ in range(ROUNDS):
        best: tuple[float, Question, Repair, float] | None = None
        for question, chance in zip(asked, chances):
            if chance > alpha or abs(question.size) < question.least:
                continue
            repair = state.repair(question)
            worth = repair.gain - 0.5 * repair.free * np.log(question.rows)
            if best is None or worth > best[0]:
                best = (worth, question, repair, float(chance))
        if best is None:
            break
        _, question, repair, chance = best
        faults.append(
            Fault(
                question.kind, question.by, question.level, question.of, question.size, chance,
                repair.gain, question.rows, repair.numbers,
            )
        )  # fmt: skip
        if repair.state is None:
            break
        state = repair.state
        asked = state.questions()
        chances = _corrected(asked)
    return Trial(tuple(faults), _frame(first, told, alpha))


def _corrected(asked: Sequence[Question]) -> list[float]:
    return holm(np.array([question.chance for question in asked])).tolist() if asked else []


def _frame(asked: Sequence[Question], chances: Sequence[float], alpha: float) -> pl.DataFrame:
    rows = [
        (
            q.by, q.level, q.kind, q.of, q.rows, q.groups, q.size, q.chance, chance,
            chance <= alpha and abs(q.size) >= q.least,
        )
        for q, chance in zip(asked, chances)
    ]  # fmt: skip
    schema = {
        "by": pl.String, "slice": pl.String, "question": pl.String, "class": pl.String,
        "rows": pl.Int64, "groups": pl.Int64, "size": pl.Float64, "chance": pl.Float64,
        "chance_corrected": pl.Float64, "fault": pl.Boolean,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")
