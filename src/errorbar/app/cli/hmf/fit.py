"""`errorbar hmf fit`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from errorbar.app.cli.group import examples, print_json, say, show_table
from errorbar.app.cli.hmf.options import Mean, Nonnegative, Nu, Ridge, Single, Smooth, Start
from errorbar.app.cli.options import Blocks, Json, Seed, engine_and_workers, settings

__all__ = ["EXAMPLES", "fit"]

EXAMPLES = examples(
    "errorbar hmf fit spectra.h5",
    "errorbar hmf fit spectra.parquet --rank 10 --scale 5 --out bin7",
    "errorbar hmf fit spectra.npz --no-robust --mean --json",
    "errorbar hmf fit survey.zarr --blocks --engine tcp://10.0.0.5:8786 --out survey",
)


def fit(
    data: Annotated[
        Path, typer.Argument(help="Spectra: .npz, .npy, .h5, .zarr, .parquet or .fits.")
    ],
    rank: Annotated[int, typer.Option(help="Number of basis vectors.")] = 5,
    scale: Annotated[
        float, typer.Option(help="Scale of Student's t, in error bars: smaller is more robust.")
    ] = 3.0,
    nu: Nu = 1.0,
    robust: Annotated[bool, typer.Option(help="Student's t, or normal errors.")] = True,
    start: Start = "auto",
    starts: Annotated[int, typer.Option(help="Starts; the best goes on.", min=1)] = 1,
    method: Annotated[str, typer.Option(help="als, or sgd: gradients of minibatches.")] = "als",
    tol: Annotated[
        float | None,
        typer.Option(
            help="Stop when ten iterations lower the objective by a smaller share.",
            show_default="5e-5",
        ),
    ] = None,
    max_iter: Annotated[int, typer.Option(help="Iterations at most.")] = 1000,
    ridge: Ridge = 0.0,
    smooth: Smooth = 0.0,
    nonnegative: Nonnegative = False,
    mean: Mean = False,
    single: Single = False,
    seed: Seed = 0,
    blocks: Blocks = None,
    engine: Annotated[
        str | None,
        typer.Option(
            help="Where blocks are fitted: threads, processes, or a Dask address.",
            show_default="threads",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Threads or processes.", min=1, show_default="all processors"),
    ] = None,
    device: Annotated[
        Literal["auto", "cpu", "jax"],
        typer.Option(help="For data in memory: the processor, JAX's device, or the faster."),
    ] = "auto",
    resume: Annotated[
        bool, typer.Option(help="Go on with what a killed fit has left in --out.")
    ] = True,
    out: Annotated[Path, typer.Option(help="Folder for the model.")] = Path("hmf"),
    as_json: Json = False,
) -> None:
    """Fit a robust low-rank model to spectra, each pixel with its own error."""
    from errorbar.app.verbs import hmf_fit
    from errorbar.app.verbs.hmf.fit import KEPT

    given = settings()
    if blocks:
        engine, workers = engine_and_workers(given, engine, workers)
    elif workers is None:
        workers = given.workers
    try:
        found = hmf_fit(
            given.found(data),
            rank=rank,
            scale=scale,
            nu=nu,
            robust=robust,
            start=start,
            starts=starts,
            method=method,
            tol=tol,
            max_iter=max_iter,
            ridge=ridge,
            smooth=smooth,
            nonnegative=nonnegative,
            mean=mean,
            single=single,
            seed=seed,
            blocks=blocks,
            engine=engine,
            workers=workers,
            device=device,
            resume=resume,
            out=out,
            progress=given.progress,
        )
    except KeyboardInterrupt:
        kept = any((out / name).exists() for name in KEPT)
        goes = f"the same command goes on with what lies in {out}"
        say(goes if kept else "nothing was kept: the same command begins anew", error=True)
        raise
    if as_json:
        print_json(found)
        return
    for note in found.notes:
        say(f"note: {note}")
    if found.resumed:
        say(f"{found.resumed} of {found.iterations} iterations were there already")
    show_table(
        f"{found.rows} spectra of {found.pixels} pixels, {found.iterations} iterations",
        ("basis vector", "share of the signal"),
        [(k + 1, share) for k, share in enumerate(found.share)],
    )
    some = "" if found.scored == found.rows else f" ({found.scored} of {found.rows} spectra)"
    show_table(
        f"residuals in units of their errors{some}",
        ("score", "found", "if errors are right"),
        [(name, value, found.expected.get(name)) for name, value in found.scores.items()],
    )
    say(f"objective {found.objective:.8g}{'' if found.converged else ', still moving'}")
    say(f"model: {found.model}")
    if found.coefficients is not None:
        say(f"coefficients, block by block: {found.coefficients}")
    say(f"objective on the way: {found.losses}")
