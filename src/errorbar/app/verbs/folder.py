"""The folder of a run: which file is what, written whole or not at all."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from errorbar import __version__
from errorbar.core.errors import TableError
from errorbar.survey.model import PriorRule

__all__ = ["MODELS", "ResultsFolder", "RunRecord", "file_digest", "remove_empty"]

MODELS = ("single", "joint", "mass-star")
# The reference's names; it has none for the later model.
STEMS = {
    "single": "hermes_massclass_fits",
    "joint": "hermes_met_fits",
    "mass-star": "hermes_mass_star_fits",
}


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What a run was asked for, so that its surveys can be drawn again."""

    catalogue: str
    catalogue_sha256: str
    seed: int
    sizes: tuple[int, ...]
    reps: int
    classes: tuple[str, ...]
    models: tuple[str, ...]
    method: str
    intercept: str
    slope: str
    level: float
    version: str = __version__

    @property
    def prior(self) -> PriorRule:
        return PriorRule(self.intercept, self.slope)  # pyright: ignore[reportArgumentType] (checked there)


@dataclass(frozen=True, slots=True)
class ResultsFolder:
    """Tables, figures, report and journals of one run."""

    path: Path

    @property
    def figures(self) -> Path:
        return self.path / "figures"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def record(self) -> Path:
        return self.path / "run.json"

    def journal(self, model: str) -> Path:
        return self.path / "journal" / model

    def table(self, model: str, ending: str = "csv") -> Path:
        return self.path / f"{STEMS[model]}.{ending}"

    def write_table(self, model: str, frame: pl.DataFrame) -> tuple[Path, Path]:
        """The table of a model's fits as CSV and as Parquet."""
        csv, parquet = self.table(model), self.table(model, "parquet")
        for path, write in ((csv, frame.write_csv), (parquet, frame.write_parquet)):
            part = path.with_name(path.name + ".part")
            write(part)
            part.replace(path)
        return csv, parquet

    def tables(self, models: Sequence[str] = MODELS) -> dict[str, Path]:
        """The tables of fits that are here, ours or the reference's."""
        found = {model: self.table(model) for model in models if self.table(model).exists()}
        if not found:
            names = ", ".join(f"{stem}.csv" for stem in STEMS.values())
            raise TableError(
                f"{self.path} holds no table of fits; one of {names} is needed: name the folder of "
                "a run."
            )
        return found

    def write_record(self, record: RunRecord) -> Path:
        text = json.dumps(asdict(record), indent=1, sort_keys=True) + "\n"
        part = self.record.with_name(self.record.name + ".part")
        part.write_text(text, encoding="utf-8")
        part.replace(self.record)
        return self.record

    def read_record(self) -> RunRecord | None:
        """What the run was asked for; nothing where another program wrote the tables."""
        if not self.record.exists():
            return None
        try:
            held: Mapping[str, Any] = json.loads(self.record.read_text(encoding="utf-8"))
            lists = {name: tuple(held[name]) for name in ("sizes", "classes", "models")}
            return RunRecord(**{**held, **lists})
        except (ValueError, KeyError, TypeError) as error:
            raise TableError(
                f"{self.record} is not the record of a run ({error}): delete it, and the report is "
                "made without the surveys."
            ) from error


def file_digest(path: Path) -> str:
    """The sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def remove_empty(folder: Path) -> None:
    """Remove a folder that holds nothing any more."""
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
