"""The page for users of CompAssign: its commands and code run, its names exist."""

import contextlib
import pkgutil
import re
import shlex
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from errorbar.app.cli import app
from errorbar.rt import read_coefficients
from errorbar.rt.data import hold_out_runs, peaks_frame, read_peaks, write_peaks
from errorbar.rt.synth import ProductionSettings, production_table
from tests.public.test_readme import ROOT, python_blocks

PAGE = ROOT / "docs" / "rt" / "coming-from-compassign.md"
TEXT = PAGE.read_text(encoding="utf-8")
SMALL = ProductionSettings(
    species=6, supercategories=2, compounds=12, pairs=60, features=3, runs_per_species=16,
    support=6, descriptors=3,
)  # fmt: skip

# What CompAssign's description names.
FLAGS = (
    "--group-col", "--intercept-mode", "--intercept-prior", "--slope-head-mode", "--lambda-slopes",
    "--method", "--max-train-rows", "--max-groups", "--max-test-rows", "--include-es-all",
    "--exclude-pairs-frac", "--exclude-chems-frac", "--exclude-clusters",
    "--common-support-map-csv", "--pred-std-scale", "--interval", "--require-seen-group", "--cap",
    "--libs",
)  # fmt: skip
NAMES = (
    "Stage1CoeffSummaries", "models/stage1_coeff_summaries_posterior.npz",
    "models/partial_pool_backoff_summaries.npz", "config.json", "run_rt_prod.sh",
    "run_rt_prod_eval.sh", "plot_rt_multilevel.sh", "run_rt_multilevel_data_prep.sh",
    "check_rt_metadata_mapping.py", "eval_rt_coeff_summaries_by_support.py",
    "pymc_partial_pool_ridge.py", "pymc_supercategory_ridge.py", "ridge_stage1.py",
)  # fmt: skip


def blocks():
    return re.findall(r"^```(bash|python)\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


def rows():
    lines = [line for line in TEXT.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines]
    return [row for row in cells if row[0] != "CompAssign"]


def options():
    def leaves(command):
        if hasattr(command, "commands"):
            for part in command.commands.values():
                yield from leaves(part)
        else:
            yield command

    rt = typer.main.get_command(app).commands["rt"]
    return {name for command in leaves(rt) for option in command.params for name in option.opts}


def run(line):
    program, *words = shlex.split(line)
    assert program == "errorbar"
    told = CliRunner().invoke(app, words)
    assert told.exit_code == 0, f"{line}\n{told.output}"


def write_export(folder, peaks):
    """Two libraries in the layout of the export."""
    frame = peaks_frame(peaks).with_columns(sampleset_id=pl.col("species") + 100)
    meta = frame.select("sampleset_id", "species", "species_cluster").unique().sort(pl.all())
    for number in (208, 209):
        own = folder / f"lib{number}"
        (own / "cap100").mkdir(parents=True)
        (own / "species_mapping").mkdir()
        frame.write_csv(own / "cap100" / f"lib{number}_cap100_rt_prod.csv")
        meta.select(
            pl.col("sampleset_id").alias("sample_set_id"),
            pl.format("m{}", "species").alias("species_raw"),
            pl.format("g{}", "species_cluster").alias("species_group_raw"),
            "species",
            "species_cluster",
        ).write_csv(own / "species_mapping" / f"lib{number}_species_mapping.csv")


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compassign")
    peaks = production_table(SMALL, seed=2).peaks
    split = hold_out_runs(peaks, 0.3, seed=0)
    names = {}
    with contextlib.chdir(folder):
        write_export(Path("repo_export"), peaks)
        write_peaks("rt_prod.csv", peaks.select(split.train))
        write_peaks("realtest.csv", peaks.select(split.test))
        for language, code in blocks():
            if language == "python":
                exec(compile(code, str(PAGE), "exec"), names)
                continue
            for line in code.splitlines():
                if "reproduce" not in line:
                    run(line)
        yield folder, names


@pytest.mark.heavy
def test_the_commands_and_blocks_of_the_page_run(walk):
    folder, names = walk
    for name in ("supercategory", "species", "pooled", "for_compassign"):
        assert (folder / name / "models/stage1_coeff_summaries_posterior.npz").is_file()
    scores = pl.read_csv(folder / "rt_evaluation/tables/scores.csv")
    whole = scores.filter(pl.col("bin") == "all")
    assert whole["model"].to_list() == ["pooled", "supercategory", "species"]
    assert whole["mae"][0] == whole["mae"].min()
    assert pl.read_csv(folder / "times.csv").height == read_peaks(folder / "realtest.csv").rt.size
    assert names["scored"].mean() > 0.9


@pytest.mark.slow
def test_the_main_job_runs_as_it_stands(walk, monkeypatch):
    folder, _ = walk
    monkeypatch.chdir(folder)
    (line,) = next(code for _, code in blocks() if "reproduce" in code).splitlines()
    run(line)
    assert len(list(Path("rt_reproduced").glob("lib*/cap100/evaluation/report.pdf"))) == 2


@pytest.mark.heavy
def test_at_the_reference_penalty_a_ridge_is_the_reference_codes(walk):
    folder, _ = walk
    held = read_coefficients(folder / "supercategory/models/stage1_coeff_summaries_posterior.npz")
    peaks = read_peaks(folder / "rt_prod.csv")
    group = held.group_keys[np.argmax(held.n_obs)]
    own = peaks.select(peaks.keys("species_cluster") == group)
    x = own.covariates.astype(float)
    x, y = x - x.mean(axis=0), own.rt - own.rt.mean()
    slopes = np.linalg.solve(x.T @ x + 3e-4 * np.eye(x.shape[1]), x.T @ y)
    np.testing.assert_allclose(held.beta_hat[held.group_keys == group][0, 1:], slopes, rtol=1e-4)


@pytest.mark.parametrize("name", [*FLAGS, *NAMES])
def test_every_name_of_compassign_has_its_row(name):
    left = " ".join(row[0] for row in rows())
    assert re.search(rf"`{re.escape(name)}[` ]", left), name


@pytest.mark.parametrize("flag", FLAGS)
def test_every_flag_keeps_its_spelling(flag):
    assert flag in options()


def test_every_new_name_exists():
    right = " ".join(cell for row in rows() for cell in row[1:])
    found = re.findall(r"`(rt\.[\w.]+)`", right)
    assert len(found) >= 5
    for name in found:
        assert pkgutil.resolve_name(f"errorbar.{name}") is not None


@pytest.mark.heavy
def test_the_front_page_of_the_system_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (example,) = python_blocks("docs/rt/index.md")
    assert len([line for line in example.splitlines() if line.strip()]) <= 12
    exec(compile(example, "index.md", "exec"), {})
    assert Path("model.safetensors").is_file()
