"""Removing what no version of any dataset refers to; only ever when asked."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from errorbar.platform.store.catalog import Catalog
from errorbar.platform.store.names import MANIFESTS, PARTS, manifest_key, part_key

__all__ = ["Garbage", "collect_garbage"]


@dataclass(frozen=True, slots=True)
class Garbage:
    """What was removed, or would have been: names and bytes; `kept` is how much is referred to."""

    keys: tuple[str, ...]
    size_bytes: int
    kept: int


def collect_garbage(
    catalog: Catalog, older_than: timedelta = timedelta(hours=1), *, only_look: bool = False
) -> Garbage:
    """Removes parts and manifests without a version that are older than a writer may take.

    No version comes to be meanwhile, so a writer whose part was removed is told, and writes again.
    """
    limit = datetime.now(UTC) - older_than
    with catalog.database.writing() as run:
        used: set[str] = set()
        for manifest in catalog.every(run):
            used.add(manifest_key(manifest.dataset, manifest.number, manifest.sha256))
            used.update(part_key(part.sha256) for part in manifest.parts)
        found = [stat for folder in (PARTS, MANIFESTS) for stat in catalog.objects.list(folder)]
        left = [stat for stat in found if stat.key not in used and stat.modified <= limit]
        if not only_look:
            for stat in left:
                catalog.objects.remove(stat.key)
            catalog.objects.remove_unfinished(limit)
    kept = sum(stat.key in used for stat in found)
    return Garbage(tuple(stat.key for stat in left), sum(stat.size_bytes for stat in left), kept)
