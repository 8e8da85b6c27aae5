"""The folder of an export: where its tables and mappings are, whatever caps it holds."""

from dataclasses import dataclass
from pathlib import Path

from errorbar.core.errors import TableError
from errorbar.rt.data import find_mapping

__all__ = ["ExportedLibrary", "find_library"]

TEST = "realtest"


@dataclass(frozen=True, slots=True)
class ExportedLibrary:
    """A library's table at some cap (`found_cap`, as large as asked or larger), its mapping, and
    the table of real tests where there is one.
    """

    library: int
    cap: int
    found_cap: int
    table: Path
    mapping: Path
    test: Path | None


def find_library(folder: Path, library: int, cap: int) -> ExportedLibrary:
    """The files of a library below `lib{N}`; a larger cap serves where the asked one is missing."""
    own = folder / f"lib{library}"
    if not own.is_dir():
        there = ", ".join(sorted(p.name for p in folder.glob("lib*"))) or "nothing called lib…"
        raise TableError(f"{folder} has no folder lib{library}, but {there}: check --libs.")
    caps = {
        int(path.name.removeprefix("cap")): path
        for path in own.glob("cap*")
        if path.name.removeprefix("cap").isdigit()
    }
    usable = sorted(each for each in caps if each >= cap)
    if not usable:
        raise TableError(
            f"{own} has no folder cap{cap} or of a larger cap (it has "
            f"{', '.join(p.name for p in caps.values()) or 'none'}): run `errorbar rt prepare all`."
        )
    found = usable[0]
    tests = _tables(own / TEST)
    if len(tests) > 1:
        raise TableError(f"{own / TEST} holds {len(tests)} tables, not one: {tests[0].name}, ….")
    tables = _tables(caps[found])
    if len(tables) != 1:
        raise TableError(
            f"{caps[found]} holds {len(tables)} files *_rt_prod.csv or .parquet, not one."
        )
    return ExportedLibrary(
        library=library,
        cap=cap,
        found_cap=found,
        table=tables[0],
        mapping=find_mapping(folder, library),
        test=tests[0] if tests else None,
    )


def _tables(folder: Path) -> list[Path]:
    return sorted([*folder.glob("*_rt_prod.csv"), *folder.glob("*_rt_prod.parquet")])
