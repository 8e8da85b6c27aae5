"""Files of archives on disk: whole and checked, or not there.

A product lies at its own name, and beside it `.NAME.json` says where it came from and what it is.
While it comes it is `.NAME.part`; what came and was wrong is put into `quarantine/` with the
reason, and is never taken for the product.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from errorbar.core.errors import ArtifactError
from errorbar.platform.ingest.products import Product, digest_of

__all__ = ["Cache", "Landed"]

QUARANTINE = "quarantine"
STATUS = {
    "name": pl.String, "state": pl.String, "bytes": pl.Int64, "sha256": pl.String,
    "url": pl.String, "fetched": pl.String, "tries": pl.Int64, "why": pl.String,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Landed:
    """Where a product's bytes came from, and what they are."""

    name: str
    url: str
    bytes: int
    sha256: str
    mark: str | None
    transport: str
    fetched: str
    tries: int


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder of products; of several processes that use it one writes each product."""

    root: Path

    def path(self, product: Product | str) -> Path:
        """Where a product lies once it is whole."""
        name = product if isinstance(product, str) else product.name
        return self.root / name

    def part(self, product: Product) -> Path:
        """Where it lies while it comes."""
        path = self.path(product)
        return path.with_name(f".{path.name}.part")

    def record(self, product: Product | str) -> Path:
        """What is known of it."""
        path = self.path(product)
        return path.with_name(f".{path.name}.json")

    def landed(self, product: Product | str, *, verify: bool = False) -> Landed | None:
        """What lies at a product's place if it is whole; with `verify` its bytes are read again."""
        path, record = self.path(product), self.record(product)
        try:
            told: Any = json.loads(record.read_text("utf-8"))
            held = Landed(**told)
            size = path.stat().st_size
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise ArtifactError(
                f"{record} is no record of a product ({error}): remove it to have the product "
                "fetched again."
            ) from error
        if size != held.bytes or (verify and digest_of(path) != f"sha256:{held.sha256}"):
            return None
        if isinstance(product, Product) and product.digest is not None:
            algorithm, _, _ = product.digest.partition(":")
            same = f"sha256:{held.sha256}" if algorithm == "sha256" else digest_of(path, algorithm)
            if same.lower() != product.digest.lower():
                return None
        return held

    def land(self, product: Product, held: Landed) -> Path:
        """Make a part that was checked the product: its bytes first, its record last."""
        part, path = self.part(product), self.path(product)
        _flush(part)
        os.replace(part, path)
        _write(self.record(product), asdict(held))
        self.failure(product).unlink(missing_ok=True)
        return path

    def failure(self, product: Product) -> Path:
        """Why it did not come, when it was last asked for."""
        path = self.path(product)
        return path.with_name(f".{path.name}.failed.json")

    def fail(self, product: Product, why: str, kind: str, tries: int) -> None:
        """Write down a failure."""
        told = {"name": product.name, "url": product.url, "why": why, "kind": kind, "tries": tries}
        _write(self.failure(product), told | {"when": now()})

    def quarantine(self, product: Product, why: str) -> Path:
        """Put what came aside, with the reason."""
        place = self.root / QUARANTINE / f"{product.name}.{time.time_ns():x}"
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(self.part(product), place)
        told = {"name": product.name, "url": product.url, "why": why, "when": now()}
        _write(place.with_name(f"{place.name}.json"), told)
        return place

    @contextmanager
    def alone(self, product: Product) -> Iterator[None]:
        """Be the only one, of all processes, that writes this product."""
        import fcntl

        path = self.path(product)
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(f".{path.name}.lock")
        while True:
            with lock.open("a") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                # Whoever held it before may have removed it.
                try:
                    mine = os.fstat(file.fileno()).st_ino == lock.stat().st_ino
                except FileNotFoundError:
                    mine = False
                if not mine:
                    continue
                try:
                    yield
                finally:
                    lock.unlink(missing_ok=True)
                return

    def status(self) -> pl.DataFrame:
        """Every product that landed, comes, failed or was put aside."""
        rows: list[dict[str, Any]] = []
        for path in sorted(self.root.rglob(".*.json")):
            if QUARANTINE in path.relative_to(self.root).parts[:1]:
                continue
            told: Any = json.loads(path.read_text("utf-8"))
            failed = path.name.endswith(".failed.json")
            state = "failed" if failed else "landed"
            if not failed and self.landed(str(told["name"])) is None:
                state = "damaged"
            rows.append({**told, "state": state, "fetched": told.get("fetched", told.get("when"))})
        for path in sorted(self.root.rglob(".*.part")):
            name = path.with_name(path.name.removeprefix(".").removesuffix(".part"))
            size = path.stat().st_size
            rows.append({"name": str(name.relative_to(self.root)), "state": "begun", "bytes": size})
        for path in sorted((self.root / QUARANTINE).rglob("*.json")):
            told = json.loads(path.read_text("utf-8"))
            rows.append({**told, "state": "quarantined", "fetched": told["when"]})
        return pl.DataFrame(
            [{name: row.get(name) for name in STATUS} for row in rows], schema=STATUS
        ).sort("name", "state")


def now() -> str:
    """The time, as records have it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _write(path: Path, told: dict[str, Any]) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.new")
    with part.open("w", encoding="utf-8") as file:
        file.write(json.dumps(told, sort_keys=True, indent=1) + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
