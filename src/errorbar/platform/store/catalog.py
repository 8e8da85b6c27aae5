"""Which versions of which datasets there are: the one place where a version comes to be."""

from collections.abc import Callable
from dataclasses import dataclass

from errorbar.core.errors import ConflictError, ObjectMissingError
from errorbar.platform.store.database import Database, Run
from errorbar.platform.store.manifest import Manifest, Part
from errorbar.platform.store.names import check_dataset, manifest_key, part_key
from errorbar.platform.store.objects import ObjectStore

__all__ = ["Catalog"]


@dataclass(frozen=True, slots=True)
class Catalog:
    """Versions of datasets in a database, their manifests also beside their parts.

    A version is there once its row is committed, and parts and manifest are there before that: a
    writer that is killed leaves unreferenced objects at most.
    """

    objects: ObjectStore
    database: Database

    def publish(
        self,
        dataset: str,
        make: Callable[[Manifest | None, int], Manifest | None],
        new: tuple[Part, ...],
        expected: int | None = None,
    ) -> Manifest | None:
        """The version that `make` gives of the latest one and the next number; alone in doing so.

        Where `make` gives nothing there is nothing to do, and the latest version is returned. With
        `expected` it fails unless the latest is that one (0: there is none yet).
        """
        check_dataset(dataset)
        with self.database.writing() as run:
            latest = self._find(run, dataset, None)
            number = 0 if latest is None else latest.number
            if expected is not None and number != expected:
                raise ConflictError(
                    f"the latest version of {dataset} is {number}, and {expected} was expected: "
                    "somebody was first. Read it, and write again."
                )
            last = run("SELECT last FROM errorbar_datasets WHERE dataset = ?", dataset)
            following = int(last[0][0]) + 1 if last else 1
            made = make(latest, following)
            if made is None:
                return latest
            self._check_parts(new)
            text = made.to_json()
            self.objects.put(manifest_key(dataset, following, made.sha256), text.encode())
            if last:
                run("UPDATE errorbar_datasets SET last = ? WHERE dataset = ?", following, dataset)
            else:
                run(
                    "INSERT INTO errorbar_datasets (dataset, last) VALUES (?, ?)",
                    dataset,
                    following,
                )
            run(
                "INSERT INTO errorbar_versions (dataset, number, sha256, manifest) "
                "VALUES (?, ?, ?, ?)",
                dataset,
                following,
                made.sha256,
                text,
            )
        return made

    def datasets(self) -> list[str]:
        """Every dataset that has a version, sorted."""
        with self.database.reading() as run:
            return sorted(row[0] for row in run("SELECT DISTINCT dataset FROM errorbar_versions"))

    def versions(self, dataset: str) -> list[int]:
        """The numbers of a dataset's versions, sorted; none, if there is no such dataset."""
        check_dataset(dataset)
        with self.database.reading() as run:
            rows = run("SELECT number FROM errorbar_versions WHERE dataset = ?", dataset)
        return sorted(int(row[0]) for row in rows)

    def find(self, dataset: str, number: int | None = None) -> Manifest:
        """The manifest of a version, of the latest one by default."""
        check_dataset(dataset)
        with self.database.reading() as run:
            found = self._find(run, dataset, number)
        if found is None:
            there = self.versions(dataset)
            told = f"its versions are {', '.join(map(str, there))}" if there else "it has none"
            asked = dataset if number is None else f"{dataset}@{number}"
            raise ObjectMissingError(f"there is no {asked} in {self.objects.url}: {told}.")
        return found

    def forget(self, dataset: str, number: int) -> None:
        """Takes a version out of the catalogue; its objects stay until garbage is collected."""
        self.find(dataset, number)
        with self.database.writing() as run:
            run("DELETE FROM errorbar_versions WHERE dataset = ? AND number = ?", dataset, number)

    def every(self, run: Run) -> list[Manifest]:
        """All manifests, within a transaction."""
        rows = run("SELECT manifest, sha256 FROM errorbar_versions")
        return [Manifest.from_json(text, sha256) for text, sha256 in rows]

    def _find(self, run: Run, dataset: str, number: int | None) -> Manifest | None:
        chosen = "AND number = ?" if number is not None else "ORDER BY number DESC LIMIT 1"
        rows = run(
            f"SELECT manifest, sha256 FROM errorbar_versions WHERE dataset = ? {chosen}",
            *((dataset,) if number is None else (dataset, number)),
        )
        return Manifest.from_json(*rows[0]) if rows else None

    def _check_parts(self, new: tuple[Part, ...]) -> None:
        # Garbage is collected under the same lock: what is there now stays.
        for part in new:
            found = self.objects.stat(part_key(part.sha256))
            if found is None or found.size_bytes != part.size_bytes:
                raise ConflictError(
                    f"part {part.sha256[:12]}… was removed from {self.objects.url} while its table "
                    "was written: write again."
                )
