"""`errorbar survey run` and `errorbar survey report`: the main job, killed, resumed, shared."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from errorbar.app.verbs import survey_report, survey_run, survey_synth
from errorbar.app.verbs.drawn import draw_again
from errorbar.app.verbs.folder import ResultsFolder
from errorbar.core.errors import SettingsError, TableError
from tests.app.test_commands import run

SMALL = ("--n", "10,20", "--reps", 3, "--no-figures")
TABLES = ("hermes_met_fits", "hermes_massclass_fits", "hermes_mass_star_fits")
ALL_MODELS = ("--model", "joint,single,mass-star")
# Long enough to be stopped in the middle: pieces of 20 surveys.
LONG = ("--n", "10,15,20", "--reps", "20", "--no-figures")
COMMAND = [sys.executable, "-c", "from errorbar.app.cli import main; main()", "survey", "run"]


@pytest.fixture(autouse=True)
def an_empty_desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def bytes_of(folder):
    """The tables of a run, and whatever else a second run must write again unchanged."""
    return {
        path.name: path.read_bytes()
        for path in sorted(Path(folder).iterdir())
        if path.suffix in (".csv", ".parquet", ".json")
    }


def test_without_a_catalogue_the_reference_job_is_done_on_a_synthetic_one():
    told = run("survey", "run", *SMALL)
    assert told.exit_code == 0, told.stderr
    assert "synthetic, made for this run" in told.stdout
    for stem, parameter in (("hermes_met_fits", "rho_mean"), ("hermes_massclass_fits", "beta_sd")):
        table = pl.read_csv(f"results/{stem}.csv")
        assert table.columns[:5] == ["survey_id", "class_label", "N", "L_met", "L_logM"]
        assert table.height == 4 * 2 * 3
        assert parameter in table.columns
        assert pl.read_parquet(f"results/{stem}.parquet").height == table.height
    assert not Path("results/hermes_mass_star_fits.csv").exists()
    assert not Path("results/journal").exists()


def test_the_catalogue_made_for_a_run_gives_the_same_run_when_it_is_named():
    run("survey", "run", *SMALL, "--out", "made")
    run("survey", "run", "made/hermes_synthetic_data.csv", *SMALL, "--out", "named")
    made, named = bytes_of("made"), bytes_of("named")
    assert {name: made[name] for name in named if "fits" in name} == {
        name: block for name, block in named.items() if "fits" in name
    }


def test_the_twin_writes_the_same_bytes():
    run("survey", "run", *SMALL, *ALL_MODELS, "--intercept", "flat", "--seed", 3, "--out", "a")
    files = survey_run(
        models=("joint", "single", "mass-star"),
        n=(10, 20),
        reps=3,
        intercept="flat",
        seed=3,
        out="b",
        figures=False,
    )
    assert bytes_of("a") == bytes_of("b")
    assert set(files.tables) == {"joint", "single", "mass-star"}
    assert files.surveys == 24


def test_models_may_be_listed_or_the_option_repeated():
    run("survey", "run", *SMALL, "--model", "single", "--model", "mass-star", "--out", "a")
    run("survey", "run", *SMALL, "--model", "single,mass-star", "--out", "b")
    assert bytes_of("a") == bytes_of("b")


def test_json_tells_where_everything_is():
    told = run("survey", "run", *SMALL, "--json")
    answer = json.loads(told.stdout)
    assert answer["surveys"] == 24
    assert answer["report"] is None
    assert answer["tables"]["joint"][0] == "results/hermes_met_fits.csv"


def test_what_was_left_out_is_said():
    survey_synth("dataset", n=60)
    told = run("survey", "run", "dataset/hermes_synthetic_data.csv", *SMALL[2:], "--n", "10,40")
    assert "S4: 40 planets wanted, 15 in the class" in told.stdout


def test_settings_stand_in_for_options(monkeypatch):
    Path("errorbar.toml").write_text('results = "elsewhere"\nengine = "processes"\nworkers = 1\n')
    told = run("survey", "run", *SMALL, "--model", "single")
    assert told.exit_code == 0
    assert Path("elsewhere/hermes_massclass_fits.csv").exists()
    monkeypatch.setenv("ERRORBAR_ENGINE", "greenlets")
    told = run("survey", "run", *SMALL, "--model", "single")
    assert (told.exit_code, "'greenlets' is not a way to run" in told.stderr) == (2, True)


def started(*options):
    """A run in its own process, when its first piece is done."""
    process = subprocess.Popen([*COMMAND, *options], stderr=subprocess.PIPE, text=True)
    while not list(Path().rglob("journal/**/piece-*.safetensors")):
        assert process.poll() is None, "the run ended before it could be stopped"
        time.sleep(0.002)
    return process


@pytest.mark.parametrize(
    ("models", "delay"),
    [
        ("joint", 0.0),
        *(
            pytest.param("joint,single,mass-star", delay, marks=pytest.mark.slow)
            for delay in (0.0, 0.12, 0.3, 0.6)
        ),
    ],
)
def test_a_killed_run_goes_on_to_the_same_tables(models, delay):
    options = ["--model", models, *LONG]
    process = started(*options, "--out", "killed")
    time.sleep(delay)
    process.kill()
    process.communicate()
    journal = Path("killed/journal")
    assert list(journal.rglob("piece-*.safetensors"))
    assert not Path("killed/run.json").exists()
    resumed = run("survey", "run", *options, "--out", "killed")
    assert resumed.exit_code == 0, resumed.stderr
    run("survey", "run", *options, "--out", "whole")
    assert bytes_of("killed") == bytes_of("whole")
    assert not journal.exists()


def test_an_interrupted_run_leaves_with_130_and_goes_on():
    options = ["--model", "joint", *LONG]
    process = started(*options)
    process.send_signal(2)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert told == "errorbar: interrupted.\n"
    assert run("survey", "run", *options).exit_code == 0


def test_what_another_run_left_is_refused_until_it_is_given_up():
    options = ["--model", "joint", *LONG]
    process = started(*options)
    process.kill()
    process.communicate()
    other = run("survey", "run", *options, "--slope", "sd")
    assert other.exit_code == 1
    assert "belongs to another job" in other.stderr
    assert "delete the journal" in other.stderr
    assert "Traceback" not in other.stderr
    again = run("survey", "run", *options, "--slope", "sd", "--no-resume")
    assert again.exit_code == 0, again.stderr
    assert pl.read_csv("results/hermes_met_fits.csv")["prior"].unique().to_list() == [
        "intercept=reference, slope=sd"
    ]


def test_a_cluster_of_two_worker_processes_gives_the_same_tables():
    distributed = pytest.importorskip("distributed")
    options = [*ALL_MODELS, *SMALL]
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as cluster:
        address = cluster.scheduler_address
        told = run("survey", "run", *options, "--engine", address, "--out", "cluster")
    assert told.exit_code == 0, told.stderr
    run("survey", "run", *options, "--engine", "threads", "--out", "threads")
    assert bytes_of("cluster") == bytes_of("threads")


@pytest.mark.parametrize(
    ("models", "sizes"),
    [("single", "10"), pytest.param("joint,mass-star", "10,20", marks=pytest.mark.slow)],
)
def test_a_run_with_figures_ends_in_a_report_that_can_be_made_again(models, sizes):
    told = run("survey", "run", "--n", sizes, "--reps", 3, "--model", models)
    assert told.exit_code == 0, told.stderr
    assert "read first: results/report.html" in told.stdout
    page = Path("results/report.html").read_bytes()
    drawn = {path.name for path in Path("results/figures").iterdir()}
    assert {path.suffix for path in Path("results/figures").iterdir()} == {".pdf", ".png"}
    assert "design_space_N_with_L_contours.pdf" in drawn
    assert run("survey", "report").exit_code == 0
    assert Path("results/report.html").read_bytes() == page


def test_the_reference_tables_alone_make_a_report():
    run("survey", "run", *SMALL, "--n", "10", "--model", "single")
    old = Path("old")
    old.mkdir()
    for stem in ("hermes_massclass_fits",):
        table = pl.read_csv(f"results/{stem}.csv")
        kept = [name for name in table.columns if re.search(r"^(survey_id|class_label|N|L_)", name)]
        kept += [name for name in table.columns if re.search(r"_(mean|sd|hdi16|hdi84)$", name)]
        table.select(name for name in kept if "pivot" not in name).write_csv(old / f"{stem}.csv")
    told = run("survey", "report", "old", "--out", "redrawn", "--json")
    assert told.exit_code == 0, told.stderr
    answer = json.loads(told.stdout)
    assert answer["surveys"] == 0
    assert Path("redrawn/report.html").exists()
    assert len(answer["figures"]) == 5
    assert not Path("old/figures").exists()


def test_a_report_refuses_another_catalogue():
    run("survey", "run", *SMALL, "--model", "single")
    survey_synth("other", seed=8)
    with pytest.raises(TableError, match="is not the catalogue of this run"):
        survey_report("results", catalogue="other/hermes_synthetic_data.csv")
    with pytest.raises(TableError, match="is not there: give the one it had"):
        survey_report("results", catalogue="nowhere.csv")
    Path("results/run.json").write_text("{}")
    with pytest.raises(TableError, match="is not the record of a run"):
        survey_report("results")
    Path("results/run.json").unlink()
    with pytest.raises(TableError, match=r"no run\.json"):
        survey_report("results", catalogue="other/hermes_synthetic_data.csv")


def test_a_report_without_its_catalogue_says_what_is_left_out():
    run("survey", "run", *SMALL, "--n", "10", "--model", "single")
    catalogue = Path("results/hermes_synthetic_data.csv")
    catalogue.write_bytes(catalogue.read_bytes() + b"\n")
    folder = ResultsFolder(Path("results"))
    record = folder.read_record()
    changed = draw_again(record, folder, None)
    assert "has changed since" in changed.notes[0]
    assert changed.surveys == ()
    catalogue.unlink()
    told = run("survey", "report")
    assert told.exit_code == 0, told.stderr
    assert "Made without the surveys themselves" in told.stdout
    assert "is not there" in told.stdout
    page = Path("results/report.html").read_text(encoding="utf-8")
    assert "Made without the surveys themselves" in page
    assert "One survey from inside" not in page


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["nowhere.csv"], "nowhere.csv"),
        (["--model", "cubic"], "--model cubic"),
        (["--model", "single,single"], "name one twice"),
        (["--model", ","], "--model ''"),
        (["--method", "guess"], "--method guess"),
        (["--n", "10,many"], "--n 10,many must be whole numbers"),
        (["--n", "2"], "a survey of 2 planets"),
        (["--n", "9000"], "every class is smaller"),
        (["--reps", "0"], "--reps"),
        (["--classes", "S9"], "'S9'"),
        (["--intercept", "none"], "--intercept none"),
        (["--slope", "steep"], "--slope steep"),
        (["--level", "68"], "--level 68"),
        (["--engine", "greenlets"], "'greenlets' is not a way to run"),
        (["--engine", "tcp://127.0.0.1:1", "--workers", "2"], "a cluster has its own workers"),
        (["--method", "nuts", "--sampler", "stan"], "--sampler stan"),
    ],
)
def test_bad_input_is_said_and_leaves_with_2(options, told):
    answer = run("survey", "run", *SMALL, *options)
    assert answer.exit_code == 2, answer.output
    assert told in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_catalogue_that_cannot_be_used_is_said():
    Path("planets.csv").write_text("logM,mass\n1,2\n")
    answer = run("survey", "run", "planets.csv", *SMALL)
    assert answer.exit_code == 2
    assert "log(X_H2O)" in answer.stderr
    assert run("survey", "report", "nowhere").exit_code == 2


def test_no_model_is_refused():
    with pytest.raises(SettingsError, match="model='' is not one"):
        survey_run(models=(), out="results", figures=False)
