"""`errorbar rt synth`."""

from pathlib import Path
from typing import Annotated

import typer

from errorbar.app.cli.group import examples, print_json, say
from errorbar.app.cli.options import Json, Seed

__all__ = ["EXAMPLES", "synth"]

EXAMPLES = examples(
    "errorbar rt synth --small",
    "errorbar rt synth --test-share 0.5 --seed 7 --out tables",
)


def synth(
    small: Annotated[
        bool, typer.Option("--small", help="1,600 rows instead of 23 thousand.")
    ] = False,
    test_share: Annotated[float, typer.Option(help="Share of runs to test with.")] = 0.3,
    seed: Seed = 42,
    out: Annotated[Path, typer.Option(help="Folder of the tables.")] = Path("rt_synth"),
    as_json: Json = False,
) -> None:
    """Make tables of peaks to try the other commands on."""
    from errorbar.app.verbs import rt_synth

    made = rt_synth(out, small=small, test_share=test_share, seed=seed)
    if as_json:
        print_json(made)
        return
    say(f"{made.rows} peaks to train with in {made.train}, {made.test_rows} of other runs in")
    say(f"{made.test}; descriptors of the compounds in {made.chemistry}")
    say(f"one run's question: {made.standards} and {made.compounds}")
    say(f"now try: errorbar rt train {made.train} --chemistry {made.chemistry} --out model")
