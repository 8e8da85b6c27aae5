"""The catalogue of planets that surveys are drawn from.

The columns keep the names of the reference code's file:

| column | meaning |
|---|---|
| `logM` | log10 of the planet's mass in Jupiter masses |
| `log(X_H2O)` | log10 of its water abundance |
| `uncertainty_lower`, `uncertainty_upper` | one-sigma bars of the abundance, dex |
| `Planet Name` | optional; without it planets are called by their row |
| `Star Metallicity` | optional: the host's [Fe/H], dex |
| `Star Metallicity Error Lower`, `... Upper` | its bars; also read without the word `Error` |
| `logM_err_lower`, `logM_err_upper` | optional: bars of the log mass, dex |
| `limit` | optional: true where the abundance is an upper limit |

Every other column is kept as it is, so that surveys may be chosen by it. In the table that comes
out, bars are distances (positive); a negative lower bar in the file is one written with its sign.
"""

from typing import Any, get_args

import polars as pl

from errorbar.core.errors import MissingExtraError, SettingsError, TableError
from errorbar.core.measure import BarRule
from errorbar.survey.data.arrays import SurveyData
from errorbar.survey.data.columns import (
    ABUNDANCE,
    ABUNDANCE_BARS,
    MASS,
    MASS_BARS,
    NAME,
    STAR,
    STAR_BARS,
    has_mass_errors,
    has_star,
    survey_arrays,
)
from errorbar.survey.data.dropped import Dropped
from errorbar.survey.data.sieve import Duplicates, sift
from errorbar.survey.data.table import check_columns, open_table
from errorbar.survey.data.units import Plausible

__all__ = ["HermesData"]

# The reference code's README drops the word `Error` that its code needs.
SPELLINGS = {
    "Star Metallicity Lower": STAR_BARS[0],
    "Star Metallicity Upper": STAR_BARS[1],
}


class HermesData:
    """A catalogue of planets, checked at the door.

    Parameters
    ----------
    source
        Path of a CSV or Parquet file, a Polars frame or a pandas frame.
    need_star, need_mass_errors
        Whether a row without the host's metallicity, or without mass errors, is dropped. `None`
        means: yes, if the table has these columns. With `False` such a row stays, with gaps.
    strict
        Refuse the table instead of dropping rows.
    duplicates
        `"refuse"` a table that names a planet twice, or keep the `"first"` row of each.
    units
        What numbers are believed (`Plausible`); `None` believes everything.

    Attributes
    ----------
    df
        The rows kept, as a Polars frame.
    dropped
        The report of the rows that were not.
    """

    __slots__ = ("_df", "_dropped")

    def __init__(
        self,
        source: Any,
        *,
        need_star: bool | None = None,
        need_mass_errors: bool | None = None,
        strict: bool = False,
        duplicates: Duplicates = "refuse",
        units: Plausible | None = Plausible(),  # noqa: B008 (frozen)
    ) -> None:
        if duplicates not in get_args(Duplicates):
            raise SettingsError(
                f"duplicates={duplicates!r} is not a way to treat repeated planets; choose "
                "'refuse' or 'first'."
            )
        frame, where = open_table(source)
        if frame.height == 0:
            raise TableError(f"{where} has no rows: there is no planet to survey.")
        frame = _canonical(frame, where, need_star, need_mass_errors)
        frame, sieve = sift(
            frame,
            need_star=need_star is not False and has_star(frame),
            need_mass_errors=need_mass_errors is not False and has_mass_errors(frame),
            units=units,
        )
        sieve.drop_duplicates(duplicates, where)
        dropped = sieve.report()
        if dropped.rows_kept == 0:
            raise TableError(f"no planet of {where} can be used. {dropped}")
        if strict and dropped:
            raise TableError(
                f"{where} holds rows that cannot be used, and strict=True drops none. {dropped}"
            )
        self._df = frame.filter(pl.Series(sieve.keep))
        self._dropped = dropped

    @property
    def df(self) -> pl.DataFrame:
        return self._df

    @property
    def dropped(self) -> Dropped:
        return self._dropped

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._df.get_column(NAME).to_list())

    def __len__(self) -> int:
        return self._df.height

    def __repr__(self) -> str:
        parts = [f"{len(self)} planets"]
        parts += ["stellar metallicities"] if has_star(self._df) else []
        parts += ["mass errors"] if has_mass_errors(self._df) else []
        parts += [f"{self._dropped.count} rows dropped"] if self._dropped else []
        return f"HermesData({', '.join(parts)})"

    def data(
        self,
        *,
        bars: BarRule = "mean",
        star: bool | None = None,
        mass_errors: bool | None = None,
    ) -> SurveyData:
        """The whole catalogue as one survey's arrays.

        `bars="mean"` takes the mean bar as the error, `"split-normal"` the mean and standard
        deviation of the split normal they describe. `star` and `mass_errors` say whether these
        columns are used, `None` means where there are any; rows with gaps in what is used are
        left out.
        """
        return survey_arrays(self._df, bars=bars, star=star, mass_errors=mass_errors)

    def to_pandas(self) -> Any:
        """The rows kept, as a pandas frame."""
        try:
            return self._df.to_pandas()
        except ImportError as error:
            raise MissingExtraError("pandas", "survey") from error


def _canonical(
    frame: pl.DataFrame, where: str, need_star: bool | None, need_mass_errors: bool | None
) -> pl.DataFrame:
    """The reference code's spelling of every column; tables that cannot be read are refused."""
    for alias, name in SPELLINGS.items():
        if alias in frame.columns and name in frame.columns:
            raise TableError(
                f"{where} has both `{name}` and `{alias}`, which are two spellings of one column: "
                "remove one of them."
            )
    frame = frame.rename({a: n for a, n in SPELLINGS.items() if a in frame.columns})
    wanted = [MASS, ABUNDANCE, *ABUNDANCE_BARS]
    for need, columns in ((need_star, (STAR, *STAR_BARS)), (need_mass_errors, MASS_BARS)):
        present = [name for name in columns if name in frame.columns]
        if need or (need is None and present):
            wanted += columns
    check_columns(frame, wanted, where)
    return frame
