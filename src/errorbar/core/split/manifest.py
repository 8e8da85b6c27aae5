"""The record of a split, to be kept with what was fitted on it.

It holds how the split was made, how many rows and stars each role has, a hash of each role's ids,
and for each star eight bytes of a hash of its id, by which any later table can be asked whether a
star of it was trained on. Each part has a SHA-256, so a change is found and named. That guards
against accidents. Against a change on purpose it is signed with HMAC-SHA256, if the environment has
a key in `ERRORBAR_SIGNING_KEY`; the key itself is written nowhere.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Literal, cast

import numpy as np
import polars as pl
from numpy import ndarray
from numpy.typing import ArrayLike

from errorbar.core.errors import ManifestError, SplitError
from errorbar.core.split.doors import read_ids
from errorbar.core.split.roles import ROLES
from errorbar.core.split.rolls import ALGORITHM, digests, texts
from errorbar.core.split.signing import (
    KEY_VARIABLE,
    canonical,
    hash_ids,
    hash_text,
    read_key,
    sign,
)
from errorbar.core.split.value import Split, check_known

__all__ = ["SplitManifest", "Trust"]

Trust = Literal["signed", "unsigned", "unchecked"]

FORMAT = 1

# Everything that is hashed; the hashes and the signature come on top.
PARTS = (
    "algorithm",
    "counts",
    "facts",
    "family",
    "format",
    "ids_sha256",
    "members",
    "parameters",
    "seed",
)


@dataclass(frozen=True, slots=True)
class SplitManifest:
    """A split on record. `members` has each role's stars as sorted 64-bit hashes, in base64.

    `part_sha256` has the hash of every other part and `sha256` that of all of them together.
    `signature` is `None` where no key was at hand.
    """

    format: int
    algorithm: str
    family: str
    seed: int
    parameters: Mapping[str, Any]
    facts: Mapping[str, int]
    counts: Mapping[str, Mapping[str, int]]
    ids_sha256: Mapping[str, str]
    members: Mapping[str, str]
    part_sha256: Mapping[str, str]
    sha256: str
    signature: str | None

    def __post_init__(self) -> None:
        for name in ("parameters", "facts", "counts", "ids_sha256", "members", "part_sha256"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    @classmethod
    def of(cls, split: Split) -> "SplitManifest":
        """The record of a split, signed if the environment has a key."""
        hashed = digests(split.groups, split.seed, "member")
        if len(np.unique(hashed)) < len(hashed):
            raise SplitError(
                "two ids share a 64-bit hash under this seed: make the split with another seed."
            )
        known = split.group_roles()
        counts = split.counts()
        names = np.array(texts(split.groups), dtype=object)
        rows: dict[str, Any] = {
            "algorithm": ALGORITHM,
            "counts": counts,
            "facts": dict(split.facts),
            "family": split.family,
            "format": FORMAT,
            "ids_sha256": {
                role: hash_ids(names[known == at].tolist())
                for at, role in enumerate(ROLES)
                if role in counts
            },
            "members": {
                role: _encode(hashed[known == at])
                for at, role in enumerate(ROLES)
                if role in counts
            },
            "parameters": dict(split.parameters),
            "seed": split.seed,
        }
        parts = {name: hash_text(canonical(rows[name])) for name in PARTS}
        key = read_key()
        signature = None if key is None else sign(canonical(rows), key)
        return cls(
            **rows, part_sha256=parts, sha256=hash_text(canonical(rows)), signature=signature
        )

    def verify(self, split: Split | None = None, *, signed: bool = False) -> Trust:
        """Whether this is what was written, and the record of `split` if one is given.

        `"signed"`: the signature is that of the key in the environment. `"unsigned"`: there was no
        key when it was written; hashes agree. `"unchecked"`: it is signed, and there is no key here
        to check that with; hashes agree. With `signed=True` only the first will do.
        """
        body = {name: _plain(getattr(self, name)) for name in PARTS}
        changed = [
            name for name in PARTS if self.part_sha256.get(name) != hash_text(canonical(body[name]))
        ]
        if changed:
            raise ManifestError(
                f"the manifest was changed since it was written: {', '.join(changed)}. Take the "
                "one that was kept with the fit, or make the split again.",
                tuple(changed),
            )
        if set(self.part_sha256) != set(PARTS) or self.sha256 != hash_text(canonical(body)):
            raise ManifestError(
                "the manifest's own hashes were changed since it was written.", ("sha256",)
            )
        trust = self._trust(canonical(body))
        if signed and trust != "signed":
            raise ManifestError(
                f"the manifest is not signed: set {KEY_VARIABLE} and make it again."
                if trust == "unsigned"
                else f"the manifest is signed, and there is no key to check that with: set "
                f"{KEY_VARIABLE}.",
                ("signature",),
            )
        if split is not None:
            self._compare(split)
        return trust

    def roles_of(self, ids: ArrayLike | pl.Series) -> ndarray:
        """The names of roles of stars, one for each id; a star of no role is refused."""
        asked, member = read_ids(ids, "ids")
        codes = self._codes(asked)
        check_known(asked, codes < 0, member, "the manifest")
        return np.array(ROLES)[codes][member]

    def knows(self, ids: ArrayLike | pl.Series) -> ndarray:
        """Which ids were there when the split was made."""
        asked, member = read_ids(ids, "ids")
        return (self._codes(asked) >= 0)[member]

    def to_json(self) -> str:
        """Text with sorted keys; `from_json` gives the same manifest, and that the same text."""
        rows = {field.name: _plain(getattr(self, field.name)) for field in fields(self)}
        return json.dumps(rows, sort_keys=True, indent=1, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "SplitManifest":
        """The manifest that wrote the text, not verified yet."""
        try:
            rows: object = json.loads(text)
        except ValueError as reason:
            raise ManifestError(f"the manifest is not JSON ({reason}).") from reason
        names = {field.name for field in fields(cls)}
        if not isinstance(rows, dict):
            raise ManifestError("the manifest is JSON, but not a table of parts.")
        found = cast("dict[str, Any]", rows)
        odd = sorted(names ^ set(found))
        if odd:
            raise ManifestError(
                f"the manifest lacks parts or has strange ones: {', '.join(odd)}.", tuple(odd)
            )
        if found["format"] != FORMAT:
            raise ManifestError(
                f"the manifest has format {found['format']!r}, and this version reads {FORMAT}.",
                ("format",),
            )
        for name in ("parameters", "facts", "counts", "ids_sha256", "members", "part_sha256"):
            if not isinstance(found[name], dict):
                raise ManifestError(f"`{name}` of the manifest is not a table.", (name,))
        return cls(**found)

    def _trust(self, text: str) -> Trust:
        if self.signature is None:
            return "unsigned"
        key = read_key()
        if key is None:
            return "unchecked"
        if not hmac.compare_digest(sign(text, key).encode(), str(self.signature).encode()):
            raise ManifestError(
                "the signature is not that of the key in the environment: the manifest was "
                "rewritten by someone without the key, or the key is another one.",
                ("signature",),
            )
        return "signed"

    def _compare(self, split: Split) -> None:
        # Unsigned on purpose: only what both say is compared.
        other = SplitManifest.of(split)
        changed = [
            name for name in PARTS if _plain(getattr(self, name)) != _plain(getattr(other, name))
        ]
        if changed:
            roles = [
                role
                for role in ROLES
                if self.ids_sha256.get(role) != other.ids_sha256.get(role)
                or self.counts.get(role) != other.counts.get(role)
            ]
            told = f"; roles that differ: {', '.join(roles)}" if roles else ""
            raise ManifestError(
                f"the manifest is of another split: {', '.join(changed)} differ{told}. The table "
                "has changed since, or the split was asked for in another way.",
                (*changed, *roles),
            )

    def _codes(self, ids: ndarray) -> ndarray:
        hashed = digests(ids, self.seed, "member")
        codes = np.full(len(ids), -1)
        for at, role in enumerate(ROLES):
            codes[np.isin(hashed, _decode(self.members.get(role, ""), role))] = at
        return codes


def _encode(hashed: ndarray) -> str:
    return base64.b64encode(np.sort(hashed).astype("<u8").tobytes()).decode()


def _decode(text: str, role: str) -> ndarray:
    try:
        return np.frombuffer(base64.b64decode(text, validate=True), dtype="<u8")
    except (binascii.Error, ValueError) as reason:
        raise ManifestError(f"`members` of {role} cannot be read: verify it.", ("members",)) from (
            reason
        )


def _plain(value: object) -> Any:
    if isinstance(value, Mapping):
        rows = cast("Mapping[str, object]", value)
        return {name: _plain(inner) for name, inner in rows.items()}
    return value
