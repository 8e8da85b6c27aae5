"""What is to be fetched, and how it is told to be whole."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from errorbar.core.errors import SettingsError

__all__ = ["CHECKS", "Product", "check_fits", "digest_of"]

# What a file of some kind must be besides complete; None, or what is wrong.
Check = Callable[[Path], str | None]

FITS_BLOCK = 2880
BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Product:
    """One file of an archive.

    `name` is its place in the cache, a relative path with forward slashes. `size` (bytes) and
    `digest` (such as `sha256:…` or `md5:…`) are what the archive says of it, if it says so. `kind`
    names the check that its content must pass: `fits` or nothing.
    """

    name: str
    url: str
    size: int | None = None
    digest: str | None = None
    kind: str = ""

    def __post_init__(self) -> None:
        path = PurePosixPath(self.name)
        strange = path.is_absolute() or not path.parts or {"..", "."} & set(path.parts)
        if strange or "\\" in self.name or "\0" in self.name or path.name.startswith("."):
            raise SettingsError(
                f"{self.name!r} is no name of a product: a relative path with forward slashes, no "
                "`..`, whose last part does not begin with a dot."
            )
        if not self.url.startswith(("http://", "https://")):
            raise SettingsError(f"{self.url!r}: products come over http or https.")
        if self.digest is not None and self.digest.partition(":")[0] not in (
            "sha256", "sha1", "md5",
        ):  # fmt: skip
            raise SettingsError(
                f"digest={self.digest!r} must be sha256:…, sha1:… or md5:…, as the archive has it."
            )
        if self.kind not in ("", *CHECKS):
            raise SettingsError(f"kind={self.kind!r} must be one of {', '.join(CHECKS)}, or none.")


def digest_of(path: Path, algorithm: str = "sha256") -> str:
    """`algorithm:hex` of a file's bytes."""
    found = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while part := file.read(BLOCK):
            found.update(part)
    return f"{algorithm}:{found.hexdigest()}"


def check_fits(path: Path) -> str | None:
    """Whole blocks, a primary header that ends, and data as long as the headers say."""
    size = path.stat().st_size
    if size == 0 or size % FITS_BLOCK:
        return f"its {size} bytes are no whole blocks of {FITS_BLOCK}, as FITS files have"
    with path.open("rb") as file:
        if file.read(10) != b"SIMPLE  = ":
            return "it does not begin as FITS files do"
        at = 0
        while at < size:
            file.seek(at)
            header = _header(file.read, size - at)
            if header is None:
                return f"the header at byte {at} does not end"
            cards, length = header
            at += length + _data_length(cards)
        if at > size:
            return f"its headers promise {at} bytes, and it has {size}"
    return None


def _header(read: Callable[[int], bytes], most: int) -> tuple[dict[str, str], int] | None:
    cards: dict[str, str] = {}
    length = 0
    while length < most:
        block = read(FITS_BLOCK)
        length += FITS_BLOCK
        for start in range(0, len(block), 80):
            card = block[start : start + 80].decode("ascii", "replace")
            if card[:8] == "END     ":
                return cards, length
            if card[8:10] == "= ":
                cards[card[:8].strip()] = card[10:].partition("/")[0].strip()
    return None


def _data_length(cards: dict[str, str]) -> int:
    """Bytes of data behind a header, in whole blocks (FITS standard 4.0, section 4.4)."""
    try:
        axes = [int(cards[f"NAXIS{at + 1}"]) for at in range(int(cards.get("NAXIS", "0")))]
        if not axes:
            return 0
        count = 1
        # Random groups have a first axis of length 0.
        for length in axes[1:] if axes[0] == 0 and "GROUPS" in cards else axes:
            count *= length
        wide = abs(int(cards["BITPIX"])) // 8
        extra, groups = int(cards.get("PCOUNT", "0")), int(cards.get("GCOUNT", "1"))
    except (KeyError, ValueError):
        return 0
    return -(-wide * groups * (extra + count) // FITS_BLOCK) * FITS_BLOCK


CHECKS: dict[str, Check] = {"fits": check_fits}
