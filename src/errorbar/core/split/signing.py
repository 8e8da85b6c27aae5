"""Hashes of what is said, and signatures with a key that only the environment holds."""

import hashlib
import hmac
import json
import os
from collections.abc import Iterable

from errorbar.core.errors import SettingsError, SplitError

__all__ = ["KEY_VARIABLE", "canonical", "hash_ids", "hash_text", "read_key", "sign"]

KEY_VARIABLE = "ERRORBAR_SIGNING_KEY"

LEAST_KEY = 16


def canonical(value: object) -> str:
    """The one way to write a value, so that equal values are equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def hash_text(text: str) -> str:
    """SHA-256 of text, as hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def hash_ids(names: Iterable[str]) -> str:
    """SHA-256 of ids, each on a line of its own, sorted as text: the same in whatever order."""
    ordered = sorted(set(names))
    text = "\n".join(ordered)
    if text.count("\n") != max(len(ordered) - 1, 0):
        bad = [name for name in ordered if "\n" in name]
        raise SplitError(f"{len(bad)} ids hold a line break, first {bad[0]!r}: rename them.")
    return hash_text(text)


def read_key() -> bytes | None:
    """The signing key of the environment, if there is one."""
    key = os.environ.get(KEY_VARIABLE, "").encode()
    if key and len(key) < LEAST_KEY:
        raise SettingsError(
            f"{KEY_VARIABLE} has {len(key)} bytes; a key has {LEAST_KEY} or more, drawn at random: "
            "`python -c 'import secrets; print(secrets.token_hex(32))'`."
        )
    return key or None


def sign(text: str, key: bytes) -> str:
    """HMAC-SHA256, as hexadecimal digits."""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
