"""What is known of one bin after its models were fitted: everything that is drawn or listed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy import ndarray

from errorbar.core.artifact import read_artifact, write_artifact
from errorbar.core.errors import InputError, SettingsError
from errorbar.hmf.grid import GridSurface, grid_surface
from errorbar.hmf.studies.rvs.bins import Ellipse
from errorbar.hmf.studies.rvs.settings import RvsSettings, settings_of
from errorbar.hmf.summary import (
    ColumnScores,
    Features,
    ObjectRule,
    ObjectScores,
    Outliers,
    RowView,
    outlier_catalogue,
    row_view,
)

__all__ = ["KIND", "METRICS", "BinAnalysis"]

KIND = "rvs bin analysis"
# Scores that choose a model, each of which says what is odd in its own way.
METRICS = ("std_z", "chi2_red", "rmse", "mad_z", "kl")
# Arrays with an entry for each spectrum, all in the order of `source_ids`.
PER_SPECTRUM = ("source_ids", "colour", "magnitude", "magnitude_error", "A")


@dataclass(frozen=True, slots=True, eq=False)
class BinAnalysis:
    """The spectra of a bin, its models and their scores, the best one, and what it finds odd.

    All arrays with one entry for each spectrum share the order of `source_ids`: the place of a
    star, its coefficients `A`, its scores and flags in `found`, and the columns of `by_metric`.
    `train` and `test` are places in that order; so are `kept`, the oddest spectra first, whose
    values and inverse variances are `kept_flux` and `kept_ivar`. Pixels are those of `wavelength`
    (nm, vacuum), rows of the basis `G`.

    `grid` has the scores of every model, `rank` and `scale` are those of the chosen one. It was
    fitted to each half, and each half is judged by the basis of the other: of the columns of `G`
    and `A` the first `rank` are of the training half, the others of the test half, and a spectrum
    has coefficients of zero on its own half's. So nothing odd can hide in a basis it has bent.
    `models` are the ranks and scales that each of `METRICS` would choose, and `by_metric` what
    these find odd. `data` is a digest of what the analysis was made of.
    """

    ellipse: Ellipse
    settings: RvsSettings
    data: str
    source_ids: ndarray
    colour: ndarray
    magnitude: ndarray
    magnitude_error: ndarray
    train: ndarray
    test: ndarray
    wavelength: ndarray
    grid: pl.DataFrame
    rank: int
    scale: float
    A: ndarray
    G: ndarray
    found: Outliers
    models: tuple[tuple[int, float], ...]
    by_metric: ndarray
    kept: ndarray
    kept_flux: ndarray
    kept_ivar: ndarray

    def __post_init__(self) -> None:
        rows = len(self.source_ids)
        sizes = {name: len(getattr(self, name)) for name in PER_SPECTRUM}
        sizes |= {"found": len(self.found.objects), "by_metric": self.by_metric.shape[1]}
        sizes["train and test"] = len(np.union1d(self.train, self.test))
        wrong = [f"{name} {size}" for name, size in sizes.items() if size != rows]
        if wrong or len(self.train) + len(self.test) != rows:
            raise InputError(
                f"bin {self.name} has {rows} spectra and {', '.join(wrong) or 'rows on two sides'}:"
                " every array with an entry for each spectrum must have the order of source_ids."
            )

    def __len__(self) -> int:
        return len(self.source_ids)

    @property
    def name(self) -> str:
        """The bin's."""
        return self.ellipse.name

    @property
    def c(self) -> float:
        """The chosen scale squared, where a pixel keeps half of its weight."""
        return self.scale**2

    @property
    def basis(self) -> ndarray:
        """The basis of the training half, pixels by rank."""
        return self.G[:, : self.rank]

    @property
    def objects(self) -> ndarray:
        """Identifiers of the odd spectra, the oddest first."""
        rows = np.flatnonzero(self.found.objects)
        return self.source_ids[rows[np.argsort(-self.found.significance[rows], kind="stable")]]

    def surface(self, metric: str) -> GridSurface:
        """One score of all models, over ranks and scales."""
        return grid_surface(self.grid, metric)

    def catalogue(self, *, every_feature: bool = False) -> pl.DataFrame:
        """What is odd in this bin, with reasons."""
        return outlier_catalogue(
            self.found, self.source_ids.tolist(), self.wavelength, bin=self.name,
            every_feature=every_feature,
        )  # fmt: skip

    def reconstruct(self, rows: ndarray) -> ndarray:
        """The chosen model of the spectra at these places."""
        return self.A[rows] @ self.G.T

    def view(self, place: int) -> RowView:
        """One of the spectra that were kept, as it is drawn."""
        if not 0 <= place < len(self.kept):
            raise SettingsError(
                f"place {place} is not one of the {len(self.kept)} spectra that bin {self.name} "
                "kept; raise `kept` in the settings to keep more."
            )
        row = int(self.kept[place])
        name = f"{self.source_ids[row]}, {self.found.significance[row]:.1f} sd"
        model = self.reconstruct(np.array([row]))[0]
        Y, W = (held[place].astype(np.float64) for held in (self.kept_flux, self.kept_ivar))
        return row_view(name, self.wavelength, Y, W, model, self.c, cut=self.found.cut)

    def residuals(self) -> ndarray:
        """Residuals of the kept spectra in units of their errors, 0 where nothing was measured."""
        z = (self.kept_flux - self.reconstruct(self.kept)) * np.sqrt(self.kept_ivar)
        return np.where(self.kept_ivar > 0, z, 0.0)

    def save(self, path: str | Path) -> Path:
        """As one artifact."""
        found = self.found
        arrays: dict[str, ndarray] = {
            name: getattr(self, name)
            for name in (*PER_SPECTRUM, "train", "test", "wavelength", "G", "by_metric", "kept",
                         "kept_flux", "kept_ivar")
        }  # fmt: skip
        arrays |= {f"grid/{name}": self.grid[name].to_numpy() for name in self.grid.columns}
        for prefix, part in (
            ("scores", found.scores),
            ("columns", found.column_scores),
            ("features", found.features),
        ):
            arrays |= {
                f"{prefix}/{each.name}": np.asarray(getattr(part, each.name))
                for each in fields(part)
            }
        arrays |= {
            f"found/{name}": getattr(found, name) for name in ("significance", "objects", "columns")
        }
        manifest = {
            "ellipse": asdict(self.ellipse),
            "settings": self.settings.plain(),
            "data": self.data,
            "rank": self.rank,
            "scale": self.scale,
            "models": [list(model) for model in self.models],
            "rule": asdict(found.rule),
            "cut": found.cut,
            "grid": self.grid.columns,
        }
        return write_artifact(path, KIND, arrays, manifest)

    @classmethod
    def load(cls, path: str | Path) -> "BinAnalysis":
        """An analysis that was saved."""
        held = read_artifact(path, KIND)
        told: Any = held.manifest
        grid = _part(held.arrays, "grid")
        own = {name: held.arrays[name] for name in held.arrays if "/" not in name}
        return cls(
            ellipse=Ellipse(**told["ellipse"]),
            settings=settings_of(told["settings"]),
            data=told["data"],
            # The only column that may have nothing.
            grid=pl.DataFrame(grid)
            .select(told["grid"])
            .with_columns(pl.col("gain").fill_nan(None)),
            rank=told["rank"],
            scale=told["scale"],
            models=tuple((int(rank), float(scale)) for rank, scale in told["models"]),
            found=_outliers(held.arrays, told),
            **own,
        )


def _outliers(arrays: Mapping[str, ndarray], told: Any) -> Outliers:
    scores, columns = _part(arrays, "scores"), _part(arrays, "columns")
    return Outliers(
        rule=ObjectRule(**told["rule"]),
        cut=told["cut"],
        scores=ObjectScores(**{**scores, "c": float(scores["c"])}),
        column_scores=ColumnScores(**{**columns, "typical": float(columns["typical"])}),
        features=Features(**_part(arrays, "features")),
        **_part(arrays, "found"),
    )


def _part(arrays: Mapping[str, ndarray], prefix: str) -> dict[str, Any]:
    return {
        name.split("/", 1)[1]: array
        for name, array in arrays.items()
        if name.startswith(f"{prefix}/")
    }
