"""The page for users of HERMES: its commands and code run, its names exist, its claims hold."""

import contextlib
import pkgutil
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from typer.testing import CliRunner

from errorbar.app.cli import app
from errorbar.core.errors import SurveyError, TableError
from errorbar.survey import (
    HermesData,
    JointPrior,
    MassStarModel,
    MetModel,
    Model,
    PriorRule,
    SurveySampler,
    make_catalogue,
    plots,
)
from errorbar.survey.sample import DESIGN
from errorbar.survey.summary import leverage_contours, read_fits
from errorbar.survey.summary.design import design_space
from errorbar.survey.synth import Recipe

PAGE = Path(__file__).parents[2] / "docs" / "coming-from-hermes.md"
TEXT = PAGE.read_text(encoding="utf-8")

# Every name that HERMES's description uses, and what its code adds to the description.
FILES = (
    "main.py",
    "src/plots.py",
    "dataset/hermes_synthetic_data.csv",
    "results/",
    "hermes_massclass_fits.csv",
    "hermes_met_fits.csv",
)
COLUMNS = (
    "logM",
    "log(X_H2O)",
    "uncertainty_lower",
    "uncertainty_upper",
    "Star Metallicity",
    "Star Metallicity Lower",
    "Star Metallicity Upper",
    "survey_id",
    "class_label",
)
NAMES = (
    "HermesData",
    "SurveySampler",
    "Survey",
    "survey.df",
    "Model",
    "MetModel",
    "fit_survey",
    "run_on_surveys",
    "_fit_leverage_survey",
    "_fit_met_survey",
    "pm.sample",
    "pm.LKJCholeskyCov",
    "HalfNormal(0.5)",
    "az.summary",
    "draws",
    "tune",
    "target_accept",
    "rng_seed=42",
    "S1",
    "S2",
    "S3",
    "S4",
    "make_design_space_N_with_L_contours",
    "make_design_space_N_vs_std",
    "make_fixedN_sigma_vs_L_scatter_from_df",
    "make_leverage_panels_with_hdi",
    "make_leverage_panels_from_df",
    "make_met_fixedN_uncertainty_vs_L_from_df",
    "make_met_fixedN_covariance_vs_L_from_df",
    "make_met_global_slope_3d_from_df",
)
SYMBOLS = (r"\alpha", r"\beta", r"\epsilon", r"\alpha_p", r"\beta_p", r"\alpha_s", r"\beta_s")
SYMBOLS += (r"\sigma_p", r"\sigma_s", r"\rho", "z_{p,i}", "z_{s,i}", "N", "L")

HEAD = ("survey_id", "class_label", "N", "L_met", "L_logM")
STATISTICS = ("mean", "sd", "hdi16", "hdi84")
PARAMETERS = {
    "hermes_massclass_fits": ("alpha", "beta", "sigma"),
    "hermes_met_fits": ("alpha_p", "beta_p", "alpha_s", "beta_s", "sigma_p", "sigma_s", "rho"),
}

# The page's main job has 640 surveys; a few show that its command works.
FEW = ("--n", "10", "--reps", "2", "--no-figures")


def reference_columns(stem):
    return [*HEAD, *(f"{name}_{stat}" for name in PARAMETERS[stem] for stat in STATISTICS)]


def blocks():
    """Every block of code on the page, in order, with the language it is in."""
    return re.findall(r"^```(bash|python)\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


def uses_chains(code):
    return "nuts" in code


def run(line, *more):
    program, *words = shlex.split(line)
    assert program == "errorbar"
    told = CliRunner().invoke(app, [*words, *more])
    assert told.exit_code == 0, f"{line}\n{told.output}"
    return told.output


def rows_of_tables():
    """The cells of every table of the page, headings left out."""
    rows = [line for line in TEXT.splitlines() if line.startswith("| ")]
    cells = [re.split(r" *(?<!\\)\| *", line.strip().strip("|").strip()) for line in rows]
    return [row for row in cells if row[0] != "HERMES"]


@dataclass
class Walk:
    """What is there once the page has been followed from top to bottom."""

    folder: Path
    names: dict[str, Any]
    lines: list[str]


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hermes")
    names: dict[str, Any] = {}
    lines = []
    with contextlib.chdir(folder):
        for language, code in blocks():
            if uses_chains(code):
                continue
            if "old_results" in code and not Path("old_results").exists():
                # One table of the two: drawing is most of the time of this test.
                write_old_table("hermes_met_fits", names["surveys"], "old_results")
            if language == "python":
                exec(compile(code, str(PAGE), "exec"), names)
                continue
            for line in code.splitlines():
                lines.append(line)
                run(line, *(FEW if " run " in line else ()))
        yield Walk(folder, names, lines)


def write_old_table(stem, surveys, folder):
    """A table as HERMES wrote it: pandas, its columns and no others, one fit that failed."""
    large = [survey for survey in surveys if survey.n == 30]
    model = MetModel() if stem == "hermes_met_fits" else Model()
    table = model.run_on_surveys(large).to_pandas()[reference_columns(stem)]
    table.iloc[-1, len(HEAD) :] = np.nan
    Path(folder).mkdir(exist_ok=True)
    path = Path(folder) / f"{stem}.csv"
    table.to_csv(path, index=False)
    return path


def catalogue_of(recipe=None):
    return make_catalogue(recipe=recipe or Recipe(), seed=42)


@pytest.fixture(scope="module")
def reference():
    return catalogue_of(Recipe.reference())


@pytest.fixture(scope="module")
def main_job(reference):
    return SurveySampler(reference.data, rng_seed=42).sample_grid()


# The page as a whole.


@pytest.mark.heavy
def test_every_command_and_every_block_of_the_page_runs(walk):
    made = {path.relative_to(walk.folder).as_posix() for path in walk.folder.rglob("*.*")}
    for name in (
        "dataset/hermes_synthetic_data.csv",
        "results/hermes_met_fits.csv",
        "mine/hermes_massclass_fits.csv",
        "mine/hermes_met_fits.csv",
        "plots/design_N_vs_std_logM.pdf",
        "plots/fixedN_N30_sigma_vs_L_logM.png",
        "plots/met_slope_plane.png",
        "plots/met_fixedN_N30_uncertainty_vs_L_logM.pdf",
        "redrawn/report.html",
    ):
        assert name in made
    assert len(walk.lines) == 3


@pytest.mark.heavy
def test_the_main_job_is_the_same_job(walk):
    table = pl.read_csv(walk.folder / "results/hermes_met_fits.csv")
    assert table.columns[: 5 + 28] == reference_columns("hermes_met_fits")
    assert table["class_label"].unique(maintain_order=True).to_list() == ["S1", "S2", "S3", "S4"]


@pytest.mark.heavy
def test_what_the_blocks_say_about_their_objects_is_so(walk):
    names = walk.names
    assert (names["survey"].n, names["survey"].class_label) == (30, "S1")
    assert names["fit"].names == ("alpha", "beta", "epsilon")
    assert names["table"].columns[: 5 + 28] == reference_columns("hermes_met_fits")
    assert names["honest"]["prior"].unique().to_list() == ["intercept=flat, slope=ptp"]
    assert names["old"].model == "joint"
    assert names["old"].sizes == (30,)
    latent = names["joint"].fit_survey(names["survey"]).latent(500, seed=1)
    assert all(len(draws) == 500 for draws in latent.values())


@pytest.mark.heavy
def test_a_folder_of_hermes_is_reported_without_what_it_cannot_say(walk):
    drawn = {path.name for path in (walk.folder / "redrawn/figures").iterdir()}
    assert {"met_fixedN_N30_uncertainty_vs_L_logM.pdf", "met_slope_plane.png"} <= drawn
    assert not [name for name in drawn if "common_pivot" in name or "closed_form" in name]
    assert "S4" in (walk.folder / "redrawn/report.html").read_text("utf-8")


@pytest.mark.parametrize("stem", PARAMETERS)
def test_tables_of_hermes_are_read_and_drawn(stem, reference, tmp_path):
    surveys = SurveySampler(reference.data).sample_grid([30], 2)
    path = write_old_table(stem, surveys, tmp_path)
    assert pd.read_csv(path).columns.to_list() == reference_columns(stem)
    table = read_fits(pd.read_csv(path))
    joint = stem == "hermes_met_fits"
    assert (table.model, len(table.left_out)) == ("joint" if joint else "single", 1)
    assert table.frame.equals(read_fits(path).frame)
    draw = (
        plots.make_met_fixedN_covariance_vs_L_from_df
        if joint
        else plots.make_fixedN_sigma_vs_L_scatter_from_df
    )
    (figure,) = draw(path, out_dir=None).values()
    assert len(figure.axes) == 3


@pytest.mark.slow
def test_the_main_job_runs_as_it_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job = next(code for language, code in blocks() if language == "bash")
    for line in job.splitlines():
        run(line)
    assert pl.read_csv("results/hermes_met_fits.csv").height == 640
    assert Path("results/report.html").exists()


@pytest.mark.heavy
def test_the_block_with_chains_runs_in_short(walk):
    (code,) = (code for kind, code in blocks() if kind == "python" and uses_chains(code))
    short = code.replace("draws=1000, tune=1000", "draws=150, tune=150")
    assert short != code
    exec(compile(short, str(PAGE), "exec"), walk.names)
    assert walk.names["trace"].posterior["beta"].shape == (2, 150)


@pytest.mark.slow
def test_the_blocks_with_chains_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    first = [code for language, code in blocks() if language == "python"][:2]
    run("errorbar survey synth --reference --out dataset")
    for code in first:
        exec(compile(code, str(PAGE), "exec"), names)
    (sampled,) = (code for kind, code in blocks() if kind == "python" and uses_chains(code))
    exec(compile(sampled, str(PAGE), "exec"), names)
    assert {"mean", "sd", "hdi_16%", "hdi_84%"} <= set(
        names["arviz"].summary(names["trace"], hdi_prob=0.68).columns
    )
    exact = Model().fit_survey(names["survey"])
    found = names["trace"].posterior["beta"].values
    assert abs(found.mean() - exact.mean[1]) < 0.2 * exact.sd[1]
    (command,) = (code for kind, code in blocks() if kind == "bash" and uses_chains(code))
    run(command, "--draws", "100", "--tune", "100", "--classes", "S1", "--no-figures")
    table = pl.read_csv("sampled/hermes_met_fits.csv")
    assert table["method"].to_list() == ["nuts"]
    assert table["rhat_max"].is_finite().all()


# Its names.


@pytest.mark.parametrize("name", [*FILES, *COLUMNS, *NAMES])
def test_every_name_of_hermes_has_its_row(name):
    left = " ".join(row[0] for row in rows_of_tables())
    whole = re.escape(name)
    assert re.search(rf"`{whole}`", left) or (name in ("survey_id", "class_label") and name in left)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_every_symbol_of_hermes_has_its_row(symbol):
    left = " ".join(row[0] for row in rows_of_tables())
    assert re.search(rf"\${re.escape(symbol)}\$", left)


def test_every_new_name_exists():
    right = " ".join(cell for row in rows_of_tables() for cell in row[1:])
    found = re.findall(r"`((?:survey|app)\.[\w.]+)`", right)
    for name in found:
        assert pkgutil.resolve_name(f"errorbar.{name}") is not None
    assert len(found) >= 18
    kept = {row[0].strip("`") for row in rows_of_tables() if row[0].startswith("`make_")}
    assert len(kept) == 8
    assert kept <= set(plots.__all__)


@pytest.mark.parametrize("stem", PARAMETERS)
def test_every_column_of_a_result_table_is_told_and_in_its_place(stem, reference):
    surveys = SurveySampler(reference.data).sample_grid([10], 1, ["S1"])
    model = MetModel() if stem == "hermes_met_fits" else Model()
    columns = model.run_on_surveys(surveys).columns
    wanted = reference_columns(stem)
    assert columns[: len(wanted)] == wanted
    told = " ".join(" ".join(row) for row in rows_of_tables())
    for name in PARAMETERS[stem]:
        assert f"`{name}_mean`" in told or f"`{name}`" in told
    for name in ("centre_logM", "prior", "method", "level", "log_evidence", "status", "rhat_max"):
        assert name in columns
        assert f"`{name}`" in TEXT


@pytest.mark.parametrize("spelling", ["Error ", ""])
def test_both_spellings_of_the_stellar_bars_are_read(spelling, reference):
    columns = {
        f"Star Metallicity Error {end}": f"Star Metallicity {spelling}{end}"
        for end in ("Lower", "Upper")
    }
    assert HermesData(reference.data.df.rename(columns)).df.equals(reference.data.df)


# What it says is different.


def test_the_planets_of_a_survey_are_those_pandas_would_draw(reference):
    frame = reference.data.to_pandas()
    rng = np.random.default_rng(42)
    surveys = iter(SurveySampler(reference.data, rng_seed=42).sample_grid([10, 200], 2))
    for cut in (0.0, 0.25, 0.5, 0.75):
        subset = frame[frame["logM"] >= frame["logM"].quantile(cut)]
        for n in (10, 200):
            for _ in range(2 if n <= len(subset) else 0):
                seed = int(rng.integers(0, 2**32 - 1))
                drawn = subset.sample(n=n, replace=False, random_state=seed)
                assert next(surveys).df["logM"].to_list() == drawn["logM"].to_list()
    assert next(surveys, None) is None


def test_posteriors_are_exact_and_need_no_seed(main_job):
    survey = main_job[0]
    one, other = (MetModel(rng_seed=seed).fit_survey(survey) for seed in (1, 2))
    assert np.array_equal(one.mean, other.mean)
    assert np.array_equal(one.hdi(0.68), other.hdi(0.68))
    assert np.isfinite(one.log_evidence)
    assert (Model().rng_seed, MetModel().rng_seed) == (123, 321)


def test_the_prior_uses_the_data_twice_until_told_not_to_and_the_table_says_so(main_job):
    surveys = main_job[:40]
    usual = Model().run_on_surveys(surveys)
    honest = Model(prior=PriorRule(intercept="flat")).run_on_surveys(surveys)
    assert usual["prior"].unique().to_list() == ["intercept=reference, slope=ptp"]
    assert honest["prior"].unique().to_list() == ["intercept=flat, slope=ptp"]
    ratio = usual["alpha_sd"].to_numpy() / honest["alpha_sd"].to_numpy()
    assert np.all((ratio > 0.65) & (ratio < 1))


def test_the_slopes_prior_of_the_text_and_that_of_the_code_are_both_there(main_job):
    data = main_job[0].data()
    y, x = data.y, data.x
    code, text = PriorRule(slope="ptp").single(data), PriorRule(slope="sd").single(data)
    np.testing.assert_allclose(code.beta_sd, np.ptp(y) / np.ptp(x))
    np.testing.assert_allclose(text.beta_sd, y.std() / x.std())
    np.testing.assert_allclose(code.alpha_sd, y.std() / np.sqrt(len(y)))
    np.testing.assert_allclose(code.epsilon_scale, y.std())
    joint = PriorRule().joint(data)
    assert isinstance(joint, JointPrior)
    assert joint.scatter_scale == 0.5


def test_intercepts_differ_by_class_at_the_own_mean_and_agree_at_a_pivot(main_job):
    surveys = [survey for survey in main_job if survey.n == 100]
    assert len(main_job) == 640
    table = Model().run_on_surveys(surveys)
    means = table.group_by("class_label", maintain_order=True).agg(pl.col(pl.Float64).mean())
    own, moved = means["alpha_mean"].to_numpy(), means["alpha_pivot_mean"].to_numpy()
    for name, values in (("own", own), ("moved", moved)):
        for end in (values[0], values[-1]):
            assert f"−{abs(end):.2f}" in TEXT, (name, end)
    error = means["alpha_pivot_sd"].to_numpy()
    assert f"errors of {error.min():.2f} to {error.max():.2f}" in TEXT
    assert np.ptp(own) > 1
    assert np.all(np.abs(moved + 0.95) < 1.1 * error)
    assert table["pivot_logM"].unique().to_list() == [0.0]


def test_centring_makes_the_intercept_independent_of_the_unit_of_mass(main_job):
    survey = main_job[5]
    heavy = type(survey)(1, "S1", survey.df.with_columns(pl.col("logM") + 2.5))
    np.testing.assert_allclose(
        Model().fit_survey(heavy).mean, Model().fit_survey(survey).mean, rtol=1e-9
    )


def test_noise_is_really_added_and_can_be_left_out(reference):
    ours = catalogue_of()
    for catalogue, spread in ((ours, 1.0), (reference, 0.0)):
        frame, truth = catalogue.data.df, catalogue.truth.rows
        bars = 0.5 * (frame["uncertainty_lower"] + frame["uncertainty_upper"])
        away = (frame["log(X_H2O)"] - truth["log_abundance"]) / bars
        assert away.std() == pytest.approx(spread, abs=0.08)
    assert reference.data.df["uncertainty_upper"].unique().to_list() == [0.2]
    assert ours.data.df["uncertainty_upper"].n_unique() > 700


def test_a_model_that_believes_the_bars_takes_them_off(reference, main_job):
    surveys = [survey for survey in main_job if survey.n == 100 and survey.class_label == "S1"]
    found = Model().run_on_surveys(surveys)["sigma_mean"].mean()
    assert found == pytest.approx(np.sqrt(0.528**2 - 0.2**2), abs=0.02)
    assert rf"\sqrt{{0.528^2 - 0.2^2}} = {np.sqrt(0.528**2 - 0.2**2):.2f}" in TEXT


def test_classes_move_with_the_catalogue(reference):
    frame = reference.data.df
    whole = SurveySampler(frame).class_df("S4")["logM"].min()
    light = SurveySampler(frame.filter(pl.col("logM") < 0)).class_df("S4")["logM"].min()
    assert light < whole
    assert (
        whole
        == frame.filter(pl.col("logM") >= pl.col("logM").quantile(0.75, interpolation="linear"))[
            "logM"
        ].min()
    )


def test_what_cannot_be_used_is_dropped_before_surveys_are_drawn_or_refused(reference):
    frame = reference.data.df
    gap = pl.when(pl.int_range(pl.len()) < 7).then(None).otherwise(pl.col("log(X_H2O)"))
    data = HermesData(frame.with_columns(gap.alias("log(X_H2O)")))
    assert (len(data), data.dropped.count) == (715, 7)
    assert all(s.data().n == 50 for s in SurveySampler(data).sample_grid([50], 2))
    with pytest.raises(TableError, match="duplicates="):
        HermesData(pl.concat([frame, frame.head(1)]))
    with pytest.raises(SurveyError, match="3 or more"):
        SurveySampler(data).sample_grid([2], 1)
    with pytest.raises(SurveyError, match="widen the class"):
        SurveySampler(frame.with_columns(pl.lit(0.3).alias("logM"))).sample_grid([10], 1)


def test_contours_of_leverage_run_through_surveys_of_that_leverage(main_job):
    survey = next(s for s in main_job if s.n == 50)
    (contour,) = leverage_contours(design_space(main_job), [survey.leverage])
    spread = np.interp(50, contour.planets, contour.spread)
    assert spread == pytest.approx(survey.std_logM, rel=2e-3)
    assert survey.leverage == pytest.approx(np.sqrt(50) * survey.std_logM)


def test_the_later_model_has_its_own_name(main_job):
    assert (MetModel.model, MassStarModel.model) == ("joint", "mass-star")
    table = MassStarModel().run_on_surveys(main_job[:2])
    assert {"beta_p_mean", "beta_s_mean", "sigma_mean"} <= set(table.columns)
    assert "alpha_s_mean" not in table.columns


def test_sizes_of_the_main_job():
    assert f"{', '.join(map(str, DESIGN))}" in TEXT


def test_the_real_list_makes_the_catalogue_too(shared_data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    masses = shared_data / "hermes" / "Ariel_MCS_Known_2024-07-09.csv"
    run(f"errorbar survey synth --reference --masses {shlex.quote(str(masses))}")
    assert len(HermesData("dataset/hermes_synthetic_data.csv")) == 722
