"""Files that arrive whole or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from errorbar.core.errors import TableError

__all__ = ["landing"]


@contextmanager
def landing(path: Path) -> Iterator[Path]:
    """A place to write, which becomes `path` once all is written.

    A file there before is replaced in one step. A folder there before is refused.
    """
    if path.is_dir():
        raise TableError(f"{path} is a folder already: remove it first, or write to another path.")
    if not path.parent.is_dir():
        raise TableError(f"there is no folder {path.parent}: make it before writing into it.")
    part = path.with_name(f".{path.stem}.{uuid4().hex}.part{path.suffix}")
    try:
        yield part
        part.replace(path)
    finally:
        if part.is_dir():
            shutil.rmtree(part)
        part.unlink(missing_ok=True)
