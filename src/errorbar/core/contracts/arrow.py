"""Tables as Arrow and as Parquet, with the contract and the provenance in their metadata.

A frame comes back as it was: values, types, order of columns, nulls. Lists are plain Arrow lists
and text plain strings, so that other programs read them unchanged.
"""

import io
import json
from collections.abc import Mapping
from typing import Any, TypeAlias, cast

import polars as pl

from errorbar.core.contracts.check import check_table
from errorbar.core.contracts.columns import Column, Kind, TableContract
from errorbar.core.contracts.tables import CONTRACTS
from errorbar.core.contracts.upgrade import upgrade_table
from errorbar.core.errors import TableError
from errorbar.core.extras import load

__all__ = ["arrow_schema", "from_arrow", "from_parquet", "read_header", "to_arrow", "to_parquet"]

# Typed once: the library has no type stubs.
ArrowSchema: TypeAlias = Any
ArrowTable: TypeAlias = Any

KEY = b"errorbar"


def arrow_schema(contract: TableContract) -> ArrowSchema:
    """The contract as an Arrow schema: units and descriptions with the fields, its name on top."""
    arrow = load("pyarrow", "platform")
    fields = [
        arrow.field(
            column.name,
            _arrow_type(arrow, column.kind),
            nullable=column.may_be_null,
            metadata=_about(column),
        )
        for column in contract.columns
    ]
    return arrow.schema(fields, metadata=_metadata(contract, {}))


def to_arrow(
    frame: pl.DataFrame,
    contract: TableContract | None = None,
    header: Mapping[str, object] | None = None,
) -> ArrowTable:
    """A frame as an Arrow table; checked first where it has a contract.

    `header` is plain JSON that travels in the table's metadata, as provenance does.
    """
    if contract is None:
        plain = _as_arrow(frame)
        return plain.replace_schema_metadata(_metadata(None, header or {}))
    check_table(frame, contract)
    made = _as_arrow(frame).cast(arrow_schema(contract))
    return made.replace_schema_metadata(_metadata(contract, header or {}))


def from_arrow(table: ArrowTable, contract: TableContract | None = None) -> pl.DataFrame:
    """The frame of an Arrow table, brought to today's version of its contract and checked.

    The contract is the one that the table names unless it is given; a table that names none is
    taken as of the given one's version.
    """
    told = _told(cast("Mapping[bytes, bytes] | None", table.schema.metadata))
    frame = cast("pl.DataFrame", cast("Any", pl).from_arrow(table))
    return _under_contract(frame, told, contract)


def to_parquet(
    frame: pl.DataFrame,
    contract: TableContract | None = None,
    header: Mapping[str, object] | None = None,
) -> bytes:
    """A frame as the bytes of a Parquet file; equal arguments give equal bytes."""
    parquet = load("pyarrow.parquet", "platform")
    file = io.BytesIO()
    parquet.write_table(
        to_arrow(frame, contract, header), file, compression="zstd", row_group_size=1 << 17
    )
    data = file.getvalue()
    _check_kept(frame, data)
    return data


def from_parquet(data: bytes, contract: TableContract | None = None) -> pl.DataFrame:
    """The frame in the bytes of a Parquet file, as `from_arrow` gives it."""
    frame = pl.read_parquet(io.BytesIO(data))
    return _under_contract(frame, read_header(data), contract)


def read_header(data: bytes) -> dict[str, Any]:
    """What the metadata of a Parquet file says: `contract`, `version` and what its writer added."""
    parquet = load("pyarrow.parquet", "platform")
    return _told(parquet.read_schema(io.BytesIO(data)).metadata)


def _under_contract(
    frame: pl.DataFrame, told: Mapping[str, Any], contract: TableContract | None
) -> pl.DataFrame:
    name = cast("str | None", told.get("contract"))
    if contract is None:
        if name is None:
            return frame
        if name not in CONTRACTS:
            raise TableError(
                f"the table names the contract {name!r}, which this errorbar does not know: read "
                "it with the errorbar that wrote it, or pass the contract."
            )
        contract = CONTRACTS[name]
    if name is not None and name != contract.name:
        raise TableError(f"the table is of {name!r}, and {contract.name!r} was asked for.")
    version = cast("int", told.get("version", contract.version))
    frame = upgrade_table(frame, contract, version)
    check_table(frame, contract)
    return frame


def _metadata(contract: TableContract | None, header: Mapping[str, object]) -> dict[bytes, bytes]:
    told = dict(header)
    if contract is not None:
        told |= {"contract": contract.name, "version": contract.version}
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return {KEY: text.encode()}


def _told(metadata: Mapping[bytes, bytes] | None) -> dict[str, Any]:
    try:
        told: object = json.loads((metadata or {}).get(KEY, b"{}"))
    except ValueError as error:
        raise TableError(f"the table's metadata is not JSON ({error}).") from error
    if not isinstance(told, dict):
        raise TableError("the table's metadata is JSON, but no table of names.")
    return cast("dict[str, Any]", told)


def _as_arrow(frame: pl.DataFrame) -> ArrowTable:
    return cast("Any", frame).to_arrow()


def _check_kept(frame: pl.DataFrame, data: bytes) -> None:
    kept = pl.read_parquet_schema(io.BytesIO(data))
    lost = [name for name, dtype in frame.schema.items() if kept.get(name) != dtype]
    if lost:
        raise TableError(
            f"{len(lost)} columns would not come back from Parquet as they are, first "
            f"`{lost[0]}`, which is {frame.schema[lost[0]]} and would be {kept.get(lost[0])}: "
            "cast them first."
        )


def _about(column: Column) -> dict[str, str]:
    about = {"about": column.about}
    return about | {"unit": column.unit} if column.unit else about


def _arrow_type(arrow: Any, kind: Kind) -> Any:
    text, number = arrow.string(), arrow.float64()
    estimate = arrow.struct(
        [
            ("name", text),
            ("mean", number),
            ("lower", number),
            ("upper", number),
            ("level", number),
            ("unit", text),
        ]
    )
    types = {
        "text": text,
        "number": number,
        "whole": arrow.int64(),
        "truth": arrow.bool_(),
        "time": arrow.timestamp("us", tz="UTC"),
        "texts": arrow.list_(text),
        "numbers": arrow.list_(number),
        "wholes": arrow.list_(arrow.int64()),
        "truths": arrow.list_(arrow.bool_()),
        "estimates": arrow.list_(estimate),
    }
    return types[kind]
