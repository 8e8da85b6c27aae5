"""From a frame of peaks to arrays, with every check that needs the table's own words."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from errorbar.core.errors import TableError
from errorbar.core.frames import as_frame
from errorbar.rt.data.columns import IDS, RT, RUN, STANDARDS, Layout, plan_layout, poly2_sources
from errorbar.rt.data.keys import pair_keys
from errorbar.rt.data.numbers import as_floats
from errorbar.rt.data.peaks import Peaks
from errorbar.rt.data.register import RunRegister
from errorbar.rt.data.units import check_minutes, check_one_unit

__all__ = ["Arranger", "peaks_from_frame"]

# Float columns hold whole numbers exactly up to here.
EXACT = 2**53
FEW = 5


def peaks_from_frame(
    frame: Any,
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
    """Peaks of a Polars or pandas frame; columns and options are those of `read_peaks`."""
    frame = as_frame(frame, "a table of peaks")
    layout = plan_layout(
        frame.columns,
        "the table",
        include_rs=include_rs,
        include_es=include_es,
        features=features,
        runs=runs,
        times=times,
        unit=unit,
        drop_missing=drop_missing,
        gaps=gaps,
    )
    return Arranger(layout, "the table").whole(frame)


@dataclass(slots=True)
class Arranger:
    """Turns the frames of one table, from its first row on, into peaks.

    It remembers what must agree between frames: the runs met so far and each species' parent.
    """

    layout: Layout
    where: str
    rows: int = 0
    dropped: int = 0
    register: RunRegister = field(default_factory=RunRegister)
    parents: dict[int, int] = field(default_factory=dict)

    def whole(self, frame: pl.DataFrame) -> Peaks:
        """A table in one piece: runs are numbered in the order of their keys."""
        peaks = self.next(frame, in_order=True)
        self.report()
        return peaks

    def next(self, frame: pl.DataFrame, *, in_order: bool = False) -> Peaks:
        """The next rows of a table; runs are numbered as they are met unless `in_order`."""
        rows = np.arange(self.rows, self.rows + frame.height)
        self.rows += frame.height
        rt, kept = self._times(frame, rows)
        if not kept.all():
            frame, rt, rows = frame.filter(pl.Series(kept)), rt[kept], rows[kept]
        ids = {name: self._whole(frame, name, rows) for name in IDS}
        self._check_nesting(ids["species"], ids["species_cluster"])
        run, keys = self._runs(frame, rows, in_order)
        if self.layout.times and self.layout.runs:
            pairs = pair_keys(ids["species"], ids["comp_id"])
            check_one_unit(rt, run, pairs, ids["comp_id"], rows, self.where)
        chem_id, label = (self._label(frame, name, rows) for name in ("compound", "compound_class"))
        return Peaks(
            rt=rt,
            covariates=self._covariates(frame),
            species=ids["species"],
            supercategory=ids["species_cluster"],
            compound=ids["comp_id"],
            run=run,
            # Both -1 and 0 stand for a compound that no chemical is known for.
            chem_id=np.where(chem_id > 0, chem_id, -1),
            compound_class=np.where(label >= 0, label, -1),
            rows=rows,
            feature_names=self.layout.features,
            run_keys=keys,
        )

    def report(self) -> None:
        """Says how many rows had no time, if they were to be left out."""
        if self.dropped:
            warnings.warn(
                f"{self.dropped} of {self.rows} rows of {self.where} have no rt and were left out.",
                stacklevel=3,
            )

    def _times(
        self, frame: pl.DataFrame, rows: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        if not self.layout.times:
            return np.zeros(frame.height), np.ones(frame.height, dtype=bool)
        rt = as_floats(frame[RT], self.where).to_numpy() / self.layout.minute
        kept = np.isfinite(rt)
        lost = np.flatnonzero(~kept)
        if lost.size and not self.layout.drop_missing:
            raise TableError(
                f"`{RT}` of {self.where} is missing or not finite in {lost.size} rows, first at "
                f"row {rows[lost[0]]}: such peaks were not found. Take them out, or say "
                "drop_missing=True to leave them out."
            )
        self.dropped += lost.size
        check_minutes(rt[kept], rows[kept], self.where)
        return rt, kept

    def _whole(
        self, frame: pl.DataFrame, name: str, rows: NDArray[np.int64], missing: int | None = None
    ) -> NDArray[np.int64]:
        """A column of whole numbers; gaps become `missing`, or are refused."""
        series = frame[name]
        if not series.dtype.is_integer():
            series = as_floats(series, self.where).fill_nan(None)
            found = series.drop_nulls().to_numpy()
            bad = ~(np.mod(found, 1) == 0) | (np.abs(found) > EXACT)
            if bad.any():
                raise TableError(
                    f"`{name}` of {self.where} must be whole numbers up to 2^53; {int(bad.sum())} "
                    f"rows are not, first {found[bad][0]!r}. Ids larger than that are read exactly "
                    "from Parquet only."
                )
        if missing is not None:
            series = series.fill_null(missing)
        elif series.null_count():
            first = rows[int(np.flatnonzero(series.is_null().to_numpy())[0])]
            raise TableError(
                f"`{name}` of {self.where} is missing in {series.null_count()} rows, first at row "
                f"{first}: every peak needs one."
            )
        return series.cast(pl.Int64).to_numpy()

    def _label(self, frame: pl.DataFrame, name: str, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        if name not in self.layout.labels:
            return np.full(frame.height, -1)
        return self._whole(frame, name, rows, missing=-1)

    def _runs(
        self, frame: pl.DataFrame, rows: NDArray[np.int64], in_order: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if not self.layout.runs:
            keys = np.full((len(rows), 3), -1)
            keys[:, 2] = rows
            return np.arange(len(rows)), keys
        keys = np.stack([self._whole(frame, name, rows) for name in RUN], axis=1)
        return self.register.number(keys, in_order=in_order), self.register.keys

    def _covariates(self, frame: pl.DataFrame) -> NDArray[np.float32]:
        layout = self.layout
        told = frame.select(as_floats(frame[name], self.where) for name in layout.raw)
        scaled = told.select(
            pl.col(name) / (layout.minute if name.startswith(STANDARDS) else 1.0)
            for name in layout.raw
        )
        nothing = np.nan if layout.gaps else 0.0
        raw = scaled.select(pl.all().cast(pl.Float32).fill_null(nothing).fill_nan(nothing))
        if layout.features == layout.raw:
            return raw.to_numpy(order="c").reshape(frame.height, len(layout.features))
        values = np.empty((frame.height, len(layout.features)), dtype=np.float32)
        for column, name in enumerate(layout.features):
            values[:, column] = np.prod(
                [raw[source].to_numpy() for source in poly2_sources(name)], axis=0
            )
        return values

    def _check_nesting(self, species: NDArray[np.int64], parent: NDArray[np.int64]) -> None:
        # Where either changes from one row to the next: few places in a sorted table.
        fresh = np.r_[True, (species[1:] != species[:-1]) | (parent[1:] != parent[:-1])]
        fresh = fresh[: len(species)]
        seen = pl.DataFrame({"species": species[fresh], "parent": parent[fresh]})
        pairs = seen.unique().sort(pl.all())
        torn: dict[int, set[int]] = {}
        for child, above in pairs.iter_rows():
            if self.parents.setdefault(child, above) != above:
                torn.setdefault(child, {self.parents[child]}).add(above)
        if torn:
            told = ", ".join(
                f"{child} (in {', '.join(map(str, sorted(above)))})"
                for child, above in list(torn.items())[:FEW]
            )
            raise TableError(
                f"{len(torn)} species of {self.where} lie in several supercategories: {told}"
                f"{' and more' if len(torn) > FEW else ''}. Each must have one species_cluster: "
                "make the mapping anew with `map_species`."
            )
