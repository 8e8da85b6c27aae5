"""The arrays one regression sees."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from errorbar.core.errors import SurveyError

__all__ = ["SurveyData"]

FEWEST_PLANETS = 3


@dataclass(frozen=True, slots=True, eq=False)
class SurveyData:
    """Log masses and abundances of the planets of one survey, one row per planet.

    `x` is log10 of the mass in Jupiter masses, not centred, with error `x_sigma` in dex; `y` the
    log abundance with error `sigma`, an upper limit where `limit` is true; `star` the host's
    [Fe/H] with error `star_sigma`.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    sigma: NDArray[np.float64]
    star: NDArray[np.float64] | None = None
    star_sigma: NDArray[np.float64] | None = None
    x_sigma: NDArray[np.float64] | None = None
    limit: NDArray[np.bool_] | None = None
    names: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name in ("x", "y", "sigma", "star", "star_sigma", "x_sigma"):
            values = getattr(self, name)
            if values is not None:
                object.__setattr__(self, name, _column(name, values, len(self.x)))
        if self.limit is not None:
            object.__setattr__(self, "limit", np.array(self.limit, dtype=bool))
            _check_length("limit", self.limit, self.n)
        if self.names is not None:
            _check_length("names", self.names, self.n)
        if (self.star is None) != (self.star_sigma is None):
            raise SurveyError("`star` and `star_sigma` belong together: give both or neither.")
        if self.n < FEWEST_PLANETS:
            raise SurveyError(
                f"a survey of {self.n} planets has no line with scatter to fit: "
                f"at least {FEWEST_PLANETS} are needed."
            )
        if np.ptp(self.x) == 0:
            raise SurveyError(
                f"all {self.n} masses are equal (log mass {self.x[0]:g}), so no slope can be "
                "measured: choose planets that differ in mass."
            )
        if self.limit is not None and self.limit.all():
            raise SurveyError(
                f"all {self.n} abundances are upper limits, which bound a line from one side only: "
                "at least one detection is needed."
            )

    @property
    def n(self) -> int:
        return len(self.x)

    @property
    def centre(self) -> float:
        """The mean log mass, where the reference's intercept is taken."""
        return float(np.mean(self.x))

    @property
    def xc(self) -> NDArray[np.float64]:
        """Log mass less its mean."""
        return self.x - self.centre

    @property
    def leverage(self) -> float:
        r"""$L = \sqrt{\sum_i (x_i - \bar x)^2}$."""
        return float(np.sqrt(np.sum(self.xc**2)))

    def need_star(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The host's metallicity and its error, or the reason why this model cannot run."""
        if self.star is None or self.star_sigma is None:
            raise SurveyError(
                "this model needs the stars' metallicities and their errors, and the survey has "
                "none: add the columns `Star Metallicity` and `Star Metallicity Error "
                "Lower/Upper`, or fit the model `single`."
            )
        return self.star, self.star_sigma

    def need_x_sigma(self) -> NDArray[np.float64]:
        """The errors of the log masses, or the reason why this model cannot run."""
        if self.x_sigma is None:
            raise SurveyError(
                "this model needs the errors of the log masses, and the survey has none: add the "
                "columns `logM_err_lower` and `logM_err_upper` (dex), or fit the model `single`, "
                "which takes masses as exact."
            )
        return self.x_sigma


def _column(name: str, values: object, rows: int) -> NDArray[np.float64]:
    column = np.array(values, dtype=np.float64, ndmin=1)
    _check_length(name, column, rows)
    bad = np.flatnonzero(~np.isfinite(column))
    if bad.size:
        raise SurveyError(
            f"`{name}` must be finite; {bad.size} rows are not, first at row {bad[0]} "
            f"({column[bad[0]]}). Drop these planets first; reading them through `HermesData` "
            "drops and counts them."
        )
    if name.endswith("sigma"):
        bad = np.flatnonzero(~(column > 0))
        if bad.size:
            raise SurveyError(
                f"`{name}` must be positive; {bad.size} rows are not, first at row {bad[0]} "
                f"({column[bad[0]]}). An error bar of zero claims perfect knowledge."
            )
    column.setflags(write=False)
    return column


def _check_length(name: str, values: object, rows: int) -> None:
    length = len(values)  # type: ignore[arg-type]
    if np.ndim(values) != 1 or length != rows:  # type: ignore[arg-type]
        raise SurveyError(f"`{name}` has shape {np.shape(values)}, but there are {rows} planets.")  # type: ignore[arg-type]
