"""Parts that are stored and belong to no version yet, and the manifest that they make."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl

from errorbar.core.contracts import TableContract
from errorbar.core.errors import TableError
from errorbar.platform.store.manifest import Manifest, Part

__all__ = ["Draft", "difference"]


@dataclass(frozen=True, slots=True)
class Draft:
    """What one writer has put into the store: parts, columns, contract, provenance."""

    dataset: str
    parts: tuple[Part, ...]
    schema: pl.Schema
    contract: TableContract | None
    provenance: Mapping[str, Any]

    def manifest(self, number: int, base: Manifest | None) -> Manifest:
        """The version of these parts, after those of `base` if there is one."""
        columns = {name: str(dtype) for name, dtype in self.schema.items()}
        version = None if self.contract is None else self.contract.version
        name = None if self.contract is None else self.contract.name
        if base is not None:
            if (base.contract, base.contract_version) != (name, version):
                raise TableError(
                    f"{base.title} is under {base.contract}@{base.contract_version} and these rows "
                    f"are under {name}@{version}: read it, and write it anew under one contract."
                )
            if dict(base.columns) != columns or list(base.columns) != list(columns):
                raise TableError(
                    f"{base.title} has other columns: {difference(base.columns, columns)}."
                )
        said = () if base is None else base.provenance
        there = () if base is None else base.parts
        if self.provenance and self.provenance not in said:
            said = (*said, self.provenance)
        return Manifest(
            dataset=self.dataset,
            number=number,
            parts=(*there, *(part for part in self.parts if part not in there)),
            columns=columns,
            contract=name,
            contract_version=version,
            provenance=said,
            parent=None if base is None else base.number,
            created=datetime.now(UTC).isoformat(),
        )


def difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """The first column in which two tables differ, in words."""
    for name in (*one, *other):
        if one.get(name) != other.get(name):
            return f"`{name}` is {one.get(name, 'absent')} and {other.get(name, 'absent')}"
    return "they stand in another order"
