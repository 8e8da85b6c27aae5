import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errorbar.core.contracts import (
    CONTRACTS,
    PREDICTIONS,
    SEDS,
    SPECTRA,
    STARS,
    Column,
    TableContract,
    arrow_schema,
    check_table,
    conform_table,
    find_contract,
    from_arrow,
    from_parquet,
    read_header,
    to_arrow,
    to_parquet,
    upgrade_table,
)
from errorbar.core.errors import ContractError, TableError
from tests.core.contracts.examples import FRAMES, tables_of

ALL = sorted(CONTRACTS)


@settings(max_examples=10)
@given(st.data())
@pytest.mark.parametrize("name", ALL)
def test_a_table_comes_back_from_arrow_and_parquet_as_it_was(name, data):
    frame = data.draw(tables_of(name))
    contract = CONTRACTS[name]
    assert conform_table(frame, contract).equals(frame)
    for back in (
        from_arrow(to_arrow(frame, contract)),
        from_parquet(to_parquet(frame, contract)),
        from_parquet(to_parquet(frame, contract), contract),
    ):
        assert back.schema == frame.schema
        assert back.equals(frame)


@pytest.mark.parametrize("name", ALL)
def test_arrow_says_units_and_lists_that_other_programs_read(name):
    import pyarrow as pa

    schema = arrow_schema(CONTRACTS[name])
    assert schema.names == list(CONTRACTS[name].names)
    for field in schema:
        assert field.metadata[b"about"]
        assert not pa.types.is_large_list(field.type)
    table = to_arrow(FRAMES[name], CONTRACTS[name])
    assert table.schema.equals(schema)
    if "ra" in schema.names:
        assert schema.field("ra").metadata[b"unit"] == b"deg"
        assert not schema.field("ra").nullable


def test_equal_tables_are_equal_bytes_and_their_header_is_read_without_their_rows():
    data = to_parquet(FRAMES["seds"], SEDS, {"provenance": {"query": "q"}})
    assert data == to_parquet(FRAMES["seds"], SEDS, {"provenance": {"query": "q"}})
    assert read_header(data) == {"contract": "seds", "version": 1, "provenance": {"query": "q"}}


def test_a_table_without_a_contract_keeps_its_types():
    frame = pl.DataFrame({"a": [1, None], "b": [["x"], []]}).with_columns(
        pl.col("a").cast(pl.Int8), c=pl.lit("x").cast(pl.Enum(["x", "y"]))
    )
    back = from_parquet(to_parquet(frame))
    assert back.schema == frame.schema
    assert back.equals(frame)


def changed(name, **columns):
    frame = FRAMES[name]
    cast = {key: pl.lit(value, dtype=frame.schema[key]) for key, value in columns.items()}
    return pl.concat([frame, frame.with_columns(pl.lit("2").alias(key_of(name)), **cast)])


def key_of(name):
    return {"labels": "star_id", "predictions": "object_id"}.get(name, "obs_id")


@pytest.mark.parametrize(
    ("name", "columns", "column", "says"),
    [
        ("stars", {"ra": 360.0}, "ra", "0 or more and below 360 deg"),
        ("stars", {"dec": -90.5}, "dec", "-90 or more and 90 or less"),
        ("stars", {"epoch": 57388.0}, "epoch", "2200 or less"),
        ("stars", {"star_id": None}, "star_id", "may not be null"),
        ("stars", {"survey": ""}, "survey", "empty text"),
        ("stars", {"parallax": float("nan")}, "parallax", "finite"),
        ("stars", {"parallax_err": 0.0}, "parallax_err", "above 0"),
        ("seds", {"err": None}, "err", "a detection needs an error bar"),
        ("seds", {"system": None}, "system", "AB or Vega"),
        ("seds", {"unit": "Jy"}, "unit", "one of flux, mag"),
        ("seds", {"value": float("inf")}, "value", "finite"),
        ("spectra", {"wave": [5001.0, 5000.0]}, "wave", "must grow"),
        ("spectra", {"wave": [5000.0]}, "wave", "one length"),
        ("spectra", {"ivar": [1.0, -1.0]}, "ivar", "0 or more"),
        ("spectra", {"flux": [1.0, float("nan")]}, "flux", "finite"),
        ("spectra", {"mask": [True, None]}, "mask", "nulls inside"),
        ("light_curves", {"time": [2.0, 1.0]}, "time", "in order"),
        ("light_curves", {"err": [0.1, 0.0]}, "err", "above 0"),
        ("labels", {"number": 1.0}, "value", "a class or a number, and not both"),
        ("labels", {"taxonomy": None}, "taxonomy", "name@version"),
        ("labels", {"quality": 1.5}, "quality", "1 or less"),
        ("predictions", {"probabilities": [0.9, 0.2]}, "probabilities", "sum to one"),
        ("predictions", {"probabilities": [1.0]}, "probabilities", "one probability"),
        ("predictions", {"set": ["Mira"]}, "set", "only names in class_names"),
        ("predictions", {"alpha": None}, "alpha", "needs its alpha"),
    ],
)
def test_a_bad_row_is_refused_by_column_count_and_place(name, columns, column, says):
    with pytest.raises(ContractError, match=re.escape(says)) as caught:
        check_table(changed(name, **columns), CONTRACTS[name])
    assert (caught.value.column, caught.value.rows, caught.value.first) == (column, 1, 1)
    assert "1 of 2 rows" in str(caught.value)


@pytest.mark.parametrize(
    ("estimate", "says"),
    [
        ({"lower": 2.0, "upper": 1.0}, "lower end is above"),
        ({"level": 1.0}, "not between 0 and 1"),
        ({"mean": None}, "not finite"),
        ({"name": None}, "without a name"),
    ],
)
def test_an_interval_that_is_none_is_refused(estimate, says):
    good = FRAMES["predictions"].row(0, named=True)["parameters"][0]
    bad = pl.Series("parameters", [[good | estimate]], dtype=PREDICTIONS_ESTIMATES)
    with pytest.raises(ContractError, match=says):
        check_table(FRAMES["predictions"].with_columns(bad), PREDICTIONS)


PREDICTIONS_ESTIMATES = FRAMES["predictions"].schema["parameters"]


def test_an_observation_may_be_there_twice_only_as_a_correction():
    frame = FRAMES["stars"]
    with pytest.raises(ContractError, match=r"1 rows repeat an earlier one, first at row 1"):
        check_table(pl.concat([frame, frame]), STARS)
    later = frame.with_columns(pl.col("created").dt.offset_by("1d"))
    check_table(pl.concat([frame, later]), STARS)


def test_columns_that_are_missing_unknown_or_of_another_type_are_named():
    frame = FRAMES["stars"]
    for bad, says in (
        (frame.drop("ra"), "lacks 1 columns: ra"),
        (frame.with_columns(x=1), "does not know: x"),
        (frame.with_columns(pl.col("ra").cast(pl.Float32)), "`ra` of a stars@1 table is Float32"),
        (frame.select(reversed(frame.columns)), "conform_table"),
    ):
        with pytest.raises(ContractError, match=says):
            check_table(bad, STARS)


def test_conforming_widens_what_loses_nothing_and_refuses_the_rest():
    frame = FRAMES["stars"]
    loose = frame.select(reversed(frame.columns)).drop("pm_dec")
    loose = loose.with_columns(
        pl.lit(2).alias("ra"),
        pl.col("created").dt.convert_time_zone("Asia/Tokyo").dt.cast_time_unit("ms"),
        pl.col("survey").cast(pl.Categorical),
    )
    made = conform_table(loose, STARS)
    assert made.drop("ra").equals(frame.drop("ra"))
    assert made["ra"].to_list() == [2.0]
    for bad, says in (
        (pl.lit("1.5").alias("ra"), "without loss"),
        (pl.lit(2**53 + 1).alias("parallax"), "cannot hold exactly"),
        (pl.col("created").dt.replace_time_zone(None), "with a time zone"),
        (pl.lit(1).alias("strange"), "strange"),
    ):
        with pytest.raises(ContractError, match=says):
            conform_table(frame.with_columns(bad), STARS)
    with pytest.raises(ContractError, match="lacks 1 columns: ra"):
        conform_table(frame.drop("ra"), STARS)


def test_a_spectrum_may_be_empty():
    empty = FRAMES["spectra"].with_columns(
        *(pl.lit([], dtype=FRAMES["spectra"].schema[c]).alias(c) for c in ("wave", "flux", "ivar")),
        pl.lit([], dtype=pl.List(pl.Boolean)).alias("mask"),
    )
    check_table(empty, SPECTRA)


NEXT = TableContract("stars", 2, "tomorrow's", (*STARS.columns, Column("rv", "number", "km/s")))


def test_an_older_table_is_led_to_todays_version_step_by_step():
    old = FRAMES["stars"]
    steps = {("stars", 1): lambda frame: frame.with_columns(rv=pl.lit(0.0))}
    made = upgrade_table(old, NEXT, 1, steps)
    check_table(made, NEXT)
    assert upgrade_table(made, NEXT, 2, steps) is made
    with pytest.raises(TableError, match="nothing leads from version 1 to 2"):
        upgrade_table(old, NEXT, 1)


def test_a_table_of_a_newer_version_or_another_contract_is_refused():
    newer = FRAMES["stars"].with_columns(rv=pl.lit(0.0))
    with pytest.raises(TableError, match="newer one"):
        from_arrow(to_arrow(newer, NEXT))
    with pytest.raises(TableError, match="is of 'seds', and 'stars' was asked for"):
        from_arrow(to_arrow(FRAMES["seds"], SEDS), STARS)
    with pytest.raises(TableError, match="choose one of stars"):
        find_contract("nothing")


def test_a_contract_without_sense_is_refused():
    with pytest.raises(TableError, match="columns twice: a"):
        TableContract("x", 1, "", (Column("a", "text", ""), Column("a", "number", "")))
    with pytest.raises(TableError, match="lacks: b"):
        TableContract("x", 1, "", (Column("a", "text", ""),), key=("b",))
    with pytest.raises(TableError, match="no column 'b'"):
        STARS.column("b")
    assert STARS.column("ra").unit == "deg"


@pytest.mark.parametrize("metadata", [b"{", b"[]"])
def test_metadata_that_is_no_header_is_refused(metadata):
    table = to_arrow(FRAMES["stars"], STARS).replace_schema_metadata({b"errorbar": metadata})
    with pytest.raises(TableError, match="metadata"):
        from_arrow(table)
