"""What several commands of `errorbar rt` read and say alike."""

import os
from collections.abc import Sequence
from pathlib import Path

from errorbar.app.cli.group import say
from errorbar.core.errors import SettingsError

__all__ = ["numbered", "said_compiling", "said_paths"]


def numbered(option: str, texts: Sequence[str]) -> dict[int, str]:
    """What `209=meta.csv`, given again for each library, says."""
    found: dict[int, str] = {}
    for text in texts:
        number, equals, rest = text.partition("=")
        if not (equals and rest and number.strip().isdigit()):
            raise SettingsError(
                f"{option} {text} must be a library and what goes with it, such as 209=meta.csv."
            )
        found[int(number)] = rest
    return found


def said_compiling() -> None:
    """Say why the first command of an installation takes its time."""
    from errorbar.rt import fit

    kept = Path(fit.__file__).parent / "__pycache__"
    if kept.is_dir() and os.access(kept, os.W_OK) and not any(kept.glob("*.nbi")):
        say("compiling inner loops: about half a minute, once for an installation", error=True)


def said_paths(paths: Sequence[Path]) -> None:
    """Where files are, a line each."""
    for path in paths:
        say(f"{path}")
