"""`errorbar rt …`: from a table of peaks to a model, times with intervals, and a report."""

import json
from base64 import b64encode

import numpy as np
import polars as pl
import pytest

from errorbar.app.verbs import rt_evaluate, rt_predict, rt_synth, rt_train
from errorbar.app.verbs.rt import saved
from errorbar.app.verbs.rt.stored import open_model
from errorbar.core.errors import (
    ArtifactError,
    FitError,
    MissingExtraError,
    SettingsError,
    TableError,
)
from errorbar.rt import RetentionTimes
from errorbar.rt.artifacts import read_export
from errorbar.rt.data import hold_out_runs, read_peaks, write_chemistry, write_peaks
from errorbar.rt.fit import run as fitting
from errorbar.rt.synth import ProductionSettings, production_table
from tests.app.test_commands import run

SMALL = ProductionSettings(
    species=8, supercategories=3, compounds=20, pairs=130, features=4, runs_per_species=20,
    support=5, descriptors=4,
)  # fmt: skip
REFERENCE = ("--intercept-mode", "explicit", "--intercept-prior", "comp_hier_supercat")


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("peaks")
    made = production_table(SMALL, seed=1)
    split = hold_out_runs(made.peaks, 0.3, seed=0)
    write_peaks(folder / "train.csv", made.peaks.select(split.train))
    write_peaks(folder / "test.csv", made.peaks.select(split.test))
    write_chemistry(folder / "chem.csv", made.chemistry)
    return folder


@pytest.fixture(scope="module")
def pooled(tables, tmp_path_factory):
    return rt_train(
        tables / "train.csv", out=tmp_path_factory.mktemp("pool"), chemistry=tables / "chem.csv"
    )


@pytest.fixture(scope="module")
def baselines(tables, tmp_path_factory):
    folder = tmp_path_factory.mktemp("baselines")
    for name in ("ridge", "sklearn", "fast-ridge", "lasso", "means"):
        rt_train(tables / "train.csv", model=name, out=folder / name)
    return folder


# Tables to try things on.


def test_made_tables_are_trained_on_asked_and_evaluated_as_they_are(tmp_path):
    told = run("rt", "synth", "--small", "--out", tmp_path, "--json")
    assert told.exit_code == 0, told.stderr
    made = json.loads(told.stdout)
    train, test = (read_peaks(made[name]) for name in ("train", "test"))
    assert (len(train), len(test)) == (made["rows"], made["test_rows"])
    assert not {*map(tuple, train.run_keys)} & {*map(tuple, test.run_keys)}
    found = rt_train(made["train"], chemistry=made["chemistry"], out=tmp_path / "pool")
    one = rt_predict(found.model, standards=made["standards"], compounds=made["compounds"])
    assert (one.runs, one.rows) == (1, np.bincount(test.run).max())
    own = test.select(test.run == np.bincount(test.run).argmax())
    # Standards are written as text, in single precision.
    times = open_model(found.model).predict(own).times
    np.testing.assert_allclose(one.table["rt"], times.mean, atol=1e-6)
    scores = rt_evaluate([found.model], made["test"], out=tmp_path / "e", figures=False)
    assert 0.9 < scores.table["coverage_95"][0] < 0.98


def test_made_tables_are_the_same_twice_and_settings_are_refused(tmp_path):
    one, two = (rt_synth(tmp_path / name, small=True, seed=3) for name in "ab")
    assert one.train.read_bytes() == two.train.read_bytes()
    assert one.standards.read_bytes() == two.standards.read_bytes()
    with pytest.raises(SettingsError, match="between 0 and 1"):
        rt_synth(tmp_path / "c", test_share=1.0)
    with pytest.raises(SettingsError, match="seed=-1"):
        rt_synth(tmp_path / "c", seed=-1)
    assert not (tmp_path / "c").exists()


# Training.


def test_a_training_says_how_it_went_and_leaves_the_reference_codes_files_too(tables, tmp_path):
    out = tmp_path / "m"
    told = run(
        "rt", "train", tables / "train.csv", "--chemistry", tables / "chem.csv", "--out", out,
        "--json",
    )  # fmt: skip
    assert told.exit_code == 0, told.stderr
    answer = json.loads(told.stdout)
    assert (answer["kind"], answer["method"], answer["group_col"]) == (
        "hierarchy", "exact", "species",
    )  # fmt: skip
    assert answer["scales"]["sigma"] == pytest.approx(0.004, rel=0.15)
    assert answer["rows"] == read_peaks(tables / "train.csv").rt.size
    assert answer["converged"]
    model = RetentionTimes.load(out / "model.safetensors")
    held = read_export(out)
    assert np.array_equal(held.coefficients.group_keys, model.result.statistics.keys)
    assert held.backoff is not None
    assert held.config["lambda_slopes"] == "learned"
    assert held.config["slope_head_mode"] == "cluster_supercat"
    assert not list(out.glob(".part-*"))


def test_a_training_is_told_for_people_too(tables, tmp_path):
    told = run("rt", "train", tables / "train.csv", "--out", tmp_path)
    assert told.exit_code == 0, told.stderr
    assert "scales found" in told.stdout
    assert "hierarchy (exact)" in told.stdout


@pytest.mark.parametrize(
    ("flags", "kind", "group_col"),
    [
        (("--group-col", "species_cluster"), "ridge", "species_cluster"),
        (("--group-col", "species"), "ridge", "species"),
        (("--group-col", "species", "--intercept-mode", "collapsed"), "ridge", "species"),
        (("--group-col", "species", *REFERENCE), "hierarchy", "species"),
        (("--group-col", "species_cluster", "--model", "hierarchy"), "hierarchy",
         "species_cluster"),
        (("--intercept-mode", "explicit", "--slope-head-mode", "none"), "hierarchy", "species"),
    ],
)  # fmt: skip
def test_the_reference_codes_flags_mean_what_they_meant(tables, tmp_path, flags, kind, group_col):
    told = run("rt", "train", tables / "train.csv", *flags, "--out", tmp_path, "--json")
    assert told.exit_code == 0, told.stderr
    answer = json.loads(told.stdout)
    assert (answer["kind"], answer["group_col"]) == (kind, group_col)
    assert read_export(tmp_path).coefficients.group_col == group_col


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"group_col": "genus"}, "group_col='genus' must be one of species"),
        ({"model": "boosting"}, "must be one of hierarchy, ridge"),
        (
            {"intercept_mode": "collapsed", "intercept_prior": "comp_hier_supercat"},
            "has explicit intercepts",
        ),
        ({"model": "ridge", "run_effect": True}, "has no run_effect"),
        ({"model": "lasso", "method": "advi"}, "has no method"),
        ({"model": "ridge", "lambda_slopes": "learned"}, "is for the hierarchy"),
        ({"lambda_slopes": "strong"}, "learned, reference or a positive number"),
        ({"lambda_slopes": -1}, "must be positive"),
        ({"head_dims": 2}, "need descriptors"),
        ({"model": "hierarchy", "intercept_prior": "flat"}, "pools its intercepts"),
        ({"stream": True, "max_groups": 5}, "need the table as a whole"),
        ({"stream": True, "model": "ridge"}, "in memory"),
        ({"freedom": "heavy"}, "normal, learned or a number"),
    ],
)
def test_flags_that_contradict_each_other_are_refused(tables, tmp_path, given, words):
    with pytest.raises(SettingsError, match=words):
        rt_train(tables / "train.csv", out=tmp_path, **given)
    assert not list(tmp_path.iterdir())


def test_hold_outs_and_subsets_are_seeded_named_and_kept(tables, tmp_path):
    given = {"exclude_pairs_frac": 0.2, "max_groups": 60, "max_train_rows": 200}
    one = rt_train(tables / "train.csv", out=tmp_path / "a", **given)
    rt_train(tables / "train.csv", out=tmp_path / "b", **given)
    again = (tmp_path / "b/model.safetensors").read_bytes()
    assert one.model.read_bytes() == again
    assert (one.rows, one.held_out) == (200, tmp_path / "a/held_out.csv")
    told = " ".join(one.notes)
    assert "held out: 20 % of pairs by hash with seed 42" in told
    assert "60 of" in told
    assert "200 of" in told
    held, peaks = read_peaks(one.held_out), read_peaks(tables / "train.csv")
    trained = RetentionTimes.load(one.model).result.statistics.keys
    assert not np.isin(held.keys(), trained).any()
    assert np.isin(held.keys(), peaks.keys()).all()
    clusters = rt_train(
        tables / "train.csv", out=tmp_path / "c", exclude_clusters=[1], exclude_chems_frac=0.1
    )
    assert set(read_peaks(clusters.held_out).supercategory) >= {1}
    assert 1 not in RetentionTimes.load(clusters.model).result.statistics.supercategory_ids


def test_a_table_in_batches_gives_the_same_model(tables, tmp_path):
    flags = {"model": "hierarchy", "widen": False, "chemistry": tables / "chem.csv"}
    whole = rt_train(tables / "train.csv", out=tmp_path / "whole", **flags)
    parts = rt_train(tables / "train.csv", out=tmp_path / "parts", stream=True, **flags)
    assert parts.scales == pytest.approx(whole.scales, rel=1e-3)
    assert parts.rows == whole.rows
    with pytest.raises(SettingsError, match="whole"):
        rt_train(tables / "train.csv", out=tmp_path / "x", stream=True, run_effect=True)


def test_scales_may_be_averaged_over(tables, pooled, tmp_path):
    found = rt_train(
        tables / "train.csv", method="integrated", draws=150, out=tmp_path, widen=False
    )
    assert found.diagnostics["effective_size"] > 5
    opened = open_model(tmp_path)
    assert opened.mixture is not None
    test = read_peaks(tables / "test.csv")
    mode = RetentionTimes.load(found.model).predict(test)
    times = opened.predict(test).times
    assert np.abs(times.mean - mode.mean).max() < 0.02
    assert times.sd.mean() > mode.sd.mean()
    anchors = test.select(test.run == test.run[0])
    moved = opened.predict(test, anchors.select(np.arange(3))).times
    assert not np.array_equal(moved.mean, times.mean)
    (tmp_path / "scales.safetensors").replace(pooled.model.parent / "scales.safetensors")
    try:
        with pytest.raises(ArtifactError, match="another model"):
            open_model(pooled.model)
    finally:
        (pooled.model.parent / "scales.safetensors").unlink()


@pytest.mark.heavy
def test_the_reference_codes_routes_are_there_as_checks(tables, tmp_path):
    found = rt_train(
        tables / "train.csv", method="advi", steps=300, draws=5, out=tmp_path / "advi",
        max_groups=40,
    )  # fmt: skip
    assert any("had not converged" in note for note in found.notes)
    times = open_model(tmp_path / "advi").predict(read_peaks(tables / "test.csv"))
    assert times.scored.all()
    with pytest.raises(SettingsError, match="the reference code's model, which has no noise"):
        rt_train(tables / "train.csv", method="map", noise="compound", out=tmp_path / "x")


def test_second_powers_are_covariates_where_they_are_asked_for(tables, tmp_path):
    """Their coefficients are exported where single precision holds them."""
    given = {"poly2": True, "features": ["IS_1", "IS_2"], "widen": False}
    train, test = (pl.read_csv(tables / f"{name}.csv") for name in ("train", "test"))
    median = train.select(pl.col(given["features"]).median()).row(0, named=True)
    for lift, exported in ((0.0, True), (60.0, False)):
        own = {name: pl.col(name) - median[name] + lift for name in given["features"]}
        train.with_columns(**own).write_csv(tmp_path / "train.csv")
        test.with_columns(**own).write_csv(tmp_path / "test.csv")
        found = rt_train(tmp_path / "train.csv", out=tmp_path / "model", **given)
        assert found.features == 5
        assert (found.exported is not None) == exported
        mine = rt_predict(tmp_path / "model", data=tmp_path / "test.csv")
        assert mine.unscored == 0
        assert any("times less their median" in note for note in found.notes) != exported
        if not exported:
            assert not list((tmp_path / "model").rglob("*.npz"))
            continue
        npz = found.exported / "stage1_coeff_summaries_posterior.npz"
        theirs = rt_predict(npz, data=tmp_path / "test.csv").table
        seen = (mine.table["known"] == "pair").to_numpy()
        np.testing.assert_allclose(
            theirs["rt"].filter(seen), mine.table["rt"].filter(seen), atol=1e-5
        )
        np.testing.assert_allclose(
            theirs["sd"].filter(seen), mine.table["sd"].filter(seen), rtol=1e-3
        )


def test_a_model_without_covariates_leaves_its_back_off_too(tables, tmp_path):
    none = rt_train(tables / "train.csv", features=[], out=tmp_path)
    assert none.features == 0
    held = read_export(tmp_path)
    assert held.backoff is not None
    npz = none.exported / "stage1_coeff_summaries_posterior.npz"
    assert rt_predict(npz, data=tables / "test.csv").unscored == 0


def test_nothing_half_written_is_left_where_a_training_is_interrupted(
    tables, tmp_path, monkeypatch
):
    typed = ("rt", "train", tables / "train.csv", "--out", tmp_path)
    assert run(*typed).exit_code == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    for room, name, more in ((fitting, "solve", ()), (saved, "write_model", ("--model", "ridge"))):
        with monkeypatch.context() as patch:
            patch.setattr(room, name, interrupted)
            told = run(*typed, *more)
        assert told.exit_code == 130
        after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        assert after == before


# Models of every kind, opened alike.


def test_every_model_is_read_back_and_scores_as_it_did(tables, baselines, pooled):
    test = read_peaks(tables / "test.csv")
    for name in ("ridge", "sklearn", "fast-ridge", "lasso", "means"):
        found = open_model(baselines / name).predict(test)
        assert 0.5 < found.scored.mean() <= 1
        error = np.abs(test.rt[found.scored] - found.times.mean).mean()
        assert error < 0.08, name
    assert not open_model(baselines / "lasso").predict(test).spread
    whole = open_model(pooled.model).predict(test)
    assert whole.scored.all()
    own = RetentionTimes.load(pooled.model).predict(test)
    assert np.array_equal(whole.times.mean, own.mean)


def test_the_reference_codes_artifact_is_a_model_too(tables, pooled):
    test = read_peaks(tables / "test.csv")
    npz = pooled.model.parent / "models" / "stage1_coeff_summaries_posterior.npz"
    found = open_model(npz).predict(test)
    seen = found.times.known == 0
    own = RetentionTimes.load(pooled.model).predict(test)
    np.testing.assert_allclose(found.times.mean[seen], own.mean[seen], atol=1e-5)
    assert found.scored.all()


def test_what_is_no_model_is_said(tables, tmp_path):
    with pytest.raises(ArtifactError):
        open_model(tables / "train.csv")
    told = run("rt", "predict", tmp_path / "none.safetensors", "--standards", tables / "test.csv")
    assert told.exit_code == 2
    assert "none.safetensors" in told.stderr


# Evaluation.


def test_models_are_compared_on_the_rows_that_all_score(tables, pooled, baselines, tmp_path):
    told = run(
        "rt", "evaluate", f"pool={pooled.model}", baselines / "ridge", baselines / "lasso",
        tables / "test.csv", "--training", tables / "train.csv", "--no-figures",
        "--out", tmp_path, "--json",
    )  # fmt: skip
    assert told.exit_code == 0, told.stderr
    answer = json.loads(told.stdout)
    assert answer["models"] == ["pool", "ridge", "lasso"]
    scores = {row["model"]: row for row in answer["table"]}
    assert scores["pool"]["mae"] < 0.6 * scores["ridge"]["mae"]
    assert scores["pool"]["share_scored"] == 1
    assert scores["lasso"]["coverage_95"] is None
    assert any("lasso cannot score" in note for note in answer["notes"])
    bins = pl.read_csv(tmp_path / "tables/scores.csv").filter(pl.col("by") == "support")
    assert bins["n_groups"].sum() > 0
    assert pl.read_csv(tmp_path / "tables/differences.csv")["model"].to_list() == ["ridge", "lasso"]


@pytest.mark.heavy
def test_an_evaluation_leaves_a_page_a_pdf_and_figures_drawn_once(
    tables, pooled, tmp_path, monkeypatch
):
    from errorbar.rt.pages import report
    from errorbar.rt.plots import evaluation_figures, gallery

    drawn = []

    def figures(value):
        drawn.append(value)
        return evaluation_figures(value)

    for room in (gallery, report):
        monkeypatch.setattr(room, "evaluation_figures", figures)
    told = run("rt", "evaluate", pooled.model, tables / "test.csv", "--out", tmp_path)
    assert told.exit_code == 0, told.stderr
    assert "read first" in told.stdout
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "test.csv" in page
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    pictures = list((tmp_path / "figures").glob("*.png"))
    assert len(pictures) > 4
    assert len(drawn) == 1
    for path in pictures:
        assert path.with_suffix(".pdf").is_file()
        assert b64encode(path.read_bytes()).decode() in page


def test_batches_score_as_the_whole_does(tables, pooled, tmp_path):
    own = pooled.model.parent / "support_map.csv"
    given = {"common_support_map_csv": own, "figures": False, "max_test_rows": 100}
    whole = rt_evaluate([pooled.model], tables / "test.csv", out=tmp_path / "a", **given)
    parts = rt_evaluate(
        [pooled.model], tables / "test.csv", out=tmp_path / "b", stream=True, **given
    )
    assert parts.rows == whole.rows == 100
    for column in ("mae", "rmse", "coverage_95"):
        assert parts.table[column][0] == pytest.approx(whole.table[column][0])


def test_intervals_may_be_scaled_and_of_another_level(tables, pooled, tmp_path):
    wide = rt_evaluate(
        [pooled.model], tables / "test.csv", out=tmp_path, pred_std_scale=3, interval=0.8,
        figures=False,
    )  # fmt: skip
    assert wide.table["coverage_80"][0] > 0.97


def test_unseen_groups_are_scored_skipped_or_refused(tables, pooled, baselines, tmp_path):
    strange = tmp_path / "strange.csv"
    pl.read_csv(tables / "test.csv").with_columns(pl.col("comp_id") + 1000).write_csv(strange)
    found = rt_evaluate([pooled.model], strange, out=tmp_path / "a", figures=False)
    assert found.table["share_scored"][0] == 1
    assert found.table["coverage_95"][0] > 0.5
    with pytest.raises(TableError, match="none of the .* rows"):
        rt_evaluate([baselines / "ridge"], strange, out=tmp_path / "b", figures=False)
    with pytest.raises(TableError, match="require_seen_group"):
        rt_evaluate(
            [pooled.model], tables / "test.csv", out=tmp_path / "b", require_seen_group=True
        )


# Bad input: a clear error, or a right answer.


def spoiled(tables, tmp_path, change):
    path = tmp_path / "spoiled.csv"
    change(pl.read_csv(tables / "train.csv", infer_schema_length=None)).write_csv(path)
    return path


def first(column, value):
    """A table whose first row has another value there."""
    at = pl.int_range(pl.len()) == 0
    return lambda t: t.with_columns(pl.when(at).then(value).otherwise(column).alias(column))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: first("species_cluster", 99)(t), "lie in several supercategories"),
        (lambda t: t.rename({"comp_id": "compid"}), "perhaps `compid`"),
        (lambda t: t.select(pl.exclude("^IS.*$")), "has no internal standards"),
        (lambda t: first("comp_id", -4)(t), "between 0 and 4294967295"),
        (lambda t: first("comp_id", 2**33)(t), "between 0 and 4294967295"),
        (lambda t: first("rt", float("nan"))(t), "missing or not finite in 1 rows"),
        (lambda t: t.with_columns(pl.col("rt") * 60), "look like seconds"),
        (lambda t: t.with_columns(IS_1=pl.lit("x")), "must be numbers|cannot be read"),
        (lambda t: t.clear(), "empty|no row|has no rows"),
    ],
)
def test_bad_tables_are_refused_in_one_line(tables, tmp_path, change, words):
    path = spoiled(tables, tmp_path, change)
    with pytest.raises(TableError, match=words):
        rt_train(path, out=tmp_path / "m")
    told = run("rt", "train", path, "--out", tmp_path / "m")
    assert told.exit_code == 2
    assert told.stderr.startswith("errorbar: ")
    assert len(told.stderr.strip().splitlines()) <= 2
    assert not (tmp_path / "m" / "model.safetensors").exists()


def test_seconds_are_understood_where_they_are_said(tables, pooled, tmp_path):
    path = spoiled(tables, tmp_path, lambda t: t.with_columns(pl.col("^(rt|IS.*)$") * 60))
    found = rt_train(
        path, unit="seconds", chemistry=tables / "chem.csv", out=tmp_path / "m", widen=False
    )
    assert found.scales == pytest.approx(pooled.scales, rel=1e-3)
    told = {"data": path, "unit": "seconds"}
    answer = rt_predict(tmp_path / "m", **told).table
    same = rt_predict(tmp_path / "m", data=tables / "train.csv").table
    np.testing.assert_allclose(answer["rt"], same["rt"], atol=1e-6)
    scores = rt_evaluate(
        [tmp_path / "m"], path, unit="seconds", figures=False, out=tmp_path / "e"
    ).table
    assert scores["mae"][0] < 0.1
    with pytest.raises(TableError, match="look like seconds"):
        rt_evaluate([tmp_path / "m"], path, figures=False, out=tmp_path / "f")
    with pytest.raises(TableError, match="look like seconds"):
        rt_predict(tmp_path / "m", data=path)


def test_a_table_of_two_units_is_refused(tables, tmp_path):
    half = pl.col("task_id") % 2 == 0
    path = spoiled(
        tables, tmp_path,
        lambda t: t.with_columns(pl.when(half).then(pl.col("rt") * 60).otherwise(pl.col("rt"))),
    )  # fmt: skip
    with pytest.raises(TableError, match="about sixty times as late .* units? are mixed|mixed"):
        rt_train(path, out=tmp_path / "m")


def test_missing_times_may_be_left_out_and_are_counted(tables, tmp_path):
    path = spoiled(tables, tmp_path, first("rt", float("nan")))
    found = rt_train(path, drop_missing=True, out=tmp_path / "m")
    assert any(note.startswith("1 of ") for note in found.notes)


def test_constant_covariates_do_no_harm(tables, pooled, tmp_path):
    path = spoiled(tables, tmp_path, lambda t: t.with_columns(IS9=pl.lit(7.5)))
    found = rt_train(path, chemistry=tables / "chem.csv", out=tmp_path / "m", widen=False)
    assert any("1 covariates are constant" in note for note in found.notes)
    assert found.scales["sigma"] == pytest.approx(pooled.scales["sigma"], rel=1e-2)
    ridge = rt_train(path, model="ridge", out=tmp_path / "r")
    assert np.isfinite(ridge.scales["sigma"])


def test_one_row_of_each_group_is_pooled_and_no_ridge_tells_its_noise(tables, tmp_path):
    path = spoiled(
        tables, tmp_path, lambda t: t.unique(["species", "comp_id"], keep="first",
                                             maintain_order=True)
    )  # fmt: skip
    found = rt_train(path, chemistry=tables / "chem.csv", out=tmp_path / "m")
    times = rt_predict(found.model, data=tables / "test.csv").table
    assert times["sd"].is_finite().all()
    true = pl.read_csv(tables / "test.csv")["rt"].to_numpy()
    covered = (times["lower"].to_numpy() <= true) & (true <= times["upper"].to_numpy())
    assert covered.mean() > 0.8
    told = run("rt", "train", path, "--group-col", "species", "--out", tmp_path / "r")
    assert told.exit_code == 1
    assert "noise cannot be told" in told.stderr
    with pytest.raises(FitError):
        rt_train(path, model="ridge", group_col="species", out=tmp_path / "r")


def test_peaks_that_repeat_are_noted_and_count_as_one(tables, pooled, tmp_path):
    path = spoiled(tables, tmp_path, lambda t: pl.concat([t, t]))
    found = rt_train(path, chemistry=tables / "chem.csv", out=tmp_path / "m", widen=False)
    assert any("repeat a compound in its run" in note for note in found.notes)
    assert found.scales["sigma"] == pytest.approx(pooled.scales["sigma"], rel=1e-2)
    twice = pl.read_csv(tables / "chem.csv")
    pl.concat([twice, twice]).write_csv(tmp_path / "twice.csv")
    with pytest.raises(TableError, match="several rows of descriptors"):
        rt_train(tables / "train.csv", chemistry=tmp_path / "twice.csv", out=tmp_path / "n")


def test_an_empty_test_set_is_said(tables, pooled, tmp_path):
    empty = tmp_path / "empty.csv"
    pl.read_csv(tables / "test.csv").clear().write_csv(empty)
    for stream in (False, True):
        with pytest.raises(TableError, match="has no rows: there is nothing to evaluate"):
            rt_evaluate([pooled.model], empty, out=tmp_path / "e", stream=stream)
    with pytest.raises(TableError, match="nothing to predict"):
        rt_predict(pooled.model, data=empty)


def test_a_table_without_the_models_covariates_is_refused(tables, pooled, tmp_path):
    other = tmp_path / "other.csv"
    pl.read_csv(tables / "test.csv").drop("IS_2").write_csv(other)
    with pytest.raises(TableError, match="lacks 1 column: `IS_2`"):
        rt_evaluate([pooled.model], other, out=tmp_path)


def test_pymc_that_is_not_there_is_named_with_its_extra(tables, tmp_path, monkeypatch):
    from errorbar.rt.fit.reference import advi

    def missing(*_, **__):
        raise MissingExtraError("pymc", "nuts")

    monkeypatch.setattr(advi, "load", missing)
    monkeypatch.setattr(advi, "build_graph", missing)
    told = run("rt", "train", tables / "train.csv", "--method", "advi", "--out", tmp_path)
    assert told.exit_code == 2
    assert "errorbar[nuts]" in told.stderr
