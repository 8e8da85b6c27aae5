"""Steps of a long job that are done once: skipped while what they read and made is unchanged."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from errorbar import __version__
from errorbar.app.verbs.folder import file_digest

__all__ = ["Steps"]

RECORD = "steps.json"


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of a job in one folder; what was done is in `steps.json` there."""

    folder: Path
    resume: bool = True

    def run(
        self,
        name: str,
        inputs: Iterable[Path],
        settings: dict[str, Any],
        work: Callable[[], Sequence[Path]],
    ) -> bool:
        """Do the work, unless it was done with the same inputs and settings; whether it was.

        `work` gives the files that it made.
        """
        key = self._key(inputs, settings)
        held = self._record()
        if self.resume and self._done(held.get(name), key):
            return False
        made = work()
        own = {path.relative_to(self.folder).as_posix(): file_digest(path) for path in made}
        # Read again: nobody else writes here, but the work may have taken long.
        held = self._record() | {name: {"key": key, "made": own}}
        part = self.folder / f".{RECORD}.part"
        part.write_text(json.dumps(held, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        part.replace(self.folder / RECORD)
        return True

    def _key(self, inputs: Iterable[Path], settings: dict[str, Any]) -> str:
        told = {"settings": settings, "version": __version__}
        told["inputs"] = [file_digest(path) for path in inputs]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def _record(self) -> dict[str, Any]:
        path = self.folder / RECORD
        if not path.exists():
            return {}
        try:
            held: Any = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            # Then every step is done again, which costs time and nothing else.
            return {}
        return held if isinstance(held, dict) else {}

    def _done(self, held: Any, key: str) -> bool:
        if not isinstance(held, dict) or held.get("key") != key:
            return False
        made: dict[str, str] = held.get("made", {})
        return all(
            (self.folder / name).is_file() and file_digest(self.folder / name) == digest
            for name, digest in made.items()
        )
