"""Messages of the library, in words of the command line."""

import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from errorbar.app.cli.group import in_options, new_group
from errorbar.core.errors import SettingsError
from tests.app.test_commands import run
from tests.app.test_rt_predict import run_table

TOLD = {
    "Say unit='seconds' to divide.": "Say --unit seconds to divide.",
    "say drop_missing=True.": "say --drop-missing.",
    "say widen=False, or rows=5": "say --no-widen, or rows=5",
    "say fill=False": "say no --fill",
    "level=1.5 must lie": "--level 1.5 must lie",
    "name them with features=[...], or say features=[] for none": (
        "name them with --features, or say --features '' for none"
    ),
    "a table (standards=...).": "a table (--standards).",
    "x = 3, y==4 and nothing": "x = 3, y==4 and nothing",
}


@pytest.mark.parametrize("text", TOLD)
def test_arguments_are_told_as_options(text):
    app = new_group("A group.")

    @app.command()
    def one(
        unit: str = "", drop_missing: bool = typer.Option(False, "--drop-missing"),
        widen: bool = True, fill: bool = typer.Option(False, "--fill"), level: float = 0.5,
        features: str = "", standards: str = "",
    ):  # fmt: skip
        raise SettingsError(text)

    @app.command()
    def other():
        pass

    told = CliRunner().invoke(app, ["one"])
    assert told.exit_code == 2
    assert told.stderr == f"errorbar: {TOLD[text]}\n"


def test_without_a_command_line_nothing_is_changed():
    assert in_options("say unit='seconds'") == "say unit='seconds'"


def test_a_real_mistake_names_a_real_option(tmp_path):
    run_table(8).with_columns(pl.col("rt") * 60).write_csv(tmp_path / "t.csv")
    told = run(
        "rt",
        "prepare",
        "runs",
        tmp_path / "t.csv",
        "--run",
        "file",
        "--compound",
        "feature",
        "--standard",
        "istd",
        "--kind",
        "kind",
        "--out",
        tmp_path / "o",
    )
    assert told.exit_code == 2
    assert "Say --unit seconds to have them divided by 60" in told.stderr
