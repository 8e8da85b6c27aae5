"""Datasets: tables in versions that never change, as Parquet parts named by their content."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import polars as pl

from errorbar.core.contracts import (
    Provenance,
    TableContract,
    find_contract,
    from_parquet,
    to_parquet,
)
from errorbar.core.errors import TableError
from errorbar.platform.store.asof import as_of
from errorbar.platform.store.catalog import Catalog
from errorbar.platform.store.database import open_database
from errorbar.platform.store.drafts import Draft, difference
from errorbar.platform.store.garbage import Garbage, collect_garbage
from errorbar.platform.store.manifest import Manifest, Part
from errorbar.platform.store.names import check_dataset, part_key
from errorbar.platform.store.objects import ObjectStore, hash_bytes, open_objects

__all__ = ["TableStore", "open_store"]

# Reads of S3 wait for answers more than they work.
READERS = 8

Frames = pl.DataFrame | Iterable[pl.DataFrame]


@dataclass(frozen=True, slots=True)
class TableStore:
    """Datasets in `objects`, their versions in a catalogue.

    Any number of threads, processes and machines may write at once: each version is whole, and has
    a number of its own.
    """

    objects: ObjectStore
    catalog: Catalog
    part_rows: int = 500_000

    def write(
        self,
        dataset: str,
        frames: Frames,
        *,
        contract: TableContract | None = None,
        provenance: Provenance | None = None,
        expected: int | None = None,
    ) -> Manifest:
        """A new version with these rows and no others; older versions stay as they are.

        Frames are taken one after another, so a table need not fit into memory. With `expected` the
        version is made only if the latest is that one, as `ConflictError` tells.
        """
        draft = self._put(dataset, frames, contract, provenance)
        made = self.catalog.publish(
            dataset, lambda _, number: draft.manifest(number, None), draft.parts, expected
        )
        return made or self.catalog.find(dataset)

    def append(
        self,
        dataset: str,
        frames: Frames,
        *,
        contract: TableContract | None = None,
        provenance: Provenance | None = None,
    ) -> Manifest:
        """A new version with the rows of the latest one and these; of two at once, both are kept.

        Parts that are there already, byte for byte, are not added again, so that work which was cut
        off may be repeated. If all are, no version is made and the latest is given.
        """
        draft = self._put(dataset, frames, contract, provenance)

        def extend(latest: Manifest | None, number: int) -> Manifest | None:
            if latest is not None and set(draft.parts) <= set(latest.parts):
                return None
            return draft.manifest(number, latest)

        made = self.catalog.publish(dataset, extend, draft.parts)
        return made or self.catalog.find(dataset)

    def read(
        self, dataset: str, number: int | None = None, *, columns: Sequence[str] | None = None
    ) -> pl.DataFrame:
        """The rows of a version, every byte checked against its hash."""
        manifest = self.catalog.find(dataset, number)
        with ThreadPoolExecutor(READERS) as pool:
            frames = pool.map(lambda part: self._read_part(manifest, part), manifest.parts)
            chosen = [frame if columns is None else frame.select(columns) for frame in frames]
        return pl.concat(chosen)

    def scan(self, dataset: str, number: int | None = None) -> pl.LazyFrame:
        """The rows of a version, read when and as far as they are asked for.

        Only the parts' lengths are checked here; `verify` checks every byte. A version under an
        older contract is read and brought to today's at once.
        """
        manifest = self.catalog.find(dataset, number)
        if self._contract(manifest) is not None:
            return self.read(dataset, manifest.number).lazy()
        keys = [part_key(part.sha256) for part in manifest.parts]
        for key, part in zip(keys, manifest.parts):
            self._check_length(key, part)
        return pl.scan_parquet([self.objects.address(key) for key in keys])

    def as_of(
        self,
        dataset: str,
        queries: pl.DataFrame,
        *,
        by: str | Sequence[str],
        at: str,
        event: str,
        created: str = "created",
        known: str | None = None,
        max_age: timedelta | float | None = None,
        columns: Sequence[str] | None = None,
        number: int | None = None,
    ) -> pl.DataFrame:
        """What was known at the time of each query: `as_of` on a version of a dataset."""
        features = self.scan(dataset, number)
        if columns is not None:
            keys = (by,) if isinstance(by, str) else tuple(by)
            features = features.select(list(dict.fromkeys((*keys, event, created, *columns))))
        return as_of(
            queries,
            features,
            by=by,
            at=at,
            event=event,
            created=created,
            known=known,
            max_age=max_age,
        )

    def verify(self, dataset: str, number: int | None = None) -> Manifest:
        """The manifest of a version, after every byte of it was read and hashed."""
        manifest = self.catalog.find(dataset, number)
        for part in manifest.parts:
            self.objects.get(part_key(part.sha256), part.sha256)
        return manifest

    def datasets(self) -> list[str]:
        """Every dataset, sorted."""
        return self.catalog.datasets()

    def versions(self, dataset: str) -> list[int]:
        """The numbers of a dataset's versions, sorted."""
        return self.catalog.versions(dataset)

    def manifest(self, dataset: str, number: int | None = None) -> Manifest:
        """What a version is made of, the latest by default."""
        return self.catalog.find(dataset, number)

    def forget(self, dataset: str, number: int) -> None:
        """Takes a version away; what only it used stays until `collect_garbage`."""
        self.catalog.forget(dataset, number)

    def collect_garbage(
        self, older_than: timedelta = timedelta(hours=1), *, only_look: bool = False
    ) -> Garbage:
        """Removes parts of no version that are older than `older_than`, or says which they are.

        Leave writers the time to finish: one whose part is removed before it is done must write
        again.
        """
        return collect_garbage(self.catalog, older_than, only_look=only_look)

    def _put(
        self,
        dataset: str,
        frames: Frames,
        contract: TableContract | None,
        provenance: Provenance | None,
    ) -> Draft:
        check_dataset(dataset)
        told = {} if provenance is None else provenance.model_dump(mode="json")
        header = {"provenance": told} if told else {}
        schema: pl.Schema | None = None
        parts: list[Part] = []
        for frame in (frames,) if isinstance(frames, pl.DataFrame) else frames:
            if schema is not None and frame.schema != schema:
                raise TableError(
                    f"the frames of one table differ: {difference(schema, frame.schema)}."
                )
            schema = frame.schema
            for piece in frame.iter_slices(self.part_rows) if frame.height else (frame,):
                data = to_parquet(piece, contract, header)
                part = Part(hash_bytes(data), piece.height, len(data))
                self.objects.put_content(part_key(part.sha256), data)
                parts.append(part)
        if schema is None:
            raise TableError(
                f"there is nothing to write to {dataset}: pass a frame, if an empty one."
            )
        return Draft(dataset, tuple(parts), schema, contract, told)

    def _read_part(self, manifest: Manifest, part: Part) -> pl.DataFrame:
        data = self.objects.get(part_key(part.sha256), part.sha256)
        contract = self._contract(manifest)
        # What was checked when it was written, and has its hash, is not checked again.
        return pl.read_parquet(data) if contract is None else from_parquet(data, contract)

    def _contract(self, manifest: Manifest) -> TableContract | None:
        """The contract to bring a version to, or nothing where it is of today's, or of none."""
        if manifest.contract is None:
            return None
        contract = find_contract(manifest.contract)
        return None if contract.version == manifest.contract_version else contract

    def _check_length(self, key: str, part: Part) -> None:
        found = self.objects.stat(key)
        if found is None or found.size_bytes != part.size_bytes:
            # The same error as reading it would give.
            self.objects.get(key, part.sha256)


def open_store(objects: str | Path, metadata: str | Path | None = None) -> TableStore:
    """The datasets in a folder or at `s3://bucket/prefix`, versions in SQLite or PostgreSQL.

    By default the database is `metadata.sqlite` in the same folder. Objects in S3 need a
    database by name: `postgresql://…` where several machines write.
    """
    store = open_objects(objects)
    if metadata is None:
        if store.url.startswith("s3://"):
            raise TableError(
                f"{store.url} has no folder for a database: pass `metadata`, the path of a SQLite "
                "file or postgresql://user@host/name."
            )
        metadata = Path(store.url) / "metadata.sqlite"
    return TableStore(store, Catalog(store, open_database(metadata)))
