"""Settings: the command line beats the environment, the environment beats the file."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from errorbar.app.settings import read_settings
from errorbar.core.errors import SettingsError


@pytest.fixture(autouse=True)
def an_empty_desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("ENGINE", "WORKERS", "DATA", "RESULTS", "PROGRESS"):
        monkeypatch.delenv(f"ERRORBAR_{name}", raising=False)


def test_without_a_file_or_variables_there_are_defaults():
    settings = read_settings()
    assert settings.results == Path("results")
    assert settings.engine is None


def test_the_environment_beats_the_file(monkeypatch):
    Path("errorbar.toml").write_text('engine = "processes"\nworkers = 3\nprogress = false\n')
    monkeypatch.setenv("ERRORBAR_WORKERS", "5")
    settings = read_settings()
    assert (settings.engine, settings.workers, settings.progress) == ("processes", 5, False)


def test_settings_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        read_settings().workers = 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("workers = 0", "the setting workers=0 is not possible: Input should be greater"),
        ("wrokers = 2", "the setting wrokers=2 .* the settings are engine, workers, data"),
        ("workers", r"errorbar\.toml cannot be read"),
    ],
)
def test_a_wrong_file_is_said(text, told):
    Path("errorbar.toml").write_text(text)
    with pytest.raises(SettingsError, match=told):
        read_settings()


def test_a_wrong_variable_is_said(monkeypatch):
    monkeypatch.setenv("ERRORBAR_WORKERS", "many")
    with pytest.raises(
        SettingsError, match="workers='many' .* from errorbar.toml or from ERRORBAR_"
    ):
        read_settings()


def test_tables_are_looked_for_in_the_data_folder(tmp_path, monkeypatch):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "planets.csv").touch()
    monkeypatch.setenv("ERRORBAR_DATA", "tables")
    assert read_settings().found(Path("planets.csv")) == Path("tables/planets.csv")
    assert read_settings().found(Path("absent.csv")) == Path("absent.csv")
    Path("planets.csv").touch()
    assert read_settings().found(Path("planets.csv")) == Path("planets.csv")
