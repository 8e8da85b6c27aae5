"""`errorbar rt train`."""

from pathlib import Path
from typing import Annotated

import typer

from errorbar.app.cli.group import examples, print_json, say, show_table
from errorbar.app.cli.options import Json, listed, settings, whole_numbers
from errorbar.app.cli.rt.options import Stream, Subset, Unit, say_notes
from errorbar.app.cli.rt.words import said_compiling

__all__ = ["EXAMPLES", "train"]

EXAMPLES = examples(
    "errorbar rt train lib209_cap100_rt_prod.csv --chemistry chem.csv --out pool",
    "errorbar rt train rt.csv --group-col species_cluster --out supercategory",
    "errorbar rt train rt.csv --group-col species --intercept-mode explicit "
    "--intercept-prior comp_hier_supercat --slope-head-mode cluster_supercat",
    "errorbar rt train rt.csv --run-effect --freedom learned --noise compound",
    "errorbar rt train rt.csv --exclude-pairs-frac 0.1 --max-groups 5000 --seed 7",
)
MOST_SCALES = 14


def train(
    data: Annotated[Path, typer.Argument(help="A table of peaks, CSV or Parquet.")],
    out: Annotated[Path, typer.Option(help="Folder of the model and its files.")] = Path(
        "rt_model"
    ),
    model: Annotated[
        str | None,
        typer.Option(
            help="hierarchy, or a model to beat: ridge, sklearn, fast-ridge, lasso, means.",
            show_default="hierarchy; ridge where --group-col stands alone, as in CompAssign",
        ),
    ] = None,
    method: Annotated[
        str,
        typer.Option(
            help="exact; integrated: averaged over the scales; or PyMC's advi, nuts, map."
        ),
    ] = "exact",
    group_col: Annotated[
        str | None,
        typer.Option(
            help="species or species_cluster.",
            show_default="species; species_cluster for a ridge",
        ),
    ] = None,
    intercept_mode: Annotated[
        str | None, typer.Option(help="collapsed (flat) or explicit (pooled).")
    ] = None,
    intercept_prior: Annotated[str | None, typer.Option(help="flat or comp_hier_supercat.")] = None,
    slope_head_mode: Annotated[
        str | None, typer.Option(help="none or cluster_supercat.", show_default="cluster_supercat")
    ] = None,
    lambda_slopes: Annotated[
        str | None,
        typer.Option(
            help="Penalty of the slopes: learned, reference (3e-4) or a number.",
            show_default="learned; reference where it cannot be",
        ),
    ] = None,
    penalty_by: Annotated[
        str | None,
        typer.Option(help="One penalty for all, or for each feature or supercategory."),
    ] = None,
    slope_variance: Annotated[
        str | None, typer.Option(help="tied to the noise, or free.", show_default="tied")
    ] = None,
    noise: Annotated[
        str | None, typer.Option(help="shared, or each compound's own.", show_default="shared")
    ] = None,
    run_effect: Annotated[
        bool, typer.Option("--run-effect", help="Each run shifts all its times.")
    ] = False,
    freedom: Annotated[
        str | None,
        typer.Option(
            help="Heavy tails: normal, learned, or degrees of freedom.", show_default="normal"
        ),
    ] = None,
    head_dims: Annotated[
        int | None, typer.Option(help="Descriptors with weights of each species' own.", min=0)
    ] = None,
    head_level: Annotated[
        str | None, typer.Option(help="Those weights are of: species, cluster or both.")
    ] = None,
    gate_rank: Annotated[
        int | None, typer.Option(help="Directions of drift gated by chemistry.", min=0)
    ] = None,
    stretch: Annotated[
        bool,
        typer.Option("--stretch", help="A species stretches all offsets by a factor of its own."),
    ] = False,
    classes: Annotated[
        bool, typer.Option("--classes", help="A level of compound classes.")
    ] = False,
    compound_slopes: Annotated[
        bool, typer.Option("--compound-slopes", help="A response of each compound's own.")
    ] = False,
    theta: Annotated[
        str | None, typer.Option(help="Width of descriptors' weights: learned or unit.")
    ] = None,
    replicates: Annotated[
        str | None, typer.Option(help="Peaks of a pair in one run: merged or separate.")
    ] = None,
    priors: Annotated[
        str | None, typer.Option(help="Of the scales: data or reference.", show_default="data")
    ] = None,
    floor: Annotated[
        float | None,
        typer.Option(help="Least sd of noise, minutes; by itself from the steps of the times."),
    ] = None,
    widen: Annotated[
        bool, typer.Option(help="Measure how much wider far runs' intervals must be.")
    ] = True,
    chemistry: Annotated[
        Path | None, typer.Option(help="Descriptors of compounds: comp_id and numbers.")
    ] = None,
    chemistry_dims: Annotated[
        int | None, typer.Option(help="Principal components to take of them.", min=1)
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(
            help="Covariates by name, with commas; '' for none.", show_default="all IS and RS"
        ),
    ] = None,
    poly2: Annotated[bool, typer.Option("--poly2", help="Their squares and products too.")] = False,
    include_rs: Annotated[bool, typer.Option(help="RS columns are covariates.")] = True,
    include_es_all: Annotated[
        bool, typer.Option("--include-es-all", help="ES_ columns are covariates too.")
    ] = False,
    unit: Unit = "minutes",
    drop_missing: Annotated[
        bool, typer.Option("--drop-missing", help="Leave out rows without a time.")
    ] = False,
    exclude_pairs_frac: Annotated[
        float, typer.Option(help="Share of pairs to hold out, by hash.")
    ] = 0.0,
    exclude_pairs_seed: Annotated[int, typer.Option(help="Which pairs.")] = 42,
    exclude_chems_frac: Annotated[
        float, typer.Option(help="Share of chemicals to hold out, by hash.")
    ] = 0.0,
    exclude_chems_seed: Annotated[int, typer.Option(help="Which chemicals.")] = 42,
    exclude_clusters: Annotated[
        str, typer.Option(help="Supercategories to hold out, with commas.")
    ] = "",
    max_train_rows: Annotated[
        int | None, typer.Option(help="Rows to train with, by lot.", min=1)
    ] = None,
    max_groups: Annotated[
        int | None, typer.Option(help="Groups to train with, by lot.", min=1)
    ] = None,
    stream: Stream = None,
    steps: Annotated[
        int | None, typer.Option(help="advi: steps.", min=10, show_default="10000")
    ] = None,
    draws: Annotated[
        int | None,
        typer.Option(help="advi, nuts, integrated: draws.", min=1, show_default="50; 1000; 600"),
    ] = None,
    tune: Annotated[
        int | None, typer.Option(help="nuts: steps of adaptation.", min=1, show_default="500")
    ] = None,
    chains: Annotated[
        int | None, typer.Option(help="nuts: chains.", min=1, show_default="4")
    ] = None,
    seed: Subset = 42,
    as_json: Json = False,
) -> None:
    """Fit a model of retention times to a table of peaks."""
    from errorbar.app.verbs import rt_train

    given = settings()
    said_compiling()
    found = rt_train(
        given.found(data), out=out, model=model, method=method, group_col=group_col,
        intercept_mode=intercept_mode, intercept_prior=intercept_prior,
        slope_head_mode=slope_head_mode, lambda_slopes=lambda_slopes, penalty_by=penalty_by,
        slope_variance=slope_variance, noise=noise, run_effect=run_effect,
        freedom=_freedom(freedom), head_dims=head_dims, head_level=head_level,
        gate_rank=gate_rank, stretch=stretch, classes=classes,
        compound_slopes=compound_slopes, theta=theta,
        replicates=replicates, priors=priors, floor=floor, widen=widen, chemistry=chemistry,
        chemistry_dims=chemistry_dims, features=None if features is None else listed(features),
        poly2=poly2, include_rs=include_rs, include_es_all=include_es_all, unit=unit,
        drop_missing=drop_missing, exclude_pairs_frac=exclude_pairs_frac,
        exclude_pairs_seed=exclude_pairs_seed, exclude_chems_frac=exclude_chems_frac,
        exclude_chems_seed=exclude_chems_seed,
        exclude_clusters=whole_numbers("--exclude-clusters")(exclude_clusters),
        max_train_rows=max_train_rows, max_groups=max_groups, stream=stream, steps=steps,
        draws=draws, tune=tune, chains=chains, seed=seed, progress=given.progress,
    )  # fmt: skip
    if as_json:
        print_json(found)
        return
    say_notes(found.notes)
    scales = [(name, value) for name, value in found.scales.items() if "[" not in name]
    if scales:
        show_table(
            f"scales found ({len(found.scales)} in all, {found.unit}; penalties have no unit)"
            if len(found.scales) > len(scales)
            else f"scales found ({found.unit}; penalties have no unit)",
            ("scale", "value"),
            scales[:MOST_SCALES],
        )
    for name, value in found.diagnostics.items():
        say(f"{name}: {value:.4g}")
    steps_done = f", {found.evaluations} evaluations" if found.evaluations > 1 else ""
    say(
        f"{found.kind} ({found.method}): {found.rows} rows, {found.groups} groups of "
        f"{found.group_col} and compound, {found.features} covariates; "
        f"{found.seconds:.2g} s{steps_done}"
    )
    say(f"model: {found.model}")
    if found.exported is not None:
        say(f"CompAssign's files: {found.exported}")
    if found.held_out is not None:
        say(f"held out: {found.held_out}")


def _freedom(text: str | None) -> float | str | None:
    """Degrees of freedom, or the word for them."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text
