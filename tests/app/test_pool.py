"""`errorbar survey pool`."""

import json

import numpy as np
import polars as pl
import pytest

from errorbar.app.verbs import survey_pool, survey_synth
from errorbar.core.errors import SettingsError, SurveyError, TableError
from errorbar.survey.data import HermesData
from errorbar.survey.fit.pooled import fit_pooled, mass_bins
from tests.app.test_commands import run


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A catalogue whose planets have a class of their own: every third is `icy`."""
    folder = tmp_path_factory.mktemp("survey")
    made = survey_synth(folder, n=60).catalogue
    kind = pl.when(pl.int_range(pl.len()) % 3 == 0).then(pl.lit("icy")).otherwise(pl.lit("rocky"))
    path = folder / "planets.csv"
    pl.read_csv(made).with_columns(kind=kind).write_csv(path)
    return path


def test_bins_of_mass_are_pooled_as_the_library_pools_them(table, tmp_path):
    out = tmp_path / "pooled"
    told = run("survey", "pool", table, "--bins", 3, "--level", 0.9, "--out", out, "--json")
    assert told.exit_code == 0, told.stderr
    answer = json.loads(told.stdout)
    fit = fit_pooled(mass_bins(HermesData(table).data(star=False), 3))
    assert answer["classes"] == fit.table(0.9).to_dicts()
    assert answer["shared"]["tau"] == fit.summary(0.9)["tau"]
    assert answer["whole"]["mean"] == fit.whole[0]
    assert pl.read_csv(out / "pooled_slopes.csv")["N"].sum() == 60
    assert {"pooled_slopes.pdf", "pooled_slopes.png"} <= {path.name for path in out.iterdir()}


def test_a_column_makes_the_classes(table, tmp_path):
    told = run(
        "survey", "pool", table, "--by", "kind", "--spread", 1, "--no-figures", "--out", tmp_path
    )
    assert told.exit_code == 0, told.stderr
    assert "slopes of 2 classes, 60 planets" in told.stdout
    assert "spread of slopes, tau" in told.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["pooled_slopes.csv"]
    rows = pl.read_csv(tmp_path / "pooled_slopes.csv")
    assert dict(rows.select("class_label", "N").rows()) == {"icy": 20, "rocky": 40}
    alone = HermesData(pl.read_csv(table).filter(pl.col("kind") == "icy")).data(star=False)
    assert np.isclose(rows["centre"][0], alone.centre)


def test_what_no_class_can_be_made_of_is_said(table, tmp_path):
    place = {"out": tmp_path / "none"}
    with pytest.raises(TableError, match="has no column `colour`.*kind"):
        survey_pool(table, by="colour", **place)
    with pytest.raises(SettingsError, match="two ways to make classes"):
        survey_pool(table, by="kind", bins=3, **place)
    with pytest.raises(SurveyError, match="ask for fewer classes"):
        survey_pool(table, bins=40, **place)
    with pytest.raises(SettingsError, match="tau_scale=-1"):
        survey_pool(table, spread=-1.0, **place)
    some = pl.read_csv(table).with_columns(
        pl.when(pl.int_range(pl.len()) == 4).then(None).otherwise("kind").alias("kind")
    )
    some.write_csv(tmp_path / "gap.csv")
    with pytest.raises(TableError, match="1 planets .* have no `kind`, the first is Synth-0005 b"):
        survey_pool(tmp_path / "gap.csv", by="kind", **place)
    assert not place["out"].exists()
