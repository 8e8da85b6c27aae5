"""What one version of a dataset is made of."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from errorbar.core.errors import ObjectDamagedError
from errorbar.platform.store.objects import hash_bytes

__all__ = ["Manifest", "Part"]

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Part:
    """One Parquet file, named by the hash of its bytes."""

    sha256: str
    rows: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """One version of a dataset, which never changes: its parts in order, columns and provenance.

    `contract` is the name of its contract and `contract_version` that one's version, or both
    nothing. `provenance` lists what each writer of a part said, and `parent` is the version that
    was appended to. `sha256` names the version and, through its parts, every byte of it.
    """

    dataset: str
    number: int
    parts: tuple[Part, ...]
    columns: Mapping[str, str]
    contract: str | None
    contract_version: int | None
    provenance: tuple[Mapping[str, Any], ...]
    parent: int | None
    created: str
    format: int = FORMAT

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", MappingProxyType(dict(self.columns)))

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)

    @property
    def size_bytes(self) -> int:
        return sum(part.size_bytes for part in self.parts)

    @property
    def title(self) -> str:
        """Dataset and version, as `gaia/stars@3`."""
        return f"{self.dataset}@{self.number}"

    @property
    def sha256(self) -> str:
        return hash_bytes(self.to_json().encode())

    def to_json(self) -> str:
        """Text with sorted keys; `from_json` gives the same manifest, and that the same text."""
        body = {
            "columns": list(self.columns.items()),
            "contract": self.contract,
            "contract_version": self.contract_version,
            "created": self.created,
            "dataset": self.dataset,
            "format": self.format,
            "number": self.number,
            "parent": self.parent,
            "parts": [asdict(part) for part in self.parts],
            "provenance": [dict(each) for each in self.provenance],
        }
        return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str, sha256: str) -> "Manifest":
        """The manifest that wrote the text, if it still hashes to `sha256`."""
        if hash_bytes(text.encode()) != sha256:
            raise ObjectDamagedError(
                f"a manifest does not hash to {sha256[:12]}…: it was changed since it was written."
            )
        body = json.loads(text)
        if body["format"] != FORMAT:
            raise ObjectDamagedError(
                f"a manifest has format {body['format']!r}, and this errorbar reads {FORMAT}."
            )
        body["columns"] = dict(body["columns"])
        body["parts"] = tuple(Part(**part) for part in body["parts"])
        body["provenance"] = tuple(body["provenance"])
        return cls(**body)
