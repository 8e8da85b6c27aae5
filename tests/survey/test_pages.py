from pathlib import Path

import polars as pl
import pytest

from errorbar.core.report import Gallery, Interactive, Picture, Table, render_page
from errorbar.survey.pages import survey_report, write_survey_page
from tests.survey.fake_grid import fake_fits, fake_full_fits, fake_surveys

SURVEYS = fake_surveys(sizes=(10, 50), repeats=5)
TABLES = {model: fake_full_fits(SURVEYS, model) for model in ("single", "joint", "mass-star")}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(8) + (200).to_bytes(4, "big") + (300).to_bytes(4, "big")
NAMES = (
    "design_space_N_with_L_contours",
    "closed_form",
    "common_pivot",
    "leverage_panels_vs_L",
    "fixedN_N10_sigma_vs_L_logM",
    "fixedN_N50_sigma_vs_L_logM",
    "met_closed_form",
    "met_fixedN_N10_uncertainty_vs_L_logM",
    "met_fixedN_N50_uncertainty_vs_L_logM",
    "met_fixedN_N50_covariance_vs_L_logM",
    "met_slope_plane",
    "mass_star_fixedN_N50_uncertainty_vs_L_logM",
    "posterior_1_single",
)


@pytest.fixture
def figures(tmp_path) -> list[tuple[Path, str]]:
    written = []
    for name in NAMES:
        path = tmp_path / f"{name}.png"
        path.write_bytes(PNG)
        written.append((path, f"Caption of {name}."))
    return written


def blocks(report, kind):
    return [b for section in report.sections for b in section.blocks if isinstance(b, kind)]


def test_a_page_leads_with_the_slope_and_what_narrow_classes_cost(figures):
    report = survey_report(TABLES, SURVEYS, figures)
    answers = report.opening[0].answers
    assert answers[0].value.endswith("dex per dex")
    assert "50 planets of class S1" in answers[0].words
    assert "class S4 needs to do as well as class S1" in answers[1].words
    assert answers[2].value.endswith("σ_tot/L")
    assert len(answers) == 6


def test_the_headline_is_the_median_of_the_class(figures):
    s1 = TABLES["single"].filter((pl.col("N") == 50) & (pl.col("class_label") == "S1"))
    answer = survey_report(TABLES, SURVEYS, figures).opening[0].answers[0]
    assert answer.value == f"{s1['beta_sd'].median():.3f} dex per dex"


def test_every_figure_has_its_place(figures):
    report = survey_report(TABLES, SURVEYS, figures)
    placed = {picture.file_name for picture in blocks(report, Picture)}
    placed |= {p.file_name for gallery in blocks(report, Gallery) for p in gallery.pictures}
    placed |= {b.still.file_name for b in blocks(report, Interactive) if b.still}
    assert placed == set(NAMES)


def test_figures_of_one_size_carry_their_numbers_and_50_is_shown_first(figures):
    gallery = blocks(survey_report(TABLES, SURVEYS, figures), Gallery)[0]
    assert [picture.label for picture in gallery.pictures] == ["10", "50"]
    assert gallery.first == 1
    assert gallery.pictures[0].data["N"].unique().to_list() == [10]


def test_troubles_are_told_before_anything_else(figures):
    single = TABLES["single"].with_columns(
        status=pl.when(pl.col("survey_id") == 7).then(pl.lit("no mode")).otherwise(pl.lit("ok")),
        beta_sd=pl.when(pl.col("survey_id") == 9).then(None).otherwise(pl.col("beta_sd")),
        rhat_max=pl.lit(1.2),
        ess_min=pl.lit(80.0),
        divergences=pl.lit(1),
    )
    report = survey_report([single], SURVEYS, figures, warnings=["2 planets were left out."])
    words = " ".join(report.opening[1].words)
    for part in ("2 planets", "survey_id 9", "“no mode”", "1.200", "80", "diverged", "too short"):
        assert part in words


def test_an_honest_prior_is_no_trouble(figures):
    honest = TABLES["single"].with_columns(prior=pl.lit("intercept=flat, slope=ptp"))
    assert survey_report([honest], SURVEYS, figures).opening[1].words == ()


def test_where_the_numbers_come_from_is_told(figures):
    report = survey_report(TABLES, SURVEYS, figures, provenance={"seed": "42"})
    assert report.provenance["seed"] == "42"
    assert "intercept=reference" in report.provenance["joint model"]
    assert "errorbar" in report.provenance


def test_all_fits_can_be_taken_home(figures):
    tables = blocks(survey_report(TABLES, SURVEYS, figures), Table)
    every = [table for table in tables if table.folded]
    assert [table.file_name for table in every] == [
        "single_fits.csv",
        "joint_fits.csv",
        "mass-star_fits.csv",
    ]
    assert "total" not in every[0].frame.columns
    assert {"beta_hdi16", "status"} <= set(every[0].frame.columns)


def test_an_old_table_alone_gives_a_page(figures, tmp_path):
    fake_fits(SURVEYS).write_csv(tmp_path / "fits.csv")
    path = write_survey_page(tmp_path / "page.html", [tmp_path / "fits.csv"], [], figures[:1])
    assert "40 surveys of 10 to 50 planets" in path.read_text(encoding="utf-8")


def test_one_class_of_one_size_gives_a_page():
    few = TABLES["single"].head(2)
    page = render_page(survey_report([few], SURVEYS, []))
    assert "class S1" in page
    assert "times the planets" not in page


def test_the_same_grid_gives_the_same_page(figures):
    pages = [render_page(survey_report(TABLES, SURVEYS, figures)) for _ in range(2)]
    assert pages[0] == pages[1]
