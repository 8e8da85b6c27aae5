import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import (
    MeasurementError,
    MissingExtraError,
    SettingsError,
    SurveyError,
    TableError,
)
from errorbar.survey.data import HermesData, Plausible
from errorbar.survey.data.columns import survey_arrays

STAR = ("Star Metallicity", "Star Metallicity Error Lower", "Star Metallicity Error Upper")


def planets(rows=40, seed=0, **columns):
    rng = np.random.default_rng(seed)
    mass = rng.uniform(-2.0, 1.2, rows)
    table = {
        "Planet Name": [f"Mock-{row} b" for row in range(rows)],
        "logM": mass,
        "log(X_H2O)": -0.95 - 1.09 * mass + rng.normal(0, 0.5, rows),
        "uncertainty_lower": np.full(rows, 0.15),
        "uncertainty_upper": np.full(rows, 0.25),
    }
    return pl.DataFrame({**table, **columns})


def with_star(rows=40, seed=0, **columns):
    rng = np.random.default_rng(seed + 1)
    star = rng.normal(0.1, 0.2, rows), np.full(rows, 0.05), np.full(rows, 0.07)
    return planets(rows, seed, **{**dict(zip(STAR, star)), **columns})


def spoiled(column, row, value, frame=None):
    frame = with_star() if frame is None else frame
    values = frame.get_column(column).to_list()
    values[row] = value
    return frame.with_columns(pl.Series(column, values, strict=False))


# --- what goes in comes out


def test_one_catalogue_reads_the_same_from_every_kind_of_table(tmp_path):
    frame = with_star()
    frame.write_csv(tmp_path / "c.csv")
    frame.write_parquet(tmp_path / "c.parquet")
    sources = [tmp_path / "c.csv", str(tmp_path / "c.parquet"), frame.lazy(), frame.to_pandas()]
    whole = HermesData(frame)
    for source in sources:
        read = HermesData(source)
        assert read.df.equals(whole.df)
        assert not read.dropped


def test_a_catalogue_written_and_read_again_is_the_same(tmp_path):
    once = HermesData(spoiled("logM", 3, None))
    once.df.write_csv(tmp_path / "again.csv")
    again = HermesData(tmp_path / "again.csv")
    assert again.df.equals(once.df)
    assert not again.dropped


def test_pandas_gets_back_what_pandas_gave():
    frame = with_star().to_pandas()
    pd.testing.assert_frame_equal(HermesData(frame).to_pandas(), frame, check_column_type=False)


def test_without_pandas_or_pyarrow_the_extra_to_install_is_named(monkeypatch):
    def missing(*args, **options):
        raise ModuleNotFoundError("not here")

    frame = planets().to_pandas()
    read = HermesData(planets())
    monkeypatch.setattr(pl, "from_pandas", missing)
    monkeypatch.setattr(pl.DataFrame, "to_pandas", missing)
    with pytest.raises(MissingExtraError, match=r"pyarrow .*errorbar\[survey\]"):
        HermesData(frame)
    with pytest.raises(MissingExtraError, match=r"pandas .*errorbar\[survey\]"):
        read.to_pandas()


def test_the_row_numbers_pandas_writes_are_just_another_column(tmp_path):
    with_star().to_pandas().to_csv(tmp_path / "c.csv")
    assert HermesData(tmp_path / "c.csv").df.drop("").equals(with_star())


def test_both_spellings_of_the_star_errors_are_one():
    frame = with_star()
    short = frame.rename({STAR[1]: "Star Metallicity Lower", STAR[2]: "Star Metallicity Upper"})
    assert HermesData(short).df.equals(HermesData(frame).df)


def test_columns_nobody_asked_for_are_kept():
    frame = planets(radius=np.linspace(0.1, 2.0, 40))
    assert HermesData(frame).df.get_column("radius").equals(frame.get_column("radius"))


def test_a_table_without_names_calls_planets_by_their_row():
    assert HermesData(planets(4).drop("Planet Name")).names == ("row 0", "row 1", "row 2", "row 3")


def test_a_catalogue_says_in_a_line_what_it_holds():
    assert repr(HermesData(planets(5))) == "HermesData(5 planets)"
    text = repr(HermesData(spoiled("logM", 0, None)))
    assert text == "HermesData(39 planets, stellar metallicities, 1 rows dropped)"


# --- bars


@given(row=st.integers(0, 39), seed=st.integers(0, 2**16))
def test_the_sign_of_a_lower_bar_carries_nothing(row, seed):
    frame = with_star(seed=seed)
    flip = np.random.default_rng(row).choice([-1.0, 1.0], 40)
    signed = frame.with_columns(pl.col("uncertainty_lower") * flip, pl.col(STAR[1]) * flip[::-1])
    assert HermesData(signed).df.equals(HermesData(frame).df)


def test_the_effective_error_is_the_mean_of_the_bars():
    data = HermesData(with_star()).data()
    np.testing.assert_allclose(data.sigma, 0.2, rtol=1e-15)
    np.testing.assert_allclose(data.star_sigma, 0.06, rtol=1e-15)
    np.testing.assert_array_equal(data.y, with_star().get_column("log(X_H2O)").to_numpy())


def test_a_split_normal_moves_the_value_towards_its_longer_bar():
    frame = with_star()
    data = HermesData(frame).data(bars="split-normal")
    shift = data.y - frame.get_column("log(X_H2O)").to_numpy()
    np.testing.assert_allclose(shift, np.sqrt(2 / np.pi) * 0.1, rtol=1e-12)
    variance = (1 - 2 / np.pi) * 0.1**2 + 0.15 * 0.25
    np.testing.assert_allclose(data.sigma, np.sqrt(variance), rtol=1e-12)


def test_the_effective_error_has_the_floor_of_the_reference():
    frame = planets(uncertainty_lower=np.full(40, 1e-9), uncertainty_upper=np.full(40, 1e-9))
    np.testing.assert_array_equal(HermesData(frame).data().sigma, 1e-6)


# --- rows dropped


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("logM", None, "`logM` is missing or not a finite number"),
        ("logM", float("nan"), "`logM` is missing or not a finite number"),
        ("log(X_H2O)", float("inf"), "`log(X_H2O)` is missing or not a finite number"),
        ("logM", 77.0, "`logM` is implausible"),
        ("log(X_H2O)", -99.0, "`log(X_H2O)` is implausible"),
        ("uncertainty_upper", None, "`uncertainty_upper` is missing or not a finite number"),
        ("uncertainty_upper", -0.2, "`uncertainty_upper` is negative"),
        ("uncertainty_lower", 0.0, "`uncertainty_lower` is zero"),
        ("uncertainty_upper", 99.0, "`uncertainty_upper` is wider than 10 dex"),
        (STAR[0], None, "`Star Metallicity` is missing"),
        (STAR[0], 99.0, "`Star Metallicity` is implausible"),
        (STAR[1], -0.0, "`Star Metallicity Error Lower` is zero"),
    ],
)
def test_one_bad_row_is_dropped_and_named_and_the_good_rows_are_not_lost(column, value, reason):
    frame = spoiled(column, 17, value)
    read = HermesData(frame)
    (group,) = read.dropped.groups
    assert group.reason.startswith(reason)
    assert (group.rows, group.names) == ((17,), ("Mock-17 b",))
    assert (read.dropped.rows_read, read.dropped.rows_kept, len(read)) == (40, 39, 39)
    left_out = with_star().filter(pl.col("Planet Name") != "Mock-17 b")
    assert read.df.equals(HermesData(left_out).df)
    with pytest.raises(TableError, match=re.escape(reason) + "(.|\n)*Mock-17 b"):
        HermesData(frame, strict=True)


def test_text_in_a_column_of_numbers_costs_only_its_row(tmp_path):
    lines = with_star().write_csv().splitlines()
    cells = lines[6].split(",")
    cells[1] = "unknown"
    (tmp_path / "c.csv").write_text("\n".join([*lines[:6], ",".join(cells), *lines[7:]]))
    read = HermesData(tmp_path / "c.csv")
    assert read.dropped.reasons == {"`logM` is missing or not a finite number": 1}
    assert len(read) == 39


@given(rows=st.sets(st.integers(0, 39), max_size=30), seed=st.integers(0, 2**16))
def test_every_row_is_kept_or_counted_once(rows, seed):
    rng = np.random.default_rng(seed)
    frame = with_star(seed=seed)
    for row in rows:
        column = rng.choice(["logM", "log(X_H2O)", "uncertainty_lower", STAR[0], STAR[2]])
        frame = spoiled(str(column), row, None, frame)
    read = HermesData(frame)
    lost = sorted(row for group in read.dropped.groups for row in group.rows)
    assert lost == sorted(rows)
    assert read.dropped.rows_kept == len(read) == 40 - len(rows)
    assert set(read.names) == {f"Mock-{row} b" for row in range(40) if row not in rows}


def test_the_report_reads_as_a_sentence_and_a_list():
    frame = spoiled("logM", 5, None, spoiled("uncertainty_upper", 9, 0.0))
    assert str(HermesData(frame).dropped).splitlines() == [
        "38 of 40 rows kept; 2 dropped:",
        "      1  `logM` is missing or not a finite number: Mock-5 b",
        "      1  `uncertainty_upper` is zero: an error bar claims perfect knowledge: Mock-9 b",
    ]
    assert str(HermesData(with_star()).dropped) == "40 of 40 rows kept."


def test_stars_need_not_be_complete_where_nobody_needs_them():
    frame = spoiled(STAR[0], 2, None)
    read = HermesData(frame, need_star=False)
    assert len(read) == 40
    assert read.data(star=False).n == 40
    assert read.data().n == 39
    assert read.data(star=False).star is None


def test_mass_errors_are_read_where_there_are_any():
    frame = planets(logM_err_lower=np.full(40, -0.04), logM_err_upper=np.full(40, 0.06))
    np.testing.assert_allclose(HermesData(frame).data().x_sigma, 0.05)
    assert HermesData(frame).data(mass_errors=False).x_sigma is None
    gap = spoiled("logM_err_lower", 4, None, frame)
    assert len(HermesData(gap)) == 39
    assert HermesData(gap, need_mass_errors=False).data(mass_errors=False).n == 40


@pytest.mark.parametrize(
    ("yes", "no"), [(True, False), ("TRUE", "false"), (1, 0), ("yes", "no"), (1.0, 0.0)]
)
def test_limits_are_understood_however_they_are_written(yes, no):
    frame = planets(4, limit=[yes, no, no, yes])
    np.testing.assert_array_equal(HermesData(frame).data().limit, [True, False, False, True])


def test_a_limit_that_says_neither_is_dropped():
    read = HermesData(planets(5, limit=["true", "maybe", None, "false", "false"]))
    assert read.dropped.reasons == {"`limit` says neither true nor false": 2}


# --- planets named twice


def test_a_planet_named_twice_is_refused_however_it_is_spelt():
    frame = spoiled("Planet Name", 20, "mock-3B")
    with pytest.raises(TableError, match=r"mock-3B.*row 20(.|\n)*duplicates='first'"):
        HermesData(frame)


def test_the_first_row_of_a_planet_can_be_kept():
    frame = spoiled("Planet Name", 20, "Mock-3 b")
    read = HermesData(frame, duplicates="first")
    assert read.dropped.groups[0].rows == (20,)
    assert read.names.count("Mock-3 b") == 1


def test_the_good_row_of_a_planet_stands_in_for_the_bad_one():
    frame = spoiled("logM", 3, None, spoiled("Planet Name", 20, "Mock-3 b"))
    assert HermesData(frame).dropped.groups[0].rows == (3,)


def test_an_unknown_rule_for_duplicates_is_refused():
    with pytest.raises(SettingsError, match="'refuse' or 'first'"):
        HermesData(planets(), duplicates="last")


# --- tables that are refused


def test_missing_columns_are_named_with_what_they_may_be_called():
    frame = planets().rename({"log(X_H2O)": "log(XH2O)"}).drop("uncertainty_upper")
    with pytest.raises(
        TableError, match=r"`log\(X_H2O\)` \(perhaps `log\(XH2O\)`\?\), `uncertainty_upper`"
    ):
        HermesData(frame)


def test_star_columns_can_be_demanded():
    with pytest.raises(TableError, match="Star Metallicity Error Upper"):
        HermesData(planets(), need_star=True)
    with pytest.raises(TableError, match="logM_err_lower"):
        HermesData(planets(), need_mass_errors=True)
    with pytest.raises(TableError, match="`Star Metallicity Error Upper`"):
        HermesData(with_star().drop(STAR[2]))


def test_two_spellings_at_once_are_ambiguous():
    frame = with_star(**{"Star Metallicity Lower": np.full(40, 0.1)})
    with pytest.raises(TableError, match="two spellings of one column: remove one"):
        HermesData(frame)


def test_a_catalogue_without_any_usable_planet_is_refused_with_its_reasons():
    frame = planets(3, logM=[None, None, float("inf")])
    with pytest.raises(TableError, match=r"0 of 3 rows kept; 3 dropped"):
        HermesData(frame)


def test_an_empty_table_is_refused():
    with pytest.raises(TableError, match="has no rows"):
        HermesData(planets().head(0))


def test_a_missing_file_is_named():
    with pytest.raises(TableError, match="no file nowhere.csv: check the path"):
        HermesData("nowhere.csv")


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "c.parquet").write_bytes(b"this is no parquet file")
    with pytest.raises(TableError, match="cannot be read as Parquet"):
        HermesData(tmp_path / "c.parquet")
    (tmp_path / "c.csv").write_text("")
    with pytest.raises(TableError, match="cannot be read as CSV"):
        HermesData(tmp_path / "c.csv")


@pytest.mark.parametrize("source", [42, [1, 2], pd.Series([1.0])])
def test_what_is_no_table_is_refused(source):
    with pytest.raises(TableError, match="pass the"):
        HermesData(source)


# --- units


@pytest.mark.parametrize(
    ("column", "convert", "look"),
    [
        ("logM", lambda x: 10 ** (x - 0.8), "masses in Jupiter masses, not their log10"),
        ("logM", lambda x: x - 0.8 + np.log10(317.8), "another unit than Jupiter's"),
        ("logM", lambda x: 10**x * 317.8, "outside"),
        ("logM", lambda x: x + np.log10(1.898e27), "outside"),
        ("log(X_H2O)", lambda y: 10 ** (y - 4), "linear fractions"),
        ("log(X_H2O)", lambda y: 10 ** (y + 3), "outside"),
        (STAR[0], lambda s: 100 * 10**s, "percentage"),
        (STAR[0], lambda s: 0.0134 * 10**s, "linear fractions"),
        ("uncertainty_lower", lambda s: 100 * s, "an error bar in dex"),
    ],
    ids=["Jupiters", "log Earths", "Earths", "log kg", "mixing", "ppm", "%", "Z", "% bar"],
)
def test_a_column_in_another_unit_is_refused_and_read_when_one_means_it(column, convert, look):
    frame = with_star().with_columns(
        pl.Series(column, convert(with_star().get_column(column).to_numpy()))
    )
    with pytest.raises(TableError, match=rf"`{re.escape(column)}`(.|\n)*{look}(.|\n)*units=None"):
        HermesData(frame)
    assert len(HermesData(frame, units=None)) == 40


def test_a_unit_error_counts_the_rows_and_shows_the_first():
    frame = planets(logM=np.r_[np.full(30, 0.5), np.full(10, 450.0)])
    with pytest.raises(TableError, match=r"outside \[-5, 3\] in 10 of 40 rows, first at row 30"):
        HermesData(frame)
    wide = Plausible(log_mass=(-5, 500), linear=False)
    assert len(HermesData(frame, units=wide)) == 40


def test_giant_planets_alone_are_no_unit_error():
    assert len(HermesData(planets(logM=np.linspace(0.04, 1.4, 40)))) == 40


@pytest.mark.parametrize(
    "wrong", [{"log_mass": (3, -5)}, {"share": 1.5}, {"largest_bar": float("nan")}]
)
def test_ranges_that_are_none_are_refused(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        Plausible(**wrong)


# --- arrays of a survey


def test_arrays_leave_rows_with_gaps_out_as_the_reference_does():
    frame = with_star()
    gap = spoiled("logM", 7, None, frame)
    data = survey_arrays(gap)
    assert data.n == 39
    assert "Mock-7 b" not in data.names
    assert survey_arrays(frame.drop("Planet Name")).names is None


def test_arrays_of_nothing_are_refused():
    with pytest.raises(SurveyError, match="nothing to fit"):
        survey_arrays(planets(3, logM=[None] * 3).cast({"logM": pl.Float64}))


def test_arrays_refuse_a_bar_of_zero():
    with pytest.raises(MeasurementError, match="row 2"):
        survey_arrays(spoiled("uncertainty_upper", 2, 0.0))
