r"""The planets of a survey that has not been observed: where they lie and how well they will be.

Two descriptions of one thing. A list names every planet with its own error. A summary knows only
the number $N$, the leverage $L=\sqrt{\sum (x_i-\bar x)^2}$ and a typical error: `summary_design`
turns it into a few points with weights that have exactly these moments, and every formula of this
room takes either.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from errorbar.core.errors import DesignError
from errorbar.survey.data import SurveyData

__all__ = ["Design", "join_designs", "summary_design", "survey_design"]


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """Log masses `x` with the errors `sigma` that their abundances will have, in dex.

    `count` says how many planets a row stands for (one by default), `star` and `star_sigma` are
    the hosts' metallicities, `x_sigma` the mass errors in dex.
    """

    x: Float[ndarray, " rows"]
    sigma: Float[ndarray, " rows"]
    star: Float[ndarray, " rows"] | None = None
    star_sigma: Float[ndarray, " rows"] | None = None
    x_sigma: Float[ndarray, " rows"] | None = None
    count: Float[ndarray, " rows"] | None = None

    def __post_init__(self) -> None:
        rows = np.size(self.x)
        if rows == 0:
            raise DesignError("a design without planets measures nothing: give at least one.")
        for name in ("x", "sigma", "star", "star_sigma", "x_sigma", "count"):
            values = getattr(self, name)
            if values is not None:
                object.__setattr__(self, name, _column(name, values, rows))
        if self.star is not None and self.star_sigma is None:
            raise DesignError("`star` comes with `star_sigma`: give the hosts' errors too.")

    @property
    def rows(self) -> int:
        return len(self.x)

    @property
    def weight(self) -> Float[ndarray, " rows"]:
        """How many planets each row stands for."""
        return np.ones(self.rows) if self.count is None else self.count

    @property
    def n(self) -> float:
        """The number of planets."""
        return float(self.weight.sum())

    @property
    def centre(self) -> float:
        """The mean log mass."""
        return float(np.average(self.x, weights=self.weight))

    @property
    def star_centre(self) -> float:
        """The mean stellar metallicity."""
        return float(np.average(self.need_star(), weights=self.weight))

    @property
    def leverage(self) -> float:
        r"""$L=\sqrt{\sum_i (x_i-\bar x)^2}$."""
        return float(np.sqrt(np.sum(self.weight * (self.x - self.centre) ** 2)))

    @property
    def spread(self) -> float:
        """The standard deviation of log mass (divisor N)."""
        return self.leverage / np.sqrt(self.n)

    def need_star(self) -> Float[ndarray, " rows"]:
        """The hosts' metallicities, or why this model cannot be planned."""
        if self.star is None:
            raise DesignError(
                "this model needs the hosts' metallicities, and the targets have none: give them, "
                "or plan for the model `single`."
            )
        return self.star

    def need_star_sigma(self) -> Float[ndarray, " rows"]:
        """The errors of the hosts' metallicities, or why this model cannot be planned."""
        if self.star_sigma is None:
            raise DesignError(
                "this model needs the errors of the hosts' metallicities, and the targets have "
                "none: give them, or plan for the model `single`."
            )
        return self.star_sigma

    def take(self, rows: ndarray) -> "Design":
        """The design made of these rows (indices or a mask)."""

        def some(column: ndarray | None) -> ndarray | None:
            return None if column is None else column[rows]

        return Design(
            self.x[rows],
            self.sigma[rows],
            some(self.star),
            some(self.star_sigma),
            some(self.x_sigma),
            some(self.count),
        )


def summary_design(
    n: float,
    leverage: float,
    sigma: float,
    *,
    star_sigma: float | None = None,
    star_leverage: float = 0.0,
    star_correlation: float = 0.0,
    x_sigma: float | None = None,
) -> Design:
    r"""Few weighted points that have $N$ planets, leverage $L$ and one error for all.

    With stars, `star_leverage` is $\sqrt{\sum (s_i-\bar s)^2}$ and `star_correlation` the
    correlation of the host's metallicity with log mass over the list.
    """
    if not n >= 2 or not leverage >= 0 or not star_leverage >= 0 or not abs(star_correlation) < 1:
        raise DesignError(
            f"n={n}, leverage={leverage}, star_leverage={star_leverage} and "
            f"star_correlation={star_correlation} describe no survey: n is at least 2, leverages "
            "are not negative and a correlation lies between -1 and 1."
        )
    sides = np.array([(-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0)])
    same = sides[:, 0] * sides[:, 1]
    constant = np.ones(4)
    return Design(
        x=sides[:, 0] * leverage / np.sqrt(n),
        sigma=sigma * constant,
        star=None if star_sigma is None else sides[:, 1] * star_leverage / np.sqrt(n),
        star_sigma=None if star_sigma is None else star_sigma * constant,
        x_sigma=None if x_sigma is None else x_sigma * constant,
        count=n * (1.0 + same * star_correlation) / 4.0,
    )


def join_designs(first: Design, second: Design) -> Design:
    """Both lists as one; a column that only one of them has is dropped, save mass errors."""

    def both(name: str) -> ndarray | None:
        parts = [getattr(first, name), getattr(second, name)]
        if name == "x_sigma" and any(part is not None for part in parts):
            parts = [np.zeros(d.rows) if p is None else p for d, p in zip((first, second), parts)]
        return None if any(part is None for part in parts) else np.concatenate(parts)

    counted = first.count is not None or second.count is not None
    return Design(
        np.concatenate([first.x, second.x]),
        np.concatenate([first.sigma, second.sigma]),
        both("star") if both("star_sigma") is not None else None,
        both("star_sigma"),
        both("x_sigma"),
        np.concatenate([first.weight, second.weight]) if counted else None,
    )


def survey_design(data: SurveyData) -> Design:
    """The design of a survey that has been observed: its masses and errors, not its abundances."""
    return Design(data.x, data.sigma, data.star, data.star_sigma, data.x_sigma)


def _column(name: str, values: object, rows: int) -> Float[ndarray, " rows"]:
    column = np.array(values, dtype=np.float64, ndmin=1)
    if column.shape != (rows,):
        raise DesignError(f"`{name}` has shape {column.shape}, but there are {rows} targets.")
    positive = name in ("sigma", "star_sigma", "count")
    fine = np.isfinite(column) & ((column > 0) if positive else True)
    fine &= (column >= 0) if name == "x_sigma" else True
    bad = np.flatnonzero(~fine)
    if bad.size:
        raise DesignError(
            f"`{name}` must be finite{' and positive' if positive else ''}; {bad.size} rows are "
            f"not, first at row {bad[0]} ({column[bad[0]]}). Leave these targets out or fill them."
        )
    column.setflags(write=False)
    return column
