"""Whether a frame is what its contract says, and how to make it so where nothing is lost."""

from collections.abc import Callable, Mapping
from typing import cast

import polars as pl

from errorbar.core.contracts.columns import Column, Kind, TableContract
from errorbar.core.errors import ContractError

__all__ = ["ESTIMATE", "check_table", "conform_table", "frame_schema"]

ESTIMATE = pl.Struct(
    {
        "name": pl.String(),
        "mean": pl.Float64(),
        "lower": pl.Float64(),
        "upper": pl.Float64(),
        "level": pl.Float64(),
        "unit": pl.String(),
    }
)

DTYPES: Mapping[Kind, pl.DataType] = {
    "text": pl.String(),
    "number": pl.Float64(),
    "whole": pl.Int64(),
    "truth": pl.Boolean(),
    "time": pl.Datetime("us", "UTC"),
    "texts": pl.List(pl.String()),
    "numbers": pl.List(pl.Float64()),
    "wholes": pl.List(pl.Int64()),
    "truths": pl.List(pl.Boolean()),
    "estimates": pl.List(ESTIMATE),
}


def frame_schema(contract: TableContract) -> pl.Schema:
    """The columns of a contract as Polars types, for `pl.DataFrame(rows, schema=…)`."""
    return pl.Schema({column.name: DTYPES[column.kind] for column in contract.columns})


def check_table(frame: pl.DataFrame, contract: TableContract) -> None:
    """Refuses a frame that is not what the contract says, naming column, rows and the first row.

    Columns stand in the contract's order, optional ones are there, and nothing else is: see
    `conform_table`. Floats are finite; what is missing is null.
    """
    _check_columns(frame, contract)
    for column in contract.columns:
        _check_column(frame, column, contract.title)
    for rule in contract.rules:
        broken = frame.select(rule.broken().fill_null(False)).to_series()
        _refuse(frame, rule.column, broken, f"{contract.title}: {rule.says}")
    _check_key(frame, contract)


def conform_table(frame: pl.DataFrame, contract: TableContract) -> pl.DataFrame:
    """The frame with its columns in order, optional ones added and types widened; then checked.

    Only what loses nothing is done: whole numbers become floats, times of other precision
    microseconds in UTC, and NaN stays refused, because only its owner knows what it meant.
    """
    unknown = [name for name in frame.columns if name not in contract.names]
    if unknown:
        raise ContractError(_unknown(unknown, contract), unknown[0])
    made: list[pl.Series] = []
    for column in contract.columns:
        if column.name in frame.columns:
            made.append(_widened(frame.get_column(column.name), column, contract.title))
        elif column.optional:
            made.append(pl.Series(column.name, [None] * frame.height, DTYPES[column.kind]))
        else:
            raise ContractError(_missing([column.name], contract), column.name)
    found = pl.DataFrame(made)
    check_table(found, contract)
    return found


def _check_columns(frame: pl.DataFrame, contract: TableContract) -> None:
    missing = [name for name in contract.names if name not in frame.columns]
    if missing:
        raise ContractError(_missing(missing, contract), missing[0])
    unknown = [name for name in frame.columns if name not in contract.names]
    if unknown:
        raise ContractError(_unknown(unknown, contract), unknown[0])
    if tuple(frame.columns) != contract.names:
        raise ContractError(
            f"the columns of a {contract.title} table stand in another order than its contract's: "
            "pass it through `conform_table`."
        )
    for name, dtype in frame_schema(contract).items():
        if frame.schema[name] != dtype:
            raise ContractError(
                f"`{name}` of a {contract.title} table is {frame.schema[name]} and must be "
                f"{dtype}; `conform_table` widens what loses nothing.",
                name,
            )


def _check_column(frame: pl.DataFrame, column: Column, title: str) -> None:
    name = f"{title}: `{column.name}`"
    values = frame.get_column(column.name)
    if not column.may_be_null:
        _refuse(frame, column.name, values.is_null(), f"{name} may not be null")
    if column.kind == "text" and not column.choices:
        _refuse(frame, column.name, values == "", f"{name} is empty text: write null or a name")
    if column.kind == "estimates":
        _check_estimates(frame, column.name, name)
        return
    if column.listed:
        holes = pl.element().is_null().any()
        _refuse_list(frame, column.name, holes, f"{name} has nulls inside its lists")
    element = pl.element() if column.listed else pl.col(column.name)
    for broken, says in _faults(column, element):
        told = f"{name} {says}"
        if column.listed:
            _refuse_list(frame, column.name, broken.any(), told)
        else:
            _refuse(frame, column.name, frame.select(broken).to_series(), told)


def _faults(column: Column, element: pl.Expr) -> list[tuple[pl.Expr, str]]:
    found: list[tuple[pl.Expr, str]] = []
    if column.kind in ("number", "numbers"):
        found.append((~element.is_finite(), "must be finite; what is missing is null"))
    bounds: tuple[tuple[float | None, Callable[[float], pl.Expr]], ...] = (
        (column.least, lambda edge: element < edge),
        (column.above, lambda edge: element <= edge),
        (column.most, lambda edge: element > edge),
        (column.below, lambda edge: element >= edge),
    )
    outside = [beyond(edge) for edge, beyond in bounds if edge is not None]
    if outside:
        unit = f" {column.unit}" if column.unit else ""
        found.append((pl.any_horizontal(outside), f"must be {column.range}{unit}"))
    if column.choices:
        found.append(
            (~element.is_in(list(column.choices)), f"must be one of {', '.join(column.choices)}")
        )
    return found


def _check_estimates(frame: pl.DataFrame, column: str, name: str) -> None:
    part = pl.element().struct.field
    numbers = ("mean", "lower", "upper", "level")
    for broken, says in (
        (pl.element().is_null() | part("name").is_null(), "has estimates without a name"),
        (
            pl.any_horizontal(~part(each).is_finite().fill_null(False) for each in numbers),
            "has estimates that are not finite",
        ),
        (part("lower") > part("upper"), "has intervals whose lower end is above the upper"),
        ((part("level") <= 0) | (part("level") >= 1), "has levels not between 0 and 1"),
    ):
        _refuse_list(frame, column, broken.any(), f"{name} {says}")


def _refuse_list(frame: pl.DataFrame, column: str, broken: pl.Expr, says: str) -> None:
    # An empty list has no element that is wrong.
    found = frame.select(pl.col(column).list.agg(broken)).to_series()
    _refuse(frame, column, found, says)


def _refuse(frame: pl.DataFrame, column: str, broken: pl.Series, says: str) -> None:
    rows = broken.fill_null(False).arg_true()
    if not len(rows):
        return
    first = int(cast("int", rows[0]))
    raise ContractError(
        f"{says}; {len(rows)} of {frame.height} rows break this, first at row {first} "
        f"({column} {_short(frame.item(first, column))}).",
        column,
        len(rows),
        first,
    )


def _check_key(frame: pl.DataFrame, contract: TableContract) -> None:
    if not contract.key or frame.height < 2:
        return
    rows = frame.select((~pl.struct(contract.key).is_first_distinct()).alias("again")).to_series()
    if not rows.any():
        return
    first = int(cast("int", rows.arg_true()[0]))
    told = ", ".join(f"{name} {frame.item(first, name)}" for name in contract.key)
    raise ContractError(
        f"{contract.title}: no two rows may share {', '.join(contract.key)}; {rows.sum()} rows "
        f"repeat an earlier one, first at row {first} ({told}).",
        contract.key[0],
        int(rows.sum()),
        first,
    )


def _widened(values: pl.Series, column: Column, title: str) -> pl.Series:
    wanted, given = DTYPES[column.kind], values.dtype
    if given == wanted:
        return values
    if given == pl.Null or _loses_nothing(given, wanted):
        made = values.cast(wanted)
        back = made if given == pl.Null else made.cast(given)
        lost = (back != values).fill_null(False)
        if not lost.any():
            return made
        raise ContractError(
            f"`{column.name}` of a {title} table holds {given} that {wanted} cannot hold exactly, "
            f"in {lost.sum()} rows, first at row {lost.arg_true()[0]}.",
            column.name,
            int(lost.sum()),
            int(cast("int", lost.arg_true()[0])),
        )
    zone = " with a time zone" if isinstance(wanted, pl.Datetime) else ""
    raise ContractError(
        f"`{column.name}` of a {title} table is {given} and cannot become {wanted} without loss: "
        f"make it {wanted}{zone} yourself.",
        column.name,
    )


def _loses_nothing(given: pl.DataType, wanted: pl.DataType) -> bool:
    if isinstance(given, pl.List | pl.Array) and isinstance(wanted, pl.List):
        inner, target = cast("pl.DataType", given.inner), cast("pl.DataType", wanted.inner)
        return inner in (target, pl.Null) or _loses_nothing(inner, target)
    if isinstance(wanted, pl.Datetime):
        return isinstance(given, pl.Datetime) and given.time_zone is not None
    if wanted.is_float() or wanted.is_integer():
        return given.is_integer() or (wanted.is_float() and given.is_float())
    return wanted == pl.String and isinstance(given, pl.Categorical | pl.Enum)


def _missing(names: list[str], contract: TableContract) -> str:
    return (
        f"a {contract.title} table lacks {len(names)} columns: {', '.join(names)}. Its columns are "
        f"{', '.join(contract.names)}."
    )


def _unknown(names: list[str], contract: TableContract) -> str:
    return (
        f"a {contract.title} table has {len(names)} columns that its contract does not know: "
        f"{', '.join(names)}. Keep them in a table of their own."
    )


def _short(value: object) -> str:
    text = repr(value.to_list() if isinstance(value, pl.Series) else value)
    return text if len(text) <= 60 else f"{text[:57]}..."
