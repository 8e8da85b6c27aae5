"""`errorbar hmf rvs`."""

from pathlib import Path
from typing import Annotated

import typer

from errorbar.app.cli.group import examples, print_json, say, show_table
from errorbar.app.cli.options import Json, numbers, settings, whole_numbers

__all__ = ["EXAMPLES", "rvs"]

EXAMPLES = examples(
    "errorbar hmf rvs --generate 6000 --out example",
    "errorbar hmf rvs --spectra spectra.h5 --metadata gaia_source.csv --out rvs",
    "errorbar hmf rvs --spectra a.csv.gz --spectra b.csv.gz --metadata stars.csv --bin 7",
    "errorbar hmf rvs --spectra s.h5 --metadata m.csv --bins bins.csv --ranks 5,10 --scales 3,5",
)
SHOWN = 15


def rvs(
    spectra: Annotated[
        list[Path] | None,
        typer.Option(help="HDF5 file, or CSV of the archive; again for more.", show_default=False),
    ] = None,
    metadata: Annotated[
        list[Path] | None,
        typer.Option(help="CSV of the archive's source table; again for more.", show_default=False),
    ] = None,
    generate: Annotated[
        int | None, typer.Option(help="Make files of so many stars, and study those.", min=100)
    ] = None,
    bins: Annotated[
        Path | None,
        typer.Option(help="Table of ellipses, CSV.", show_default="14 along the main sequence"),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--bin", help="Bin to do now; again for more.", show_default="all"),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with a section \\[study].", show_default=False)
    ] = None,
    ranks: Annotated[
        str | None, typer.Option(help="Ranks of the grid, commas between.", show_default="5,10")
    ] = None,
    scales: Annotated[
        str | None, typer.Option(help="Scales of the grid, commas between.", show_default="3,5")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Everything random comes from this number.", min=0, show_default="0"),
    ] = None,
    figures: Annotated[bool, typer.Option(help="Draw figures.")] = True,
    residual_map: Annotated[
        bool,
        typer.Option("--map/--no-map", help="Map residuals by UMAP, which takes a minute."),
    ] = True,
    workers: Annotated[
        int | None, typer.Option(help="Threads.", min=1, show_default="all processors")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of everything.")] = Path("rvs"),
    as_json: Json = False,
) -> None:
    """Find odd spectra of Gaia's RVS in bins of the HR diagram, each by its own grid of models."""
    from errorbar.app.verbs import hmf_rvs

    given = settings()
    found = hmf_rvs(
        [given.found(path) for path in spectra or ()],
        [given.found(path) for path in metadata or ()],
        generate=generate,
        bins=None if bins is None else given.found(bins),
        only=only or None,
        config=config,
        ranks=None if ranks is None else whole_numbers("--ranks")(ranks),
        scales=numbers("--scales", scales),
        seed=seed,
        figures=figures,
        residual_map=residual_map,
        workers=given.workers if workers is None else workers,
        progress=given.progress,
        tell=lambda text: say(text, error=True),
        out=out,
    )
    if as_json:
        print_json(found)
        return
    show_table(
        f"{found.stars:,} stars with a place, {found.odd} of them odd",
        ("bin", "stars", "alone", "rank", "scale", "std z", "odd stars", "columns", "features"),
        found.bins.select(
            "bin", "stars", "alone", "rank", "scale", "std_z", "objects", "columns", "features"
        ).rows(),
    )
    show_table(
        "the oddest",
        ("source", "significance", "bins", "reason"),
        [(id, strength, " ".join(each), why)
         for id, strength, each, why in found.oddest.head(SHOWN).iter_rows()],
    )  # fmt: skip
    for note in found.notes:
        say(f"note: {note}")
    say(f"everything: {found.out}")
