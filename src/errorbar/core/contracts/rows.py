"""Frames as values, and values as frames."""

from collections.abc import Iterable
from typing import Any, TypeVar

import polars as pl
from pydantic import BaseModel, ValidationError

from errorbar.core.contracts.cards import Prediction
from errorbar.core.contracts.check import check_table, frame_schema
from errorbar.core.contracts.columns import TableContract
from errorbar.core.contracts.tables import (
    LABELS,
    LIGHT_CURVES,
    PREDICTIONS,
    SEDS,
    SPECTRA,
    STARS,
)
from errorbar.core.contracts.values import (
    Label,
    LightCurve,
    SedPoint,
    Spectrum,
    StarReference,
)
from errorbar.core.errors import ContractError, TableError

__all__ = ["VALUES", "from_values", "to_values"]

VALUES: dict[type[BaseModel], TableContract] = {
    Label: LABELS,
    LightCurve: LIGHT_CURVES,
    Prediction: PREDICTIONS,
    SedPoint: SEDS,
    Spectrum: SPECTRA,
    StarReference: STARS,
}

_Value = TypeVar("_Value", bound=BaseModel)


def from_values(values: Iterable[BaseModel], kind: type[BaseModel]) -> pl.DataFrame:
    """The table of values of one kind, checked; of none, the empty table."""
    contract = _contract(kind)
    rows = [_plain(value, kind, at) for at, value in enumerate(values)]
    frame = pl.DataFrame(rows, schema=frame_schema(contract), orient="row")
    check_table(frame, contract)
    return frame


def to_values(frame: pl.DataFrame, kind: type[_Value]) -> list[_Value]:
    """The rows of a table as values; for a page or a reply, not for a catalogue."""
    contract = _contract(kind)
    check_table(frame, contract)
    found: list[_Value] = []
    for at, row in enumerate(frame.iter_rows(named=True)):
        try:
            found.append(kind.model_validate(row))
        except ValidationError as error:
            wrong = error.errors(include_url=False)[0]
            column = ".".join(str(part) for part in wrong["loc"])
            raise ContractError(
                f"row {at} is no {kind.__name__}: `{column}` {wrong['msg']}.", column, 1, at
            ) from error
    return found


def _contract(kind: type[BaseModel]) -> TableContract:
    if kind not in VALUES:
        raise TableError(
            f"{kind.__name__} is not a row of a table; those are "
            f"{', '.join(sorted(each.__name__ for each in VALUES))}."
        )
    return VALUES[kind]


def _plain(value: BaseModel, kind: type[BaseModel], at: int) -> dict[str, Any]:
    if type(value) is not kind:
        raise TableError(f"value {at} is a {type(value).__name__}, not a {kind.__name__}.")
    return value.model_dump()
