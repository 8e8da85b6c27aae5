"""The command line as a whole: every command teaches, has a twin in Python and a page."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import errorbar
from errorbar.app import verbs
from errorbar.app.cli import app
from errorbar.app.cli.group import new_group, print_json, show_table
from errorbar.core.errors import EngineError, FitError, MissingExtraError, SettingsError

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"


def leaves(command, path=()):
    if hasattr(command, "commands"):
        for name, part in command.commands.items():
            yield from leaves(part, (*path, name))
    else:
        yield path, command


COMMANDS = dict(leaves(typer.main.get_command(app)))
NAMED = pytest.mark.parametrize("path", COMMANDS, ids=" ".join)


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@NAMED
def test_every_command_says_what_it_does_and_shows_examples(path):
    told = run(*path, "--help")
    assert told.exit_code == 0
    assert COMMANDS[path].help.endswith(".")
    assert f"errorbar {' '.join(path)}" in told.output
    assert "Examples" in told.output


@NAMED
def test_every_example_can_be_typed_as_it_stands(path):
    title, *lines = COMMANDS[path].epilog.splitlines()
    assert lines
    for line in lines:
        words = shlex.split(line)
        assert words[: len(path) + 1] == ["errorbar", *path]
        with COMMANDS[path].make_context(line, words[len(path) + 1 :]):
            pass


@NAMED
def test_every_command_has_a_twin_in_python(path):
    twin = getattr(verbs, "_".join(path))
    assert twin.__name__ in verbs.__all__
    assert twin.__doc__


@NAMED
def test_every_option_has_help_and_stands_on_the_page(path):
    page = PAGE.read_text(encoding="utf-8")
    (part,) = re.findall(rf"^## `errorbar {' '.join(path)}`\n(.*?)(?=^## |\Z)", page, re.M | re.S)
    for option in COMMANDS[path].params:
        if option.name == "help":
            continue
        assert option.help, option.name
        name = option.opts[0] if option.opts[0].startswith("-") else option.name.upper()
        assert f"`{name}" in part, f"{name} of {' '.join(path)} is not on the page"
    assert f"verbs.{'_'.join(path)}" in part


def test_the_version_is_told():
    assert run("--version").output == f"errorbar {errorbar.__version__}\n"


def test_no_command_shows_the_help():
    told = run("survey")
    assert "Usage" in told.output
    assert told.exit_code == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SettingsError("seed [bold] is wrong"), 2),
        (MissingExtraError("pymc", "nuts"), 2),
        (EngineError("piece 3 failed"), 1),
        (FitError("no answer"), 1),
        (KeyboardInterrupt(), 130),
        (PermissionError(13, "Permission denied", "results"), 2),
        (FileExistsError(17, "File exists", "results"), 2),
        (MemoryError(), 1),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(error, code):
    group = new_group("A group for this test.")

    @group.command()
    def fail() -> None:
        raise error

    @group.command()
    def other() -> None:
        pass

    told = CliRunner().invoke(group, ["fail"])
    assert told.exit_code == code
    assert told.stdout == ""
    assert told.stderr.startswith("errorbar: ")
    assert told.stderr.count("\n") == 1
    if not isinstance(error, KeyboardInterrupt | OSError | MemoryError):
        assert str(error) in told.stderr


def test_an_error_of_ours_keeps_its_traceback():
    group = new_group("A group for this test.")

    @group.command()
    def fail() -> None:
        raise ZeroDivisionError

    @group.command()
    def other() -> None:
        pass

    assert isinstance(CliRunner().invoke(group, ["fail"]).exception, ZeroDivisionError)


def test_json_has_null_where_there_is_no_number(capsys):
    print_json({"path": Path("a/b"), "values": (1.0, float("nan"), float("inf")), "n": None})
    told = json.loads(capsys.readouterr().out)
    assert told == {"path": "a/b", "values": [1.0, None, None], "n": None}


def test_the_title_of_a_narrow_table_is_one_line(capsys):
    title = "a title that is much wider than the table which it stands above [and no markup]"
    show_table(title, ("k", "x"), [(1, 0.123456), (2, None)])
    told = capsys.readouterr().out
    assert told.splitlines()[0] == title
    assert "0.1235" in told


def test_help_is_quick_and_loads_nothing_heavy():
    program = (
        "import sys\n"
        "from errorbar.app.cli import app\n"
        "sys.argv = ['errorbar', '--help']\n"
        "try:\n    app()\n"
        "except SystemExit:\n    pass\n"
        "print(*sys.modules, file=sys.stderr)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    heavy = {"numpy", "polars", "scipy", "numba", "dask", "matplotlib", "pandas", "pydantic", "jax"}
    assert not heavy & set(answer.stderr.split())
