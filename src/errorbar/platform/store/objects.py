"""Objects by name, in a local folder or in S3 storage, each whole or not there at all."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from errorbar.core.errors import (
    ObjectDamagedError,
    ObjectExistsError,
    ObjectMissingError,
    SettingsError,
    StoreError,
)
from errorbar.core.extras import load
from errorbar.platform.store.names import check_key, check_sha256

if TYPE_CHECKING:
    from obstore.store import ObjectStore as Storage

__all__ = ["ObjectStore", "Stat", "hash_bytes", "open_objects"]

# A name that takes longer than this to answer is reported, not waited for.
PATIENCE = {"max_retries": 6, "retry_timeout": timedelta(seconds=60)}


# How a folder's storage names a file until it is whole.
STAGED = re.compile(r".+#\d+")


@dataclass(frozen=True, slots=True)
class Stat:
    """What a store says of an object without its content."""

    key: str
    size_bytes: int
    modified: datetime


def hash_bytes(data: bytes) -> str:
    """SHA-256 of bytes, as hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """Objects under one root: `url` is a folder's path, or `s3://bucket/prefix`.

    A reader finds a whole object, the old one or the new one, or none, whenever a writer was
    killed. Safe in threads; open one of its own in a forked process.
    """

    url: str
    storage: "Storage"

    def put(self, key: str, data: bytes) -> None:
        """Puts an object in place of what was there."""
        check_key(key)
        with _reported(self.url, key):
            # In one request: parts of an upload that was killed would be left to pay for.
            load("obstore", "platform").put(self.storage, key, data, use_multipart=False)

    def put_once(self, key: str, data: bytes) -> None:
        """Puts an object where there is none; of many who try at once, one does.

        Where the reply of a storage is lost and the request repeated, the writer itself may be told
        that the object exists: compare what is there before blaming another.
        """
        check_key(key)
        with _reported(self.url, key):
            load("obstore", "platform").put(
                self.storage, key, data, mode="create", use_multipart=False
            )

    def put_content(self, key: str, data: bytes) -> None:
        """Puts an object whose name says its content, unless it is there in full length."""
        try:
            self.put_once(key, data)
        except ObjectExistsError:
            found = self.stat(key)
            if found is None or found.size_bytes != len(data):
                self.put(key, data)

    def get(self, key: str, sha256: str | None = None) -> bytes:
        """The bytes of an object, if they hash to `sha256` where that is given."""
        check_key(key)
        with _reported(self.url, key):
            data = bytes(load("obstore", "platform").get(self.storage, key).bytes())
        if sha256 is not None:
            check_sha256(sha256)
            found = hash_bytes(data)
            if found != sha256:
                raise ObjectDamagedError(
                    f"{key} in {self.url} hashes to {found[:12]}… and must to {sha256[:12]}…: it "
                    "was changed or damaged since it was written. Put the original back, or "
                    "remove it and write its table again."
                )
        return data

    def stat(self, key: str) -> Stat | None:
        """Size and time of an object, or nothing where there is none."""
        check_key(key)
        try:
            with _reported(self.url, key):
                return _stat(load("obstore", "platform").head(self.storage, key))
        except ObjectMissingError:
            return None

    def list(self, folder: str = "") -> Iterator[Stat]:
        """Every object below a folder, sorted by name."""
        if folder:
            check_key(folder)
        with _reported(self.url, folder or "/"):
            pages = load("obstore", "platform").list(self.storage, folder or None)
            found = [_stat(meta) for page in pages for meta in page]
        return iter(sorted(found, key=lambda stat: stat.key))

    def remove(self, key: str) -> None:
        """Removes an object; that there is none is no error."""
        check_key(key)
        try:
            with _reported(self.url, key):
                load("obstore", "platform").delete(self.storage, key)
        except ObjectMissingError:
            return

    def remove_unfinished(self, before: datetime) -> int:
        """Removes what killed writers left in a folder beside its objects; S3 keeps no such thing.

        No list shows these files and no reader sees them; they only take room.
        """
        if self.url.startswith("s3://"):
            return 0
        old = [
            path
            for path in Path(self.url).rglob("*#*")
            if STAGED.fullmatch(path.name) and path.stat().st_mtime < before.timestamp()
        ]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def address(self, key: str) -> str:
        """The path or URL of an object, for programs that read it themselves."""
        check_key(key)
        return f"{self.url}/{key}"


def open_objects(url: str | Path) -> ObjectStore:
    """The objects in a folder, made if it is missing, or in S3 storage at `s3://bucket/prefix`.

    Keys, endpoint and region of S3 come from the environment alone: `AWS_ACCESS_KEY_ID`,
    `AWS_SECRET_ACCESS_KEY`, `AWS_ENDPOINT_URL`, `AWS_REGION`, and `AWS_ALLOW_HTTP=true` for an
    endpoint without encryption.
    """
    text = str(url)
    stores = load("obstore.store", "platform")
    parts = urlsplit(text)
    if parts.scheme == "s3":
        if parts.username or parts.password or parts.query:
            raise SettingsError(
                f"s3://…@{parts.hostname}: keys and options do not belong in an address; set "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment."
            )
        if not parts.netloc:
            raise SettingsError(f"{text!r} names no bucket: write s3://bucket/prefix.")
        prefix = parts.path.strip("/")
        root = f"s3://{parts.netloc}" + (f"/{prefix}" if prefix else "")
        return ObjectStore(
            root, stores.S3Store(parts.netloc, prefix=prefix or None, retry_config=PATIENCE)
        )
    if "://" in text and parts.scheme != "file":
        raise SettingsError(
            f"{text.partition('://')[0]}:// is no storage that is known here: pass a folder, or "
            "s3://bucket/prefix."
        )
    folder = Path(parts.path if parts.scheme == "file" else text).expanduser().resolve()
    return ObjectStore(str(folder), stores.LocalStore(folder, mkdir=True))


class _reported:  # noqa: N801, used as a function
    """Says in our own words what a storage answers."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url, key

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        known = load("obstore.exceptions", "platform")
        if isinstance(error, known.AlreadyExistsError | known.PreconditionError):
            raise ObjectExistsError(
                f"{self.key} in {self.url} exists, and may be written only once."
            ) from error
        if isinstance(error, known.NotFoundError | FileNotFoundError):
            raise ObjectMissingError(
                f"there is no {self.key} in {self.url}: it was never put, or was removed."
            ) from error
        if isinstance(error, known.BaseError | OSError):
            first = str(error).strip().splitlines()[0]
            raise StoreError(
                f"{self.url} did not do what was asked of {self.key} ({type(error).__name__}: "
                f"{first}). Check the address, and keys and endpoint in the environment."
            ) from error


def _stat(meta: Any) -> Stat:
    return Stat(key=meta["path"], size_bytes=meta["size"], modified=meta["last_modified"])
