"""What a job has finished so far, on disk.

A folder: `header.json` says which job it is (function, seed, version, the digest of every piece)
and one `piece-000012.safetensors` per finished piece holds its result. Every file is written under
another name and then renamed, so that a reader finds a whole file or none, whenever the writer was
killed.
"""

import json
import os
import re
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from errorbar import __version__
from errorbar.core.contracts import PieceValue, PieceValues
from errorbar.core.engine.values import decoded, digest, encoded
from errorbar.core.errors import EngineError

if sys.platform != "win32":
    import fcntl

__all__ = ["Job", "Journal", "discard_journal", "locked", "open_journal"]

FORMAT = 1
HEADER, LOCK = "header.json", "lock"
OURS = re.compile(r"(header\.json|lock|piece-\d+\.safetensors)(\.part)?")


@dataclass(frozen=True, slots=True)
class Job:
    """What decides a job's results."""

    function: str
    seed: int
    pieces: tuple[str, ...]
    version: str = __version__
    format: int = FORMAT

    @property
    def fingerprint(self) -> str:
        return digest({"job": json.dumps(asdict(self), sort_keys=True)})

    def difference(self, other: "Job") -> str:
        """The first thing in which a journal's job (`other`) is not this one, in words."""
        for name in ("format", "version", "function", "seed"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                return f"its {name} is {theirs}, this job's is {mine}"
        if len(self.pieces) != len(other.pieces):
            return f"it has {len(other.pieces)} pieces, this job has {len(self.pieces)}"
        unlike = [i for i, pair in enumerate(zip(self.pieces, other.pieces)) if len({*pair}) > 1]
        return f"{len(unlike)} of {len(self.pieces)} pieces differ, the first is piece {unlike[0]}"


@dataclass(frozen=True, slots=True)
class Journal:
    """The finished pieces of one job."""

    folder: Path
    job: Job

    def finished(self) -> dict[int, dict[str, PieceValue]]:
        """Every result kept so far, by the index of its piece."""
        return {
            index: self.read(index)
            for index in range(len(self.job.pieces))
            if self.piece_file(index).exists()
        }

    def piece_file(self, index: int) -> Path:
        return self.folder / f"piece-{index:06d}.safetensors"

    def read(self, index: int) -> dict[str, PieceValue]:
        path = self.piece_file(index)
        try:
            values, header = decoded(path.read_bytes())
        except (SafetensorError, ValueError, KeyError, TypeError, EngineError) as error:
            raise _damaged(path, str(error)) from error
        if header != self._piece_header(index, values):
            raise _damaged(path, "its content is not what was written")
        return values

    def write(self, index: int, values: PieceValues) -> None:
        _replace(self.piece_file(index), encoded(values, self._piece_header(index, values)))

    def _piece_header(self, index: int, values: PieceValues) -> dict[str, PieceValue]:
        return {"index": index, "job": self.job.fingerprint, "sha256": digest(values)}


def _damaged(path: Path, why: str) -> EngineError:
    return EngineError(
        f"the journal file {path} is damaged ({why}): delete this file and run again; "
        "its piece is computed anew."
    )


@contextmanager
def open_journal(folder: Path, job: Job) -> Generator[Journal]:
    """The journal of `job` in `folder`, new or continued, held by this process alone."""
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        for leftover in folder.glob("*.part"):
            leftover.unlink()
        header = folder / HEADER
        if header.exists():
            _check_same_job(header, job)
        elif any(folder.glob("piece-*.safetensors")):
            raise EngineError(
                f"{folder} holds finished pieces but no {HEADER}, so nobody can tell which job "
                "they belong to: delete the folder, or give another one."
            )
        else:
            _replace(header, _header_bytes(job))
        yield Journal(folder, job)


def discard_journal(folder: Path) -> None:
    """Delete a journal, and its folder if nothing else is in it."""
    if not folder.is_dir():
        return
    with locked(folder):
        for path in sorted(folder.iterdir()):
            if OURS.fullmatch(path.name):
                path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def _header_bytes(job: Job) -> bytes:
    return (json.dumps(asdict(job), sort_keys=True, indent=1) + "\n").encode()


def _check_same_job(header: Path, job: Job) -> None:
    try:
        found: dict[str, Any] = json.loads(header.read_bytes())
        pieces = tuple(found.pop("pieces"))
        other = Job(pieces=pieces, **found)
    except (ValueError, KeyError, TypeError) as error:
        raise EngineError(
            f"{header} is not the header of a journal ({error}): delete its folder, "
            "or give another one."
        ) from error
    if other != job:
        raise EngineError(
            f"the journal in {header.parent} belongs to another job: {job.difference(other)}. "
            "Run that job to its end, give this one another folder, or delete the journal."
        )


def _replace(path: Path, block: bytes) -> None:
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(block)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


@contextmanager
def locked(folder: Path) -> Generator[None]:
    """Two runs must not share a journal; the lock dies with its process, however that ends."""
    with (folder / LOCK).open("wb") as file:
        if sys.platform != "win32":
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise EngineError(
                    f"another run is using the journal in {folder}: wait for it, or give this run "
                    "another folder."
                ) from error
        yield
