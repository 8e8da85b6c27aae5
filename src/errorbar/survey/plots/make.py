"""Whole figures from tables of fits and lists of surveys, under the names of the reference.

Each returns its figure, or a dictionary of figures by survey size, and saves it as PDF and PNG
where a path is given, whatever the path's suffix. Tables may be Polars, pandas or CSV files.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from errorbar.core.errors import SettingsError, TableError
from errorbar.core.plots import new_figure, write_figure
from errorbar.survey.plots.marks import class_legend
from errorbar.survey.plots.space import plot_design_space, plot_slope_plane
from errorbar.survey.plots.trends import plot_closed_form, plot_errors, plot_means, plot_pivot
from errorbar.survey.summary import (
    FitTable,
    FixedSize,
    add_total_scatter,
    closed_form_check,
    design_space,
    error_panel,
    fixed_size_errors,
    fixed_size_means,
    leverage_contours,
    mean_panel,
    pivot_intercepts,
    read_fits,
    slope_plane,
)
from errorbar.survey.summary.results import ResultTable

__all__ = [
    "make_closed_form_check",
    "make_common_pivot",
    "make_design_space_N_vs_std",
    "make_design_space_N_with_L_contours",
    "make_fixedN_sigma_vs_L_scatter_from_df",
    "make_leverage_panels_from_df",
    "make_leverage_panels_with_hdi",
    "make_mass_star_fixedN_uncertainty_vs_L_from_df",
    "make_mass_star_global_slope_3d_from_df",
    "make_met_fixedN_covariance_vs_L_from_df",
    "make_met_fixedN_uncertainty_vs_L_from_df",
    "make_met_global_slope_3d_from_df",
]

MODELS = {
    "single": "Single-response model",
    "joint": "Joint model",
    "mass-star": "Mass-star model",
}
OutPath = str | Path | None
Across = Literal["leverage", "N"]


def make_design_space_N_with_L_contours(  # noqa: N802
    surveys: Any,
    col: str = "logM",
    out_path: OutPath = "plots/design_N_vs_std_logM.pdf",
    L_levels: Sequence[float] | None = None,
) -> Figure:
    """Surveys by size and spread of mass over curves of constant leverage."""
    space = design_space(_surveys_or_table(surveys), col)
    title = "Where the surveys lie, and curves of equal leverage"
    return _design_space_figure(space, leverage_contours(space, L_levels), col, title, out_path)


def make_design_space_N_vs_std(  # noqa: N802
    surveys: Any, col: str = "logM", out_path: OutPath = "plots/design_N_vs_std.pdf"
) -> Figure:
    """Surveys by size and spread of mass."""
    space = design_space(_surveys_or_table(surveys), col)
    return _design_space_figure(space, (), col, "Where the surveys lie", out_path)


def make_leverage_panels_with_hdi(
    x: Sequence[float],
    alpha_sd: Sequence[float],
    beta_sd: Sequence[float],
    epsilon_sd: Sequence[float],
    add_linear: bool = False,
    mode: Literal["L", "N"] = "L",
    prefix: str | None = "leverage_panels_",
    alpha_mean: Sequence[float] | None = None,
    alpha_hdi16: Sequence[float] | None = None,
    alpha_hdi84: Sequence[float] | None = None,
    beta_mean: Sequence[float] | None = None,
    beta_hdi16: Sequence[float] | None = None,
    beta_hdi84: Sequence[float] | None = None,
) -> Figure:
    """Errors of intercept, slope and scatter against leverage or size, from plain columns.

    With means and interval ends, intercept and slope themselves follow with their bars. `prefix`
    begins the file's name, which ends in `vs_L` or `vs_N`; `None` saves nothing.
    """
    if mode not in ("L", "N"):
        raise SettingsError(f"mode={mode!r} is no abscissa; choose 'L' (leverage) or 'N' (size).")
    count = len(x)
    columns = {"alpha_sd": alpha_sd, "beta_sd": beta_sd, "sigma_sd": epsilon_sd}
    means = {
        "alpha_mean": alpha_mean,
        "alpha_hdi16": alpha_hdi16,
        "alpha_hdi84": alpha_hdi84,
        "beta_mean": beta_mean,
        "beta_hdi16": beta_hdi16,
        "beta_hdi84": beta_hdi84,
    }
    given = {name: values for name, values in means.items() if values is not None}
    if given and len(given) < len(means):
        raise TableError(
            f"means come with both interval ends: missing {', '.join(set(means) - set(given))}."
        )
    lengths = {name: len(values) for name, values in (columns | given).items()}
    if any(length != count for length in lengths.values()):
        raise TableError(f"x has {count} values, but the columns have {lengths}.")
    frame = pl.DataFrame(
        {
            "survey_id": np.arange(1, count + 1),
            "class_label": ["all"] * count,
            "N": np.asarray(x, dtype=np.int64) if mode == "N" else np.ones(count, dtype=np.int64),
            "L_logM": np.asarray(x, dtype=np.float64),
            **{name: np.asarray(v, dtype=np.float64) for name, v in (columns | given).items()},
        }
    )
    absent = [f"{p}_{s}" for p in ("alpha", "beta", "sigma") for s in ("mean", "hdi16", "hdi84")]
    frame = frame.with_columns(
        pl.lit(0.0).alias(name) for name in absent if name not in frame.columns
    )
    return _leverage_figure(
        read_fits(frame),
        "N" if mode == "N" else "L_logM",
        means=bool(given),
        straight=add_linear,
        out_path=None if prefix is None else f"{prefix}vs_{mode}",
    )


def make_leverage_panels_from_df(
    df: ResultTable,
    out_prefix: str | Path | None,
    x_col: Across = "leverage",
    *,
    add_linear: bool = False,
    means: bool = True,
    surveys: Iterable[Any] | None = None,
) -> Figure:
    """Errors, and means with intervals, of all surveys of a table against leverage or size.

    With the `surveys` of the fits, the closed form of the slope's error is drawn too.
    """
    if x_col not in ("leverage", "N"):
        raise SettingsError(f"x_col={x_col!r} is no abscissa; choose 'leverage' or 'N'.")
    out = None if out_prefix is None else f"{out_prefix}_vs_{'N' if x_col == 'N' else 'L'}"
    column = "N" if x_col == "N" else "L_logM"
    table = _table(df, ("single", "joint", "mass-star"), surveys)
    return _leverage_figure(table, column, means=means, straight=add_linear, out_path=out)


def make_fixedN_sigma_vs_L_scatter_from_df(  # noqa: N802
    df: ResultTable,
    out_dir: OutPath = "plots",
    L_col: str = "L_logM",
    *,
    surveys: Iterable[Any] | None = None,
) -> dict[int, Figure]:
    """Errors of intercept, slope and scatter against leverage, one figure for each survey size.

    With the `surveys` of the fits, closed forms without a free number are drawn beside the trends.
    """
    table = _table(df, ("single",), surveys)
    return {
        size: _fixed_size_figure(
            fixed_size_errors(table, size, column=L_col),
            f"Single-response model: posterior errors of surveys of N = {size} planets",
            _inside(out_dir, f"fixedN_N{size}_sigma_vs_{L_col}"),
        )
        for size in table.sizes
    }


def make_met_fixedN_uncertainty_vs_L_from_df(  # noqa: N802
    df: ResultTable,
    out_dir: OutPath = "plots",
    L_col: str = "L_logM",
    *,
    surveys: Iterable[Any] | None = None,
) -> dict[int, Figure]:
    """Errors of both lines of the joint model against leverage: planets above, stars below."""
    table = _table(df, ("joint",), surveys)
    return {
        size: _fixed_size_figure(
            fixed_size_errors(table, size, column=L_col),
            f"Joint model: posterior errors of surveys of N = {size} planets",
            _inside(out_dir, f"met_fixedN_N{size}_uncertainty_vs_{L_col}"),
        )
        for size in table.sizes
    }


def make_met_fixedN_covariance_vs_L_from_df(  # noqa: N802
    df: ResultTable, out_dir: OutPath = "plots", L_col: str = "L_logM"
) -> dict[int, Figure]:
    """Posterior means of both intrinsic scatters and their correlation against leverage."""
    table = _table(df, ("joint",), None)
    figures: dict[int, Figure] = {}
    for size in table.sizes:
        value = fixed_size_means(table, size, ("sigma_p", "sigma_s", "rho"), column=L_col)
        figure = _panels_figure(
            value, f"Joint model: intrinsic covariance from surveys of N = {size} planets"
        )
        figures[size] = _saved(
            figure, _inside(out_dir, f"met_fixedN_N{size}_covariance_vs_{L_col}")
        )
    return figures


def make_met_global_slope_3d_from_df(
    df: ResultTable, out_path: OutPath = "plots/met_slope_plane.pdf", L_col: str = "L_logM"
) -> Figure:
    """Planet and star slope of each survey over its leverage."""
    table = _table(df, ("joint",), None)
    return _plane_figure(table, L_col, "Joint model: both slopes of each survey", out_path)


def make_mass_star_fixedN_uncertainty_vs_L_from_df(  # noqa: N802
    df: ResultTable, out_dir: OutPath = "plots", L_col: str = "L_logM"
) -> dict[int, Figure]:
    """Errors of the four parameters of the mass-star model against leverage."""
    table = _table(df, ("mass-star",), None)
    return {
        size: _fixed_size_figure(
            fixed_size_errors(table, size, column=L_col),
            f"Mass-star model: posterior errors of surveys of N = {size} planets",
            _inside(out_dir, f"mass_star_fixedN_N{size}_uncertainty_vs_{L_col}"),
        )
        for size in table.sizes
    }


def make_mass_star_global_slope_3d_from_df(
    df: ResultTable, out_path: OutPath = "plots/mass_star_slope_plane.pdf", L_col: str = "L_logM"
) -> Figure:
    """Slope with mass and slope with stellar metallicity of each survey over its leverage."""
    table = _table(df, ("mass-star",), None)
    return _plane_figure(table, L_col, "Mass-star model: both slopes of each survey", out_path)


def make_closed_form_check(
    df: ResultTable, surveys: Iterable[Any], out_path: OutPath = "plots/closed_form.pdf"
) -> Figure:
    """Fitted slope errors of all surveys beside sigma_tot/L, which has no free number."""
    table = _table(df, ("single", "joint"), surveys)
    slopes = ["beta"] if table.model == "single" else ["beta_p", "beta_s"]
    figure = new_figure(4.6 * len(slopes), 4.9)
    for ax, slope in zip(figure.subplots(1, len(slopes), squeeze=False)[0], slopes, strict=True):
        plot_closed_form(closed_form_check(table, slope), ax)
    class_legend(figure, table.classes, _drawn(table), "Errors known without a fit")
    return _saved(figure, out_path)


def make_common_pivot(
    df: ResultTable, surveys: Iterable[Any] = (), out_path: OutPath = "plots/common_pivot.pdf"
) -> Figure:
    """Intercepts as fitted, which differ by construction, and at one pivot, which agree.

    `surveys` are needed where the table does not know their mean masses, as the reference's.
    """
    table = read_fits(df)
    value = pivot_intercepts(table, surveys)
    figure = new_figure(9.2, 3.9)
    for ax, common in zip(figure.subplots(1, 2, sharey=True), (False, True), strict=True):
        plot_pivot(value, ax, common=common)
        ax.tick_params(labelleft=True)
    class_legend(figure, table.classes, _drawn(table), "Intercepts need a common pivot")
    return _saved(figure, out_path)


def _surveys_or_table(source: Any) -> Any:
    if isinstance(source, FitTable | pl.DataFrame | str | Path):
        return read_fits(source)
    return read_fits(source) if type(source).__module__.startswith("pandas") else source


def _table(source: ResultTable, models: tuple[str, ...], surveys: Iterable[Any] | None) -> FitTable:
    table = read_fits(source)
    if table.model not in models:
        raise TableError(
            f"this figure shows fits of the model {' or '.join(models)}, and the table holds fits "
            f"of the model {table.model}."
        )
    return table if surveys is None else add_total_scatter(table, surveys)


def _design_space_figure(
    space: Any, contours: Any, col: str, title: str, out_path: OutPath
) -> Figure:
    figure = new_figure(7.2, 4.6)
    quantity = r"$\log\,M$ (dex)" if col == "logM" else col
    plot_design_space(space, figure.subplots(), contours, quantity=quantity)
    class_legend(figure, space.classes, set(space.label), title)
    return _saved(figure, out_path)


def _fixed_size_figure(value: FixedSize, title: str, out_path: OutPath) -> Figure:
    return _saved(_panels_figure(value, title), out_path)


def _panels_figure(value: FixedSize, title: str) -> Figure:
    columns = 3 if len(value.panels) in (3, 6) else 2
    rows = -(-len(value.panels) // columns)
    figure = new_figure(3.7 * columns, 3.2 * rows + 0.35)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, ax in zip(value.panels, axes, strict=True):
        if panel.clouds and panel.clouds[0].low is not None:
            plot_means(panel, ax)
        else:
            plot_errors(panel, ax)
    first = value.panels[0]
    drawn = [cloud.label for cloud in first.clouds]
    class_legend(figure, first.classes, drawn, title)
    return figure


def _leverage_figure(
    table: FitTable, column: str, *, means: bool, straight: bool, out_path: OutPath
) -> Figure:
    names = [name for name in table.parameters if name != "rho"]
    straight = straight or column == "N"
    # Columns without a single interval were not given.
    moving = [name for name in names if means and _has_intervals(table, name)]
    columns = 3 if len(names) in (3, 6) else 2
    rows, more = -(-len(names) // columns), -(-len(moving) // columns)
    figure = new_figure(3.7 * columns, 3.2 * (rows + more) + 0.35)
    axes = figure.subplots(rows + more, columns, squeeze=False)
    for ax, name in zip(axes[:rows].ravel(), names, strict=True):
        plot_errors(error_panel(table, name, column=column), ax, logarithmic=not straight)
    for ax, name in zip(axes[rows:].ravel(), moving):
        plot_means(mean_panel(table, name, column=column), ax)
    for ax in axes[rows:].ravel()[len(moving) :]:
        ax.set_visible(False)
    across = "size" if column == "N" else "leverage"
    title = f"{MODELS[table.model]}: all surveys against {across}"
    class_legend(figure, table.classes, _drawn(table), title)
    return _saved(figure, out_path)


def _has_intervals(table: FitTable, name: str) -> bool:
    return bool(np.any(table.values(f"{name}_hdi84") > table.values(f"{name}_hdi16")))


def _plane_figure(table: FitTable, column: str, title: str, out_path: OutPath) -> Figure:
    figure = new_figure(7.6, 5.0)
    plot_slope_plane(slope_plane(table, column=column), figure.add_subplot(projection="3d"), figure)
    class_legend(figure, (), (), title)
    return _saved(figure, out_path)


def _drawn(table: FitTable) -> list[str]:
    return table.frame["class_label"].unique().to_list()


def _inside(folder: OutPath, name: str) -> OutPath:
    return None if folder is None else Path(folder) / name


def _saved(figure: Figure, out_path: OutPath) -> Figure:
    if out_path is not None:
        path = Path(out_path)
        write_figure(figure, path.with_suffix("") if path.suffix in (".pdf", ".png") else path)
    return figure
