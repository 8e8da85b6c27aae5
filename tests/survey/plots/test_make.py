import numpy as np
import polars as pl
import pytest

from errorbar.core.errors import InputError, SettingsError, TableError
from errorbar.survey.plots import (
    figure_place,
    make_closed_form_check,
    make_common_pivot,
    make_design_space_N_vs_std,
    make_design_space_N_with_L_contours,
    make_fixedN_sigma_vs_L_scatter_from_df,
    make_leverage_panels_from_df,
    make_leverage_panels_with_hdi,
    make_mass_star_fixedN_uncertainty_vs_L_from_df,
    make_mass_star_global_slope_3d_from_df,
    make_met_fixedN_covariance_vs_L_from_df,
    make_met_fixedN_uncertainty_vs_L_from_df,
    make_met_global_slope_3d_from_df,
    make_posterior_panels,
    write_figures,
)
from errorbar.survey.summary import survey_posterior
from tests.survey.fake_grid import fake_fits, fake_full_fits, fake_surveys
from tests.survey.summary.test_posterior import DATA, NormalFit

SURVEYS = fake_surveys(sizes=(10, 50), repeats=3)
SINGLE, JOINT = fake_full_fits(SURVEYS), fake_full_fits(SURVEYS, "joint")
MASS_STAR = fake_full_fits(SURVEYS, "mass-star")


def test_the_design_space_is_saved_as_pdf_and_png(tmp_path):
    figure = make_design_space_N_with_L_contours(SURVEYS, out_path=tmp_path / "space.pdf")
    assert (tmp_path / "space.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "space.png").read_bytes().startswith(b"\x89PNG")
    assert len(figure.axes) == 1


def test_the_design_space_of_a_table_is_that_of_its_surveys(tmp_path):
    make_design_space_N_vs_std(SURVEYS, out_path=tmp_path / "surveys")
    make_design_space_N_vs_std(fake_fits(SURVEYS).to_pandas(), out_path=tmp_path / "table")
    assert (tmp_path / "surveys.png").read_bytes() == (tmp_path / "table.png").read_bytes()


def test_each_survey_size_has_its_figure_of_three_panels(tmp_path):
    figures = make_fixedN_sigma_vs_L_scatter_from_df(SINGLE, tmp_path, surveys=SURVEYS)
    assert list(figures) == [10, 50]
    assert [len(figure.axes) for figure in figures.values()] == [3, 3]
    assert sorted(path.name for path in tmp_path.glob("*.pdf")) == [
        "fixedN_N10_sigma_vs_L_logM.pdf",
        "fixedN_N50_sigma_vs_L_logM.pdf",
    ]


def test_the_leverage_of_abundances_can_stand_across(tmp_path):
    figures = make_fixedN_sigma_vs_L_scatter_from_df(SINGLE, None, L_col="L_met")
    assert figures[10].axes[0].get_xlabel() == "leverage in abundance $L$ (dex)"


@pytest.mark.parametrize(
    ("make", "table", "panels"),
    [
        (make_met_fixedN_uncertainty_vs_L_from_df, JOINT, 6),
        (make_met_fixedN_covariance_vs_L_from_df, JOINT, 3),
        (make_mass_star_fixedN_uncertainty_vs_L_from_df, MASS_STAR, 4),
    ],
)
def test_models_with_two_slopes_have_their_own_figures(make, table, panels):
    assert [len(figure.axes) for figure in make(table, None).values()] == [panels] * 2


@pytest.mark.parametrize(
    ("make", "table"),
    [
        (make_met_global_slope_3d_from_df, JOINT),
        (make_mass_star_global_slope_3d_from_df, MASS_STAR),
    ],
)
def test_slope_planes_are_drawn_in_space(make, table):
    assert make(table, None).axes[0].name == "3d"


def test_a_table_of_another_model_is_refused():
    with pytest.raises(TableError, match="model joint, and the table holds fits of the model sin"):
        make_met_global_slope_3d_from_df(SINGLE, None)


def test_leverage_panels_from_columns_are_those_of_the_table():
    columns = [SINGLE[name].to_list() for name in ("L_logM", "alpha_sd", "beta_sd", "sigma_sd")]
    bare = make_leverage_panels_with_hdi(*columns, prefix=None)
    assert len(bare.axes) == 3
    names = ("alpha_mean", "alpha_hdi16", "alpha_hdi84", "beta_mean", "beta_hdi16", "beta_hdi84")
    means = {name: SINGLE[name].to_numpy() for name in names}
    full = make_leverage_panels_with_hdi(*columns, prefix=None, **means)
    assert sum(ax.get_visible() for ax in full.axes) == 5
    frame = make_leverage_panels_from_df(SINGLE, None)
    assert frame.axes[1].get_xlim() == full.axes[1].get_xlim()


def test_means_without_their_intervals_are_refused():
    x = [1.0, 2.0]
    with pytest.raises(TableError, match="both interval ends: missing .*alpha_hdi16"):
        make_leverage_panels_with_hdi(x, x, x, x, prefix=None, alpha_mean=x)


def test_columns_of_unequal_length_are_refused():
    with pytest.raises(TableError, match="x has 2 values"):
        make_leverage_panels_with_hdi([1.0, 2.0], [1.0], [1.0], [1.0], prefix=None)


def test_an_unknown_abscissa_is_refused():
    with pytest.raises(SettingsError, match="choose 'leverage' or 'N'"):
        make_leverage_panels_from_df(SINGLE, None, "mass")
    with pytest.raises(SettingsError, match="'L' .leverage. or 'N'"):
        make_leverage_panels_with_hdi([1.0], [1.0], [1.0], [1.0], mode="M", prefix=None)


def test_posteriors_are_drawn_from_a_fit_or_from_its_summary(tmp_path):
    figure = make_posterior_panels(NormalFit("joint"), DATA, None)
    assert len(figure.axes) == 7 + 21 + 2
    value = survey_posterior(NormalFit("single"), DATA, draws=500)
    make_posterior_panels(value, out_path=tmp_path / "one.pdf")
    assert (tmp_path / "one.png").exists()


def test_a_fit_without_its_data_is_refused():
    with pytest.raises(InputError, match="make_posterior_panels.fit, data."):
        make_posterior_panels(NormalFit("single"), out_path=None)


def test_common_pivot_and_closed_form_need_the_surveys_of_an_old_table():
    old = fake_fits(SURVEYS)
    assert len(make_common_pivot(old, SURVEYS, None).axes) == 2
    assert len(make_closed_form_check(JOINT, SURVEYS, None).axes) == 2
    with pytest.raises(TableError, match="pass the surveys that were fitted"):
        make_common_pivot(old, out_path=None)


def test_all_figures_are_written_once_with_captions(tmp_path):
    posterior = survey_posterior(NormalFit("single"), DATA, draws=500, title="survey 1")
    tables = {
        name: table.filter(pl.col("N") == 50)
        for name, table in (("single", SINGLE), ("joint", JOINT), ("mass-star", MASS_STAR))
    }
    written = write_figures(tables, SURVEYS, tmp_path / "figures", posteriors=[posterior])
    names = [path.name for path, _ in written]
    assert len(set(names)) == len(names)
    assert {path.name for path in (tmp_path / "figures").glob("*.png")} == set(names)
    assert all(path.with_suffix(".pdf").exists() for path, _ in written)
    assert all(caption.endswith(".") for _, caption in written)
    kinds = {figure_place(path)[0] for path, _ in written}
    assert {"closed_form", "met_closed_form", "met_slope_plane", "posterior_1_single"} <= kinds


def test_figures_of_the_same_tables_have_the_same_bytes(tmp_path):
    for folder in ("one", "two"):
        make_closed_form_check(JOINT, SURVEYS, tmp_path / folder / "closed")
        make_met_global_slope_3d_from_df(JOINT, tmp_path / folder / "plane")
        make_posterior_panels(NormalFit("single"), DATA, tmp_path / folder / "posterior")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    assert len(list((tmp_path / "one").iterdir())) == 6


def test_old_tables_give_figures_without_their_surveys(tmp_path):
    old = fake_fits(SURVEYS).filter(pl.col("N") == 10)
    old.write_csv(tmp_path / "hermes_massclass_fits.csv")
    written = write_figures([tmp_path / "hermes_massclass_fits.csv"], [], tmp_path)
    assert [path.stem for path, _ in written] == [
        "design_space_N_with_L_contours",
        "design_space_N_vs_std",
        "leverage_panels_vs_L",
        "leverage_panels_vs_N",
        "fixedN_N10_sigma_vs_L_logM",
    ]


@pytest.mark.parametrize("keep", [1, 2])
def test_few_surveys_give_figures_all_the_same(keep):
    few = JOINT.head(keep)
    assert len(make_met_fixedN_uncertainty_vs_L_from_df(few, None, surveys=SURVEYS)) == 1
    assert len(make_closed_form_check(few, SURVEYS, None).axes) == 2
    assert make_leverage_panels_from_df(few, None).axes
    assert make_design_space_N_with_L_contours(few, out_path=None).axes


def test_a_table_without_a_usable_row_gives_no_figure(tmp_path):
    lost = SINGLE.with_columns(beta_sd=pl.lit(float("nan")))
    assert write_figures([lost], [], tmp_path) == []


def test_a_figure_says_where_it_belongs():
    assert figure_place("met_fixedN_N50_uncertainty_vs_L_logM.png") == (
        "met_fixedN_uncertainty_vs_L_logM",
        50,
    )
    assert figure_place("closed_form.png") == ("closed_form", None)


def test_figures_leave_pyplot_alone(tmp_path):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    make_design_space_N_vs_std(SURVEYS, out_path=tmp_path / "space")
    assert plt.get_fignums() == before


def test_leverage_panels_against_size_keep_whole_numbers():
    figure = make_leverage_panels_from_df(SINGLE, None, "N")
    assert figure.axes[0].get_xlabel() == "planets in the survey $N$"
    x = np.concatenate([np.asarray(c.get_offsets())[:, 0] for c in figure.axes[0].collections[:4]])
    assert x.min() < 10 < 50 < x.max()
