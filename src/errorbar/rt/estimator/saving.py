"""A fitted model as arrays and a manifest: the sums of its rows, its scales, its settings.

What is known at the scales is solved again when a model is read, so a file holds each number once
and predictions are the same to the bit.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from numpy import ndarray

from errorbar.core.artifact import Json
from errorbar.core.errors import ArtifactError
from errorbar.rt.data import Chemistry
from errorbar.rt.estimator.far import RunRange
from errorbar.rt.fit.cells import Cells
from errorbar.rt.fit.layout import Layout, Stretch
from errorbar.rt.fit.marginal import solve
from errorbar.rt.fit.run import PoolFit
from errorbar.rt.fit.scales import parameters
from errorbar.rt.fit.statistics import GroupStatistics
from errorbar.rt.model.pool import PoolModel

__all__ = ["from_arrays", "to_arrays"]

PLAIN = ("centre_rt", "feature_names", "group_col")


def to_arrays(fit: PoolFit, reach: RunRange | None) -> tuple[dict[str, ndarray], dict[str, Json]]:
    """Arrays and manifest of a fit."""
    statistics = fit.statistics
    names = [each.name for each in fields(statistics) if each.name not in PLAIN]
    arrays = {f"statistics.{name}": getattr(statistics, name) for name in names}
    # Symmetric: its lower triangle is all of it.
    rows, columns = np.tril_indices(statistics.features)
    arrays["statistics.sxx"] = statistics.sxx[:, rows, columns]
    arrays["at"] = fit.at
    if fit.peaks_of_group is not None:
        arrays["peaks_of_group"] = fit.peaks_of_group
    if fit.cells is not None:
        for name in ("start", "run", "total_x", "total_y"):
            arrays[f"cells.{name}"] = getattr(fit.cells, name)
    if fit.chemistry is not None:
        for name in ("compound", "values", "compound_class"):
            arrays[f"chemistry.{name}"] = getattr(fit.chemistry, name)
    if (stretch := fit.layout.stretch) is not None:
        for name in ("score", "species", "parent"):
            arrays[f"stretch.{name}"] = getattr(stretch, name)
    if reach is not None:
        arrays["range.runs"] = reach.runs
    manifest: dict[str, Json] = {
        "model": asdict(fit.model),
        "statistics": {
            "centre_rt": statistics.centre_rt,
            "feature_names": list(statistics.feature_names),
            "group_col": statistics.group_col,
        },
        "runs": None if fit.cells is None else fit.cells.runs,
        "descriptors": None if fit.chemistry is None else list(fit.chemistry.names),
        "floor": fit.parameters.floor,
        "freedom": None if np.isinf(fit.freedom) else fit.freedom,
        "within": fit.within,
        "tail": fit.tail,
        "log_posterior": fit.log_posterior,
        "evaluations": fit.evaluations,
        "converged": fit.converged,
        "stretch": None if stretch is None else {"top": stretch.top, "spread": stretch.spread},
        "range": None if reach is None else {"edge": reach.edge, "growth": reach.growth},
    }
    return arrays, manifest


def from_arrays(
    arrays: Mapping[str, ndarray], manifest: Mapping[str, Any]
) -> tuple[PoolFit, RunRange | None]:
    """A fit as it was, and the range of its runs."""
    model = PoolModel(**manifest["model"])
    held = dict(manifest["statistics"])
    held["feature_names"] = tuple(held["feature_names"])
    parts = {
        name.removeprefix("statistics."): value
        for name, value in arrays.items()
        if name.startswith("statistics.")
    }
    parts["sxx"] = _square(parts["sxx"], len(held["feature_names"]))
    statistics = GroupStatistics(**parts, **held)
    cells = None
    if manifest["runs"] is not None:
        names = ("start", "run", "total_x", "total_y")
        cells = Cells(**{n: arrays[f"cells.{n}"] for n in names}, runs=manifest["runs"])
    chemistry = None
    if manifest["descriptors"] is not None:
        chemistry = Chemistry(
            compound=arrays["chemistry.compound"],
            values=arrays["chemistry.values"],
            names=tuple(manifest["descriptors"]),
            compound_class=arrays["chemistry.compound_class"],
        )
    stretch = None
    if manifest["stretch"] is not None:
        factors = {n: arrays[f"stretch.{n}"] for n in ("score", "species", "parent")}
        stretch = Stretch(**factors, **manifest["stretch"])
    layout = Layout.of(statistics, model, chemistry, cells.runs if cells else 0, stretch)
    scales = parameters(statistics, layout, model, manifest["floor"])
    if len(arrays["at"]) != len(scales.names):
        raise ArtifactError(
            f"the file has {len(arrays['at'])} scales and its model {len(scales.names)}: it was "
            "written by another version. Use that, or fit again."
        )
    freedom = manifest["freedom"]
    fit = PoolFit(
        model=model,
        statistics=statistics,
        layout=layout,
        chemistry=chemistry,
        cells=cells,
        parameters=scales,
        at=arrays["at"],
        known=solve(statistics, layout, scales.scales(arrays["at"]), cells),
        log_posterior=manifest["log_posterior"],
        evaluations=manifest["evaluations"],
        converged=manifest["converged"],
        freedom=np.inf if freedom is None else freedom,
        peaks_of_group=arrays.get("peaks_of_group"),
        within=manifest["within"],
        tail=manifest["tail"],
    )
    found = manifest["range"]
    reach = None if found is None else RunRange(arrays["range.runs"], **found)
    return fit, reach


def _square(packed: ndarray, size: int) -> ndarray:
    rows, columns = np.tril_indices(size)
    full = np.empty((len(packed), size, size))
    full[:, rows, columns] = packed
    full[:, columns, rows] = packed
    return full
