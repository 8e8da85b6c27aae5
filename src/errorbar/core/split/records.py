"""Manifests of splits as files."""

import os
from pathlib import Path
from uuid import uuid4

from errorbar.core.errors import ManifestError
from errorbar.core.split.manifest import SplitManifest
from errorbar.core.split.value import Split

__all__ = ["read_manifest", "write_manifest"]


def write_manifest(path: str | os.PathLike[str], manifest: SplitManifest) -> Path:
    """Puts a manifest into a file, whole or not at all."""
    path = Path(path)
    part = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        part.write_text(manifest.to_json(), encoding="utf-8", newline="\n")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def read_manifest(
    path: str | os.PathLike[str], split: Split | None = None, *, signed: bool = False
) -> SplitManifest:
    """The manifest in a file, verified, as in `SplitManifest.verify`."""
    try:
        manifest = SplitManifest.from_json(Path(path).read_text(encoding="utf-8"))
        manifest.verify(split, signed=signed)
    except ManifestError as error:
        raise ManifestError(f"{path}: {error}", error.changed) from error
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path}: it is not text ({error}).") from error
    return manifest
