"""Which columns of a table hold truths and claims: said, or guessed and told; read and checked."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from errorbar.core.errors import SettingsError, TableError

__all__ = ["ClaimColumns", "find_columns", "quantile_level", "read_claim_table", "take_numbers"]

BLANKS = ["", "NA", "N/A", "n/a", "NaN", "nan", "null", "None", "<NA>"]
PARQUET = (".parquet", ".pq")
QUANTILE = re.compile(r"q_?(\d+(?:\.\d+)?)", re.IGNORECASE)
PREFIXES = ("p_", "prob_", "proba_")

# Names by which other code calls them.
GUESSES: Mapping[str, tuple[str, ...]] = {
    "truth": ("truth", "y_true", "true", "label", "target", "observed", "y"),
    "mean": (
        "mean", "pred", "y_pred", "prediction", "predicted", "forecast", "mu", "yhat", "y_hat",
    ),
    "sd": (
        "sd", "sigma", "std", "stddev", "err", "error", "uncertainty", "y_std", "pred_sd",
        "pred_std", "pred_err",
    ),
    "sd_minus": ("sd_minus", "err_minus", "sigma_minus", "errm", "err_lo", "err_low", "err_down"),
    "sd_plus": ("sd_plus", "err_plus", "sigma_plus", "errp", "err_hi", "err_high", "err_up"),
    "lower": ("lower", "lo", "ci_lower", "pi_lower", "lower_bound"),
    "upper": ("upper", "hi", "ci_upper", "pi_upper", "upper_bound"),
}  # fmt: skip
FORMS: tuple[tuple[str, ...], ...] = (("sd",), ("sd_minus", "sd_plus"), ("lower", "upper"))


@dataclass(frozen=True, slots=True)
class ClaimColumns:
    """Column names by their role; `guessed` are the roles that nobody said."""

    roles: Mapping[str, str]
    quantiles: Mapping[float, str]
    classes: Mapping[str, str]
    guessed: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[str, ...]:
        """Columns that must hold numbers."""
        parts = [name for role, name in self.roles.items() if role != "truth" or not self.classes]
        return (*parts, *self.quantiles.values(), *self.classes.values())


def read_claim_table(path: Path | str) -> pl.DataFrame:
    """A CSV or Parquet file by the ending of its name; a table without rows is refused."""
    path = Path(path)
    if not path.is_file():
        raise TableError(f"there is no file {path}: check the path of the table.")
    parquet = path.suffix.lower() in PARQUET
    try:
        if parquet:
            frame = pl.read_parquet(path)
        else:
            frame = pl.read_csv(path, null_values=BLANKS, infer_schema_length=None)
    except pl.exceptions.PolarsError as error:
        raise TableError(
            f"{path} cannot be read as {'Parquet' if parquet else 'CSV'}: "
            f"{str(error).splitlines()[0]}. Save it with a header row and as many cells in every "
            "row, or as Parquet."
        ) from error
    if frame.is_empty():
        raise TableError(f"{path} has no rows: there is nothing to audit.")
    return frame


def find_columns(
    names: Sequence[str],
    said: Mapping[str, str | None],
    quantiles: Sequence[str] | None,
    prob: str | None,
) -> ClaimColumns:
    """Roles of columns: those said, and guesses by name for the rest; refused where two fit."""
    given = {role: name for role, name in said.items() if name is not None}
    _check_there(names, [*given.values(), *(quantiles or ())])
    forms = [form for form in FORMS if any(role in given for role in form)]
    chosen = len(forms) + (quantiles is not None) + (prob is not None)
    if chosen > 1:
        raise SettingsError(
            "error bars, intervals, quantiles and probabilities are different claims: say columns "
            "of one of them, and audit the other apart."
        )
    found = dict(given)
    guessed: list[str] = []
    _guess("truth", names, found, guessed)
    if "truth" not in found:
        raise TableError(
            f"no column looks like the truth among {_listed(names)}: say which with --truth."
        )
    if prob is not None:
        return ClaimColumns(_only(found, ()), {}, _classes(names, prob), tuple(guessed))
    if quantiles is not None:
        held = {quantile_level(name): name for name in quantiles}
        return ClaimColumns(_only(found, ()), held, {}, tuple(guessed))
    if not forms:
        return _guess_form(names, found, guessed)
    for role in forms[0]:
        _guess(role, names, found, guessed)
    return _finish(names, found, guessed, forms[0])


def quantile_level(name: str) -> float:
    """The level that a name such as q05, q2.5, q975 or q_0.95 says."""
    told = QUANTILE.search(name)
    if told is None:
        raise SettingsError(
            f"--quantiles {name}: the name says no level; call columns q05, q50, q95."
        )
    text = told[1]
    if "." in text:
        value = float(text)
        return value if value < 1 else round(value / 100, 9)
    # q025 and q975 are 2.5 and 97.5 %, q05 and q50 are 5 and 50 %.
    return int(text) / (1000 if len(text) == 3 else 100)


def take_numbers(frame: pl.DataFrame, columns: Sequence[str], where: str) -> pl.DataFrame:
    """The table with these columns as numbers; text among them is refused by its first row."""
    made: list[pl.Series] = []
    for name in columns:
        column = frame[name]
        if not column.dtype.is_numeric():
            number = column.cast(pl.String).str.strip_chars().cast(pl.Float64, strict=False)
            bad = (number.is_null() & column.is_not_null()).arg_true()
            if len(bad):
                raise TableError(
                    f"column {name!r} of {where} holds text in {len(bad)} of {len(column)} rows, "
                    f"first at row {bad[0]} ({column[int(bad[0])]!r}): keep units out of cells, "
                    "and leave what is missing empty."
                )
            column = number
        made.append(column.cast(pl.Float64).fill_nan(None).alias(name))
    return frame.with_columns(made)


def _guess(role: str, names: Sequence[str], found: dict[str, str], guessed: list[str]) -> None:
    if role in found:
        return
    fits = [name for name in names if name.lower() in GUESSES[role] and name not in found.values()]
    if len(fits) > 1:
        raise TableError(
            f"{' and '.join(map(repr, fits))} could each be the {role}: say which with "
            f"--{role.replace('_', '-')}."
        )
    if fits:
        found[role] = fits[0]
        guessed.append(role)


def _guess_form(names: Sequence[str], found: dict[str, str], guessed: list[str]) -> ClaimColumns:
    fits: dict[str, Any] = {}
    for form in FORMS:
        if all(any(name.lower() in GUESSES[role] for name in names) for role in form):
            fits[" and ".join(form)] = form
    held = [name for name in names if QUANTILE.fullmatch(name)]
    if len(held) > 1:
        fits[f"quantiles {', '.join(held)}"] = held
    for prefix in PREFIXES:
        if sum(name.startswith(prefix) for name in names) > 1:
            fits[f"probabilities {prefix}…"] = prefix
    if len(fits) > 1:
        raise TableError(
            f"the table holds several claims ({'; '.join(fits)}): say the columns of one, such as "
            "--sd NAME, --lower NAME --upper NAME --level 0.9, --quantiles q05,q95 or --prob p_."
        )
    if not fits:
        raise TableError(
            f"no column looks like an error bar among {_listed(names)}, and predictions without "
            "error bars cannot be audited: say --sd, or --sd-minus and --sd-plus, or --lower, "
            "--upper and --level, or --quantiles, or --prob PREFIX."
        )
    ((_, what),) = fits.items()
    if isinstance(what, str):
        return ClaimColumns(
            _only(found, ()), {}, _classes(names, what), (*guessed, "probabilities")
        )
    if isinstance(what, list):
        levels = {quantile_level(name): name for name in what}
        return ClaimColumns(_only(found, ()), levels, {}, (*guessed, "quantiles"))
    for role in what:
        _guess(role, names, found, guessed)
    return _finish(names, found, guessed, what)


def _finish(
    names: Sequence[str], found: dict[str, str], guessed: list[str], form: tuple[str, ...]
) -> ClaimColumns:
    missing = [role for role in form if role not in found]
    if form != ("lower", "upper"):
        _guess("mean", names, found, guessed)
        missing += ["mean"] if "mean" not in found else []
    if missing:
        raise TableError(
            f"no column looks like {missing[0]} among {_listed(names)}: say which with "
            f"--{missing[0].replace('_', '-')}."
        )
    kept = form if form == ("lower", "upper") else ("mean", *form)
    return ClaimColumns(_only(found, kept), {}, {}, tuple(r for r in guessed if r in found))


def _only(found: Mapping[str, str], roles: tuple[str, ...]) -> dict[str, str]:
    return {role: found[role] for role in ("truth", *roles)}


def _classes(names: Sequence[str], prefix: str) -> dict[str, str]:
    held = {name[len(prefix) :]: name for name in names if name.startswith(prefix)}
    held.pop("", None)
    if len(held) < 2:
        raise TableError(
            f"{len(held)} columns begin with {prefix!r} among {_listed(names)}: each class needs "
            "its own, named by the prefix and the class, such as p_star and p_galaxy."
        )
    return held


def _check_there(names: Sequence[str], wanted: Sequence[str]) -> None:
    for name in wanted:
        if name not in names:
            raise TableError(f"there is no column {name!r}; there are {_listed(names)}.")


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:20])
    return shown if len(names) <= 20 else f"{shown} and {len(names) - 20} more"
