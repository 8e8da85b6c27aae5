"""`errorbar rt study …`: experiments whose answer is a report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from errorbar.app.cli.group import examples, new_group, print_json, say, show_table
from errorbar.app.cli.options import Json, listed, settings, whole_numbers
from errorbar.app.cli.rt.options import say_notes

if TYPE_CHECKING:
    from errorbar.app.verbs import StudyAnswer

__all__ = ["app"]

app = new_group("Experiments: runs far from training, tails of small support, rare pairs.")

Workers = Annotated[int, typer.Option(help="Processes.", min=1)]
Out = Annotated[Path, typer.Option(help="Folder of tables, figures and page.")]
Table = Annotated[
    Path | None, typer.Argument(help="A table of peaks.", show_default="made for the study")
]
Chemistry = Annotated[Path | None, typer.Option(help="Descriptors of the table's compounds.")]
MOST = 24


@app.command(
    epilog=examples(
        "errorbar rt study shift",
        "errorbar rt study shift --seeds 42,43 --fit quick --clusters-by run --out quick",
    )
)
def shift(
    seeds: Annotated[str, typer.Option(help="Replicates, with commas.")] = "42,43,44,45,46",
    anchors: Annotated[str, typer.Option(help="Known compounds of a test run.")] = "0,3,5",
    species: Annotated[int, typer.Option(help="Species.", min=2)] = 20,
    compounds: Annotated[int, typer.Option(help="Compounds.", min=2)] = 60,
    runs_per_species: Annotated[int, typer.Option(help="Runs of a species.", min=1)] = 8,
    fixed_runs_per_species_compound: Annotated[
        int, typer.Option(help="Peaks of each pair (K).", min=1)
    ] = 10,
    species_gamma_sd: Annotated[
        float, typer.Option(help="How much species differ in their slopes.")
    ] = 0.1,
    descriptors: Annotated[bool, typer.Option(help="The hierarchy knows descriptors.")] = True,
    clusters_by: Annotated[
        str, typer.Option(help="Clusters are inferred by species, or by run and majority.")
    ] = "species",
    clusters: Annotated[
        int | None, typer.Option(help="How many.", show_default="as the generator has")
    ] = None,
    fit: Annotated[
        str,
        typer.Option(
            help="full: slopes of compounds and classes too, whichever training finds likelier; "
            "quick: run effects alone, in a fraction of the time."
        ),
    ] = "full",
    workers: Workers = 1,
    out: Out = Path("rt_shift"),
    as_json: Json = False,
) -> None:
    """Ask how models predict runs that have drifted away from training."""
    from errorbar.app.verbs import rt_study_shift

    found = rt_study_shift(
        seeds=whole_numbers("--seeds")(seeds), anchors=whole_numbers("--anchors")(anchors),
        species=species, compounds=compounds, runs_per_species=runs_per_species,
        fixed_runs_per_species_compound=fixed_runs_per_species_compound,
        species_gamma_sd=species_gamma_sd, descriptors=descriptors, clusters_by=clusters_by,
        clusters=clusters, fit=fit, workers=workers, out=out, progress=settings().progress,
    )  # fmt: skip
    _tell(found, ("bins", "gains", "anchoring", "targets"), as_json)


@app.command(
    epilog=examples(
        "errorbar rt study tails",
        "errorbar rt study tails train.csv --test realtest.csv --chemistry chem.csv",
    )
)
def tails(
    data: Table = None,
    test: Annotated[
        Path | None, typer.Option(help="A table to test with.", show_default="some of its runs")
    ] = None,
    chemistry: Chemistry = None,
    cap: Annotated[int | None, typer.Option(help="Most training rows of a pair.", min=1)] = None,
    lambda_slopes: Annotated[float, typer.Option(help="Penalty of the two ridges.")] = 3e-4,
    test_share: Annotated[float, typer.Option(help="Share of runs to test with.")] = 0.3,
    seed: Annotated[int, typer.Option(help="Which runs, and the made table.", min=0)] = 0,
    workers: Workers = 1,
    out: Out = Path("rt_tails"),
    as_json: Json = False,
) -> None:
    """Compare grouping by supercategory, by species, and pooling, where support is small."""
    from errorbar.app.verbs import rt_study_tails

    found = rt_study_tails(
        data, test=test, chemistry=chemistry, cap=cap, lambda_slopes=lambda_slopes,
        test_share=test_share, seed=seed, workers=workers, out=out, progress=settings().progress,
    )  # fmt: skip
    _tell(found, ("tails", "costs"), as_json)


@app.command(
    epilog=examples(
        "errorbar rt study rare",
        "errorbar rt study rare train.csv --chemistry chem.csv --head-dims 4 --seeds 0,1,2,3",
    )
)
def rare(
    data: Table = None,
    chemistry: Chemistry = None,
    seeds: Annotated[str, typer.Option(help="Replicates, with commas.")] = "0,1,2",
    most: Annotated[int, typer.Option(help="Training rows of a rare pair at most.", min=0)] = 2,
    head_dims: Annotated[str, typer.Option(help="Sizes of heads to try.")] = "4,8",
    levels: Annotated[
        str, typer.Option(help="Whose the heads are: species, cluster, both.")
    ] = "species,cluster,both",
    gate_ranks: Annotated[str, typer.Option(help="Ranks of gated slopes to try.")] = "1",
    workers: Workers = 1,
    out: Out = Path("rt_rare"),
    as_json: Json = False,
) -> None:
    """Ask whether species × chemistry heads are worth it on rare pairs: adopt, or do not."""
    from errorbar.app.verbs import rt_study_rare

    found = rt_study_rare(
        data, chemistry=chemistry, seeds=whole_numbers("--seeds")(seeds), most=most,
        head_dims=whole_numbers("--head-dims")(head_dims), levels=listed(levels),
        gate_ranks=whole_numbers("--gate-ranks")(gate_ranks), workers=workers, out=out,
        progress=settings().progress,
    )  # fmt: skip
    _tell(found, ("gains",), as_json)


def _tell(found: "StudyAnswer", shown: tuple[str, ...], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    say_notes(found.notes)
    for name in shown:
        frame = found.tables[name]
        if not frame.is_empty():
            show_table(name, frame.columns, frame.head(MOST).rows())
    for verdict in found.verdicts:
        say(verdict)
    say(f"read first: {found.page}")
