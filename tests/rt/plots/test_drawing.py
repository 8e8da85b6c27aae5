"""What pictures of predicted times show, read back from the axes."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from matplotlib.collections import LineCollection, PolyCollection
from numpy.testing import assert_allclose

import errorbar.rt.plots as room
from errorbar.core.errors import InputError
from errorbar.core.plots import new_figure, png_bytes
from errorbar.rt.evaluate import (
    PartialTimes,
    compare,
    compound_times,
    evaluate_models,
    evaluate_times,
    predicted_times,
    replicate_means,
    run_drift,
    tails,
)
from errorbar.rt.plots import (
    PaperTable,
    bin_words,
    evaluation_figures,
    logarithmic,
    make_farness,
    make_table_pages,
    make_word_pages,
    plot_bins,
    plot_compound_times,
    plot_coverage_by_bin,
    plot_farness,
    plot_predicted_times,
    plot_run_drift,
    plot_tails,
    plot_time_errors,
    plot_z_scores,
    write_figures,
    write_pdf,
)
from tests.rt.evaluate.fake_times import fake_peaks, fake_times

PEAKS = fake_peaks()
TIMES = fake_times(PEAKS)
SCORED = PEAKS.compound % 4 > 0
MODELS = {
    "pooled": TIMES,
    "ridge": fake_times(PEAKS, seed=2, skill=1.5, believed=0.6),
    "lasso": PartialTimes(fake_times(PEAKS, seed=3).select(SCORED), SCORED, spread=False),
}
SCORES = {name: evaluate_times(PEAKS, times, on=SCORED) for name, times in MODELS.items()}
TABLE = compare(SCORES)


@pytest.fixture
def ax():
    return new_figure(6, 4).subplots()


def drawn(ax, label):
    """Points of the error bars with this label."""
    return next(c for c in ax.containers if c.get_label() == label).lines[0]


def test_public_names_are_sorted():
    kinds = [
        [n for n in room.__all__ if n.isupper()],
        [n for n in room.__all__ if n[0].isupper() and not n.isupper()],
        [n for n in room.__all__ if n[0].islower()],
    ]
    assert room.__all__ == [name for kind in kinds for name in sorted(kind)]


def test_bins_are_named_for_readers():
    assert [bin_words(x) for x in ("unseen", "<= 1", "<= 3", "2-2", "3-5", "> 100")] == [
        "unseen", "1", "1–3", "2", "3–5", "> 100",
    ]  # fmt: skip
    assert bin_words("species and compound") == "species\nand compound"


def test_every_model_stands_in_every_bin_that_holds_rows(ax):
    plot_bins(TABLE, ax)
    part = TABLE.filter((pl.col("by") == "support") & (pl.col("n_obs_test") > 0))
    for model in MODELS:
        wanted = part.filter(pl.col("model") == model)["mae"].to_numpy()
        assert_allclose(drawn(ax, model).get_ydata(), wanted)
    labels = [text.get_text() for text in ax.get_xticklabels()]
    assert labels[0].startswith("unseen\n(")
    assert len(labels) == part["bin"].n_unique()
    assert ax.get_yscale() == "log"
    assert "min" in ax.get_ylabel()


def test_a_model_without_intervals_has_no_width(ax):
    plot_bins(TABLE, ax, measure="interval_width_mean")
    assert {c.get_label() for c in ax.containers} == {"pooled", "ridge"}


def test_measures_that_can_be_negative_stay_linear(ax):
    plot_bins(TABLE, ax, measure="bias", by="known")
    assert ax.get_yscale() == "linear"
    assert ax.get_xlabel() == "known (test rows)"


def test_what_the_table_does_not_hold_is_refused(ax):
    with pytest.raises(InputError, match="must be one of mae"):
        plot_bins(TABLE, ax, measure="mape")
    with pytest.raises(InputError, match="no rows by 'batch'"):
        plot_bins(TABLE, ax, by="batch")


def test_coverage_stands_around_its_target(ax):
    plot_coverage_by_bin(TABLE, ax)
    part = TABLE.filter(
        (pl.col("by") == "support") & (pl.col("n_obs_test") > 0) & (pl.col("model") == "ridge")
    )
    assert_allclose(drawn(ax, "ridge").get_ydata(), part["coverage_95"].to_numpy())
    target = next(line for line in ax.lines if np.all(np.asarray(line.get_ydata()) == 0.95))
    assert target is not None
    bands = [c for c in ax.collections if isinstance(c, PolyCollection)]
    assert len(bands) == part.height
    assert "lasso" not in {c.get_label() for c in ax.containers}


def test_tails_run_from_the_median_to_the_worst_percent(ax):
    table = tails(SCORES)
    plot_tails(table, ax)
    part = table.filter(
        (pl.col("model") == "pooled") & (pl.col("bin") != "all") & (pl.col("n_obs_test") > 0)
    )
    lines = next(c for c in ax.collections if isinstance(c, LineCollection)).get_segments()
    assert_allclose([s[0, 1] for s in lines], part["group_rmse_p50"].to_numpy())
    assert_allclose([s[1, 1] for s in lines], part["group_rmse_p99"].to_numpy())


def test_ticks_of_a_short_logarithmic_axis_can_be_read(ax):
    for low, high in ((0.011, 0.02), (0.01, 0.09), (0.01, 0.6), (1e-3, 10)):
        ax.set_ylim(low, high)
        logarithmic(ax)
        ax.set_ylim(low, high)
        inside = [tick for tick in ax.get_yticks() if low <= tick <= high]
        assert 3 <= len(inside) <= 9


def test_z_is_drawn_as_a_density(ax):
    plot_z_scores(SCORES["pooled"].support, ax)
    steps = next(p for p in ax.patches if hasattr(p, "get_data")).get_data()
    assert_allclose(np.sum(steps.values * np.diff(steps.edges)), 1.0)
    assert plot_z_scores(SCORES["ridge"].support, ax, log=True).get_yscale() == "log"


def test_few_rows_are_points_and_many_are_cells():
    few, many = new_figure(5, 4).subplots(), new_figure(5, 4).subplots()
    plot_predicted_times(predicted_times(PEAKS.rt, TIMES), few)
    assert len(few.lines[0].get_xdata()) == len(PEAKS)
    crowd = fake_peaks(runs=200, compounds=40)
    plot_predicted_times(predicted_times(crowd.rt, fake_times(crowd)), many)
    assert many.collections[0].get_array().sum() == len(crowd)
    assert few.get_xlabel() == many.get_xlabel() == "time found (min)"


def test_errors_beyond_the_axis_are_counted(ax):
    mean = TIMES.mean.copy()
    mean[3] += 5.0
    value = predicted_times(PEAKS.rt, type(TIMES)(mean, TIMES.sd, TIMES.known, TIMES.support))
    plot_time_errors(value, ax, share=0.99)
    beyond = len(PEAKS) - len(ax.lines[0].get_xdata())
    assert beyond >= 1
    assert ax.texts[0].get_text().startswith(f"{beyond} row")
    assert ax.get_ylim()[1] < 1.0


def test_drift_is_drawn_run_by_run(ax):
    drift = run_drift(PEAKS.rt, TIMES, PEAKS.run)
    plot_run_drift(drift, ax, label="pooled")
    assert_allclose(drawn(ax, "pooled").get_ydata(), drift.mean)


def test_times_outside_of_their_interval_are_marked(ax):
    short = fake_times(PEAKS, believed=0.2)
    value = compound_times(PEAKS, short, 3)
    plot_compound_times(value, ax)
    marked = next(line for line in ax.lines if line.get_label().startswith("found outside"))
    assert_allclose(marked.get_ydata(), value.found[value.outside])
    assert f"({value.outside.sum()} of {len(value.run)})" in marked.get_label()
    assert ax.get_title(loc="left") == "comp_id 3"


def replicates(anchors=(0, 3)):
    rng = np.random.default_rng(0)
    bins = ("60-70 %", "70-80 %", "80-90 %")
    rows = [
        {"method": m, "anchors": a, "bin": b, "mae": (1 + m.count("l")) * (1 + 0.1 * rng.random())}
        for _ in range(4)
        for m in ("pooled", "lasso")
        for a in anchors
        for b in bins
    ]
    return replicate_means(pl.DataFrame(rows), ["method", "anchors", "bin"])


def test_farness_has_a_line_for_each_method_and_a_panel_for_each_number_of_anchors(ax):
    frame = replicates()
    plot_farness(frame, ax, anchors=3)
    wanted = frame.filter((pl.col("method") == "lasso") & (pl.col("anchors") == 3))["mae"]
    assert_allclose(drawn(ax, "lasso").get_ydata(), wanted.to_numpy())
    assert [t.get_text() for t in ax.get_xticklabels()] == ["60–70", "70–80", "80–90"]
    figure = make_farness(frame)
    assert [a.get_title(loc="left") for a in figure.axes] == ["no anchors", "3 anchors"]
    assert png_bytes(figure)[:4] == b"\x89PNG"


@pytest.mark.heavy
def test_a_whole_evaluation_is_drawn_and_saved(tmp_path):
    value = evaluate_models(PEAKS, MODELS, training=fake_peaks(seed=8), compounds=[1])
    names = [each.name for each in evaluation_figures(value)]
    assert names == [
        "support_errors", "support_tails", "slice_known", "slice_far_ness", "calibration_pooled",
        "calibration_ridge", "times_predicted", "times_drift", "times_compounds",
    ]  # fmt: skip
    written = write_figures(
        replace(value, scores={"lasso": value.scores["lasso"]}, predicted={}), tmp_path
    )
    assert {each.path for each in written} == set(tmp_path.glob("*.png"))
    assert all(each.path.with_suffix(".pdf").stat().st_size > 1000 for each in written)
    assert all(each.caption for each in written)
    assert written[0].png == written[0].path.read_bytes()


def test_long_tables_go_on_overleaf():
    frame = pl.DataFrame({"name": [f"r{i}" for i in range(70)], "MAE\n(min)": np.arange(70) / 7})
    pages = make_table_pages([PaperTable("Many rows", frame), PaperTable("Few", frame.head(2))])
    assert len(pages) == 3
    words = [text.get_text() for page in pages for text in page.texts]
    assert sum(word.startswith("r") and word[1:].isdigit() for word in words) == 72
    assert words.count("Many rows, continued") == 2
    every = [text.get_position() for page in pages for text in page.texts]
    assert all(0 < x < 1 and 0 < y < 1 for x, y in every)


def test_words_are_words_even_with_dollars():
    pages = make_word_pages([("Costs", ["$5 and $6 " * 40, "– a point"] * 12)])
    assert len(pages) > 1
    assert png_bytes(pages[0])[:4] == b"\x89PNG"


def test_a_pdf_has_its_pages_and_no_date(tmp_path):
    def pages():
        figure = new_figure(3, 2)
        figure.subplots().plot([1, 2])
        return [*make_word_pages([("One", ["word"])]), figure]

    one = write_pdf(pages(), tmp_path / "a" / "one.pdf", title="Twice").read_bytes()
    two = write_pdf(pages(), tmp_path / "two.pdf", title="Twice").read_bytes()
    assert one == two
    assert b"CreationDate" not in one
    assert one.count(b"/Type /Page\n") + one.count(b"/Type /Page ") == 2
