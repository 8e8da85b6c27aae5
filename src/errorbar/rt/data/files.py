"""Tables of peaks on disk: read whole, read in batches, written."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import polars as pl

from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.data.arrange import Arranger
from errorbar.rt.data.columns import IDS, LABELS, RT, RUN, Layout, plan_layout
from errorbar.rt.data.peaks import Peaks

__all__ = [
    "open_table",
    "peaks_frame",
    "read_peaks",
    "read_table",
    "scan_peaks",
    "write_peaks",
    "write_table",
]

BLANKS = ["", "NA", "N/A", "n/a", "NaN", "nan", "null", "None", "<NA>"]
PARQUET = (".parquet", ".pq")


def read_peaks(
    path: str | Path,
    *,
    include_rs: bool = True,
    include_es: bool = False,
    features: Sequence[str] | None = None,
    runs: bool = True,
    times: bool = True,
    unit: Literal["minutes", "seconds"] = "minutes",
    drop_missing: bool = False,
    gaps: bool = False,
) -> Peaks:
    """Peaks of a `*_rt_prod` table, CSV or Parquet by the ending of its name.

    Parameters
    ----------
    path
        One row for each peak; `docs/rt/data.md` says what its columns mean.
    include_rs, include_es
        Whether RS* and ES_* columns are covariates beside the internal standards IS*.
    features
        The covariates by name and in order, such as a fitted model's; the two options above are
        not asked then. `poly2_sq(a)` and `poly2_int(a,b)` are computed from columns `a`, `b`.
    runs
        Without it run keys are not read and each row is a run of its own.
    times
        Without it `rt` is not read and is 0 in every row: peaks whose time is asked for.
    unit
        Of the column `rt` and of the standards' columns (IS*, RS*, ES_*); seconds are turned into
        minutes.
    drop_missing
        Leaves out rows whose time is missing, with a warning that counts them.
    gaps
        Leaves covariates that are missing so (NaN) instead of reading them as 0. A model can be
        asked of such rows, and widens its intervals for what was not measured; none is fitted to
        them.
    """
    table = open_table(path)
    layout = plan_layout(
        table.collect_schema().names(),
        str(path),
        include_rs=include_rs,
        include_es=include_es,
        features=features,
        runs=runs,
        times=times,
        unit=unit,
        drop_missing=drop_missing,
        gaps=gaps,
    )
    with _reading(path):
        frame = _numeric(table, path, layout).collect()
    return Arranger(layout, str(path)).whole(frame)


def scan_peaks(
    path: str | Path,
    *,
    batch_rows: int = 50_000,
    include_rs: bool = True,
    include_es: bool = False,
    features: Sequence[str] | None = None,
    runs: bool = True,
    times: bool = True,
    unit: Literal["minutes", "seconds"] = "minutes",
    drop_missing: bool = False,
    gaps: bool = False,
) -> Iterator[Peaks]:
    """The peaks of a table in batches of at most `batch_rows`, for tables larger than memory.

    Options are those of `read_peaks`. Covariates and their order are found from the header before
    the first batch. A run has one number in all batches: runs are numbered as they are met, and
    `run_keys` of a batch lists all runs met so far.
    """
    if batch_rows < 1:
        raise SettingsError(f"batch_rows={batch_rows} must be at least one row.")
    table = open_table(path)
    layout = plan_layout(
        table.collect_schema().names(),
        str(path),
        include_rs=include_rs,
        include_es=include_es,
        features=features,
        runs=runs,
        times=times,
        unit=unit,
        drop_missing=drop_missing,
        gaps=gaps,
    )
    return _batches(_numeric(table, path, layout), Arranger(layout, str(path)), path, batch_rows)


def write_peaks(path: str | Path, peaks: Peaks) -> Path:
    """Puts peaks into a `*_rt_prod` table, which `read_peaks` reads back as they were."""
    return write_table(path, peaks_frame(peaks))


def peaks_frame(peaks: Peaks) -> pl.DataFrame:
    """Peaks as a frame with the columns of a `*_rt_prod` table."""
    keys = peaks.run_keys[peaks.run]
    columns: dict[str, Any] = {name: keys[:, place] for place, name in enumerate(RUN)}
    ids = (peaks.species, peaks.supercategory, peaks.compound)
    columns |= dict(zip(IDS, ids, strict=True))
    columns |= dict(zip(LABELS, (peaks.chem_id, peaks.compound_class), strict=True))
    columns |= {name: peaks.covariates[:, i] for i, name in enumerate(peaks.feature_names)}
    return pl.DataFrame(columns | {RT: peaks.rt})


def open_table(path: str | Path) -> pl.LazyFrame:
    """A CSV or Parquet file, not read yet."""
    path = Path(path)
    if not path.is_file():
        raise TableError(f"there is no file {path}: check the path of the table.")
    with _reading(path):
        if path.suffix.lower() in PARQUET:
            table = pl.scan_parquet(path)
        else:
            table = pl.scan_csv(path, null_values=BLANKS, infer_schema_length=10_000)
        table.collect_schema()
        return table


def read_table(path: str | Path) -> pl.DataFrame:
    """A CSV or Parquet file as a frame, by the ending of its name."""
    with _reading(path):
        return open_table(path).collect()


def write_table(path: str | Path, frame: pl.DataFrame) -> Path:
    """Puts a frame into a CSV or Parquet file, by the ending of its name."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() in PARQUET:
        frame.write_parquet(path)
    else:
        frame.write_csv(path)
    return path


def _numeric(table: pl.LazyFrame, path: str | Path, layout: Layout) -> pl.LazyFrame:
    if Path(path).suffix.lower() not in PARQUET:
        # Said beforehand: a column whose first gap or fraction comes late is read as others are.
        kinds: Any = dict.fromkeys(layout.columns, pl.Float64)
        kinds |= dict.fromkeys(layout.raw, pl.Float32)
        table = pl.scan_csv(path, null_values=BLANKS, schema_overrides=kinds)
    return table.select(layout.columns)


def _batches(
    table: pl.LazyFrame, arranger: Arranger, path: str | Path, batch_rows: int
) -> Iterator[Peaks]:
    with _reading(path):
        for frame in table.collect_batches(chunk_size=batch_rows, maintain_order=True):
            for start in range(0, frame.height, batch_rows):
                yield arranger.next(frame[start : start + batch_rows])
    arranger.report()


@contextmanager
def _reading(path: str | Path) -> Iterator[None]:
    try:
        yield
    except pl.exceptions.PolarsError as error:
        kind = "Parquet" if Path(path).suffix.lower() in PARQUET else "CSV"
        raise TableError(
            f"{path} cannot be read as {kind}: {str(error).splitlines()[0]}. Save it with a header "
            "row, commas and numbers, what is missing left empty; or as Parquet."
        ) from error
