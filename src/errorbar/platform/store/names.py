"""Names of objects and datasets, and where in a store things lie."""

import re

from errorbar.core.errors import SettingsError

__all__ = [
    "MANIFESTS",
    "PARTS",
    "check_dataset",
    "check_key",
    "check_sha256",
    "manifest_key",
    "part_key",
]

PARTS, MANIFESTS = "parts", "manifests"

# What every file system, every object storage and every URL takes as it is.
WORD = r"[A-Za-z0-9][A-Za-z0-9._=+-]*"
KEY = re.compile(rf"{WORD}(/{WORD})*")
DATASET = re.compile(r"[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)*")
SHA256 = re.compile(r"[0-9a-f]{64}")


def check_key(key: str) -> None:
    """Refuses a name that some storage would refuse, or read as another place."""
    if not KEY.fullmatch(key) or len(key) > 900:
        raise SettingsError(
            f"{key!r} cannot name an object: words of letters, digits and ._=+- that start with a "
            "letter or a digit, joined by /."
        )


def check_dataset(name: str) -> None:
    """Refuses a name that cannot be a dataset's."""
    if not DATASET.fullmatch(name) or len(name) > 200:
        raise SettingsError(
            f"{name!r} cannot name a dataset: words of small letters, digits and ._- that start "
            "with a letter or a digit, joined by /; 200 characters at most."
        )


def check_sha256(sha256: str) -> None:
    """Refuses what is no SHA-256 in hexadecimal digits."""
    if not SHA256.fullmatch(sha256):
        raise SettingsError(f"{sha256!r} is no SHA-256: 64 small hexadecimal digits.")


def part_key(sha256: str) -> str:
    """Where the part with this hash lies."""
    check_sha256(sha256)
    return f"{PARTS}/{sha256[:2]}/{sha256}.parquet"


def manifest_key(dataset: str, number: int, sha256: str) -> str:
    """Where the manifest of a version lies."""
    return f"{MANIFESTS}/{dataset}/{number:08d}-{sha256}.json"
