"""`errorbar audit` and `errorbar recalibrate`, on tables as other code writes them."""

import json

import numpy as np
import polars as pl
import pytest

from errorbar.app.verbs import audit, recalibrate
from errorbar.app.verbs.audit_columns import find_columns, quantile_level
from errorbar.core.errors import ArtifactError, InputError, SettingsError, TableError
from tests.app.test_commands import run
from tests.core.audit.cases import QUANTILES, classes, numbers, softmax

ROWS = 1200


def frame_of(seed=0, factor=1.0):
    sd, errors, band, _ = numbers(ROWS, seed)
    return pl.DataFrame(
        {
            "name": [f"row{i}" for i in range(ROWS)],
            "y_true": 3 + factor * sd * errors,
            "y_pred": 3 + 0 * sd,
            "sigma": sd,
            "band": band,
            "run": np.arange(ROWS) // 4,
        }
    )


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    frame_of().write_csv(folder / "good.csv")
    frame_of(factor=1.5).write_csv(folder / "narrow.csv")
    logits, labels, band, _ = classes(ROWS, 2, size=3)
    probs = softmax(2 * logits)
    names = np.array(["star", "galaxy", "qso"])
    columns = {f"p_{name}": probs[:, at] for at, name in enumerate(names)}
    pl.DataFrame({"label": names[labels], **columns, "band": band}).write_parquet(
        folder / "classes.parquet"
    )
    return folder


def test_true_error_bars_pass_and_leave_all_files(tables, tmp_path):
    out = tmp_path / "good"
    told = run("audit", tables / "good.csv", "--slice", "band", "--group", "run", "--id", "name",
               "--out", out, "--check")  # fmt: skip
    assert told.exit_code == 0, told.stderr
    assert "No fault found: 1,200 rows" in told.stdout
    assert "sd: column 'sigma', guessed by its name" in told.stdout
    assert "Nothing: no recalibration helps" in told.stdout
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert {"audit.json", "slices.csv", "recalibration.json", "worst.csv", "audit.html"} <= names
    assert {"figures/calibration.png", "figures/slice_band.pdf"} <= names
    held = json.loads((out / "audit.json").read_text("utf-8"))
    assert held["verdict"]["passed"]
    assert held["groups"] == 300
    page = (out / "audit.html").read_text("utf-8")
    assert "No fault found" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert pl.read_csv(out / "worst.csv").columns[:2] == ["row", "name"]


def test_a_fault_fails_the_check_and_is_told_to_machines(tables, tmp_path):
    out = tmp_path / "narrow"
    asked = ("audit", tables / "narrow.csv", "--no-figures", "--out", out, "--json")
    told = run(*asked, "--check")
    assert told.exit_code == 1
    assert run(*asked).exit_code == 0
    answer = json.loads(told.stdout)
    (fault,) = answer["verdict"]["faults"]
    assert fault["kind"] == "too narrow"
    assert fault["factor"] == pytest.approx(1.5, rel=0.1)
    assert not (out / "audit.html").exists()


def test_a_recalibration_is_applied_to_another_table(tables, tmp_path):
    made = audit(tables / "narrow.csv", out=tmp_path / "a", figures=False)
    new = frame_of(seed=9, factor=1.5).drop("y_true")
    new.write_csv(tmp_path / "new.csv")
    told = run("recalibrate", tmp_path / "new.csv", "--with", made.files["recalibration.json"],
               "--out", tmp_path / "better.parquet")  # fmt: skip
    assert told.exit_code == 0, told.stderr
    assert "Multiply every error bar by 1.5" in told.stdout
    better = pl.read_parquet(tmp_path / "better.parquet")
    assert better.columns[:5] == new.columns
    factor = better["sigma_recalibrated"] / better["sigma"]
    np.testing.assert_allclose(factor, factor[0])
    truth = frame_of(seed=9, factor=1.5)["y_true"]
    inside = truth.is_between(better["lower_90_recalibrated"], better["upper_90_recalibrated"])
    assert inside.mean() == pytest.approx(0.9, abs=0.03)
    with pytest.raises(SettingsError, match="recalibrated before"):
        recalibrate(
            tmp_path / "better.parquet",
            recalibration=made.files["recalibration.json"],
            out=tmp_path / "twice.csv",
        )


def test_probabilities_are_audited_and_recalibrated(tables, tmp_path):
    table = tables / "classes.parquet"
    made = audit(table, slices=["band"], out=tmp_path / "a")
    assert made.verdict.faults[0].kind == "overconfident"
    assert {path.name for path in made.figures} == {"reliability.png", "slice_band.png"}
    done = recalibrate(
        table, recalibration=made.files["recalibration.json"], out=tmp_path / "new.csv"
    )
    assert done.columns == ("p_star_recalibrated", "p_galaxy_recalibrated", "p_qso_recalibrated")
    new = pl.read_csv(tmp_path / "new.csv")
    np.testing.assert_allclose(new.select(done.columns).sum_horizontal(), 1)
    new.select(
        "label", "band", *(pl.col(name).alias(name.removesuffix("_recalibrated"))
                           for name in done.columns)
    ).write_csv(tmp_path / "again.csv")  # fmt: skip
    again = audit(tmp_path / "again.csv", out=tmp_path / "b", figures=False)
    assert "overconfident" not in [fault.kind for fault in again.verdict.faults]


@pytest.mark.parametrize("form", ["interval", "quantiles", "bars"])
def test_other_forms_of_claims_are_read(form, tmp_path):
    sd, errors, _, _ = numbers(ROWS, 5)
    columns = {"truth": sd * errors}
    more = ()
    if form == "interval":
        columns |= {"lo": -1.645 * sd, "hi": 1.645 * sd}
        more = ("--level", 0.9)
    elif form == "quantiles":
        columns |= {f"q{100 * at:02.0f}": q * sd for at, q in QUANTILES.items()}
    else:
        columns |= {"pred": 0 * sd, "err_minus": sd, "err_plus": sd}
    pl.DataFrame(columns).write_csv(tmp_path / "table.csv")
    told = run("audit", tmp_path / "table.csv", *more, "--out", tmp_path / "out")
    assert told.exit_code == 0, told.stderr
    assert "No fault found" in told.stdout
    assert (tmp_path / "out" / "figures" / "calibration.png").exists()


def broken(change):
    return frame_of().with_columns(change)


@pytest.mark.parametrize(
    ("frame", "how", "words"),
    [
        (frame_of().drop("sigma"), {}, "without error bars cannot be audited"),
        (frame_of().rename({"y_true": "z"}), {}, "looks like the truth.*--truth"),
        (frame_of().with_columns(truth=pl.lit(1.0)), {}, "'y_true' and 'truth' could each be"),
        (frame_of().with_columns(err=pl.lit(1.0)), {}, "'sigma' and 'err' could each be the sd"),
        (frame_of().with_columns(lo=1.0, hi=2.0), {}, "several claims"),
        (frame_of().with_columns(lo=1.0, hi=2.0), {"lower": "lo", "upper": "hi"}, "--level"),
        (frame_of(), {"sd": "sigma", "quantiles": ["y_pred"]}, "different claims"),
        (frame_of(), {"sd": "sd"}, "no column 'sd'"),
        (frame_of(), {"slices": ["colour"]}, "no column 'colour'"),
        (frame_of(), {"prob": "p_"}, "0 columns begin with 'p_'"),
        (frame_of().head(0), {}, "has no rows"),
        (
            broken(pl.when(pl.col("run") == 2).then(pl.lit("3 s")).otherwise("y_true")
                   .alias("y_true")),
            {}, "text in 4 of 1200 rows, first at row 8 .'3 s'",
        ),
        (
            broken(pl.when(pl.col("run") == 2).then(None).otherwise("y_true").alias("y_true")),
            {}, "4 of 'y_true'.*first at row 8.*--drop-missing",
        ),
        (broken((-pl.col("sigma")).alias("sigma")), {}, "`sd` must be positive; 1200"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_table_is_said(frame, how, words, tmp_path):
    frame.write_csv(tmp_path / "table.csv")
    with pytest.raises(InputError, match=words):
        audit(tmp_path / "table.csv", out=tmp_path / "out", figures=False, **how)
    assert not (tmp_path / "out").exists()


def test_missing_rows_are_left_out_when_asked_and_counted(tmp_path):
    broken(pl.when(pl.col("run") == 2).then(None).otherwise("y_true").alias("y_true")).write_csv(
        tmp_path / "table.csv"
    )
    found = audit(tmp_path / "table.csv", out=tmp_path / "o", figures=False, drop_missing=True)
    assert found.rows == ROWS - 4
    assert any("left out: 4 of 1200 rows" in note for note in found.notes)


def test_a_ragged_table_and_no_table_are_told_in_one_line(tmp_path):
    (tmp_path / "ragged.csv").write_text("truth,mean,sd\n1,2,3\n1,2,3,4\n")
    told = run("audit", tmp_path / "ragged.csv", "--out", tmp_path / "o")
    assert told.exit_code == 2
    assert "as many cells in every row" in told.stderr
    assert run("audit", tmp_path / "none.csv").exit_code == 2


def test_a_file_that_is_no_recalibration_is_refused(tables, tmp_path):
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(ArtifactError, match="recalibration.json"):
        recalibrate(
            tables / "good.csv", recalibration=tmp_path / "other.json", out=tmp_path / "x.csv"
        )
    made = audit(tables / "good.csv", out=tmp_path / "a", figures=False)
    frame_of().drop("sigma").write_csv(tmp_path / "less.csv")
    with pytest.raises(TableError, match="no column 'sigma'"):
        recalibrate(
            tmp_path / "less.csv",
            recalibration=made.files["recalibration.json"],
            out=tmp_path / "x.csv",
        )


@pytest.mark.parametrize(
    ("name", "level"),
    [("q05", 0.05), ("q50", 0.5), ("Q95", 0.95), ("q2.5", 0.025), ("q025", 0.025), ("q975", 0.975),
     ("q_0.9", 0.9)],
)  # fmt: skip
def test_names_of_quantiles_say_their_level(name, level):
    assert quantile_level(name) == pytest.approx(level)


def test_guesses_are_told_apart_from_what_was_said():
    names = ["truth", "mean", "sd", "x"]
    found = find_columns(names, {"truth": "truth", "sd": "x"}, None, None)
    assert found.roles == {"truth": "truth", "mean": "mean", "sd": "x"}
    assert found.guessed == ("mean",)
