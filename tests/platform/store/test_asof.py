from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errorbar.core.errors import TableError
from errorbar.platform.store import as_of


def day(n):
    return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=n)


def features(rows):
    return pl.DataFrame(
        [(star, day(event), day(created), value) for star, event, created, value in rows],
        schema={
            "star": pl.String,
            "event": pl.Datetime("us", "UTC"),
            "created": pl.Datetime("us", "UTC"),
            "value": pl.Float64,
        },
        orient="row",
    )


def asked(*rows):
    return pl.DataFrame(
        [(star, day(at)) for star, at in rows],
        schema={"star": pl.String, "at": pl.Datetime("us", "UTC")},
        orient="row",
    )


def values(queries, table, **options):
    return as_of(queries, table, by="star", at="at", event="event", **options)["value"].to_list()


def slow(queries, table, by, at, known, event, created):
    """Every feature row looked at for every query."""
    found = []
    for query in queries.iter_rows(named=True):
        best = None
        for place, row in enumerate(table.iter_rows(named=True)):
            fits = all(row[name] == query[name] for name in by)
            if fits and row[event] <= query[at] and row[created] <= query[known]:
                rank = (row[event], row[created], place)
                best = max(best, rank) if best else rank
        found.append(None if best is None else best[2])
    return found


small = st.integers(0, 6)


@settings(max_examples=150)
@given(
    rows=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1), small, small), max_size=40),
    queries=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 1), small, small), min_size=1, max_size=20
    ),
    known=st.sampled_from(["at", "known"]),
)
def test_the_row_in_force_is_the_one_that_looking_at_every_row_finds(rows, queries, known):
    table = pl.DataFrame(
        rows, schema=["a", "b", "event", "created"], schema_overrides=INTS, orient="row"
    ).with_row_index("value")
    asking = pl.DataFrame(
        queries, schema=["a", "b", "at", "known"], schema_overrides=INTS, orient="row"
    )
    found = as_of(asking, table, by=("a", "b"), at="at", event="event", known=known)
    assert found["value"].to_list() == slow(
        asking, table, ("a", "b"), "at", known, "event", "created"
    )
    assert found.select(asking.columns).equals(asking)


INTS = dict.fromkeys(("a", "b", "event", "created", "at", "known"), pl.Int64)


@pytest.mark.parametrize("seed", range(5))
def test_long_histories_agree_with_looking_at_every_row(seed):
    rng = np.random.default_rng(seed)
    table = pl.DataFrame(
        {
            "a": rng.integers(0, 3, 700),
            "b": 0,
            "event": rng.integers(0, 300, 700),
            "created": rng.integers(0, 300, 700) if seed else 250,
        }
    ).with_row_index("value")
    asking = pl.DataFrame({"a": rng.integers(0, 4, 60), "b": 0}).with_columns(
        at=pl.Series(rng.integers(-5, 310, 60)), known=pl.Series(rng.integers(-5, 310, 60))
    )
    table, asking = (each.with_columns(pl.col("a", "b").cast(pl.Int64)) for each in (table, asking))
    table = table.with_columns(pl.col("event", "created").cast(pl.Int64))
    found = as_of(asking, table, by=("a", "b"), at="at", event="event", known="known")["value"]
    wanted = slow(asking, table, ("a", "b"), "at", "known", "event", "created")
    assert found.to_list() == wanted
    assert 0 < found.null_count() < 60


def test_a_later_event_does_not_leak():
    table = features([("s", 1, 1, 1.0), ("s", 5, 5, 5.0)])
    assert values(asked(("s", 4), ("s", 5), ("s", 0)), table) == [1.0, 5.0, None]


def test_a_late_arrival_does_not_leak_before_it_arrived():
    # Observed on day 2, known on day 9: a join on event time alone would show it on day 3.
    table = features([("s", 1, 1, 1.0), ("s", 2, 9, 2.0)])
    assert values(asked(("s", 3), ("s", 8), ("s", 9)), table) == [1.0, 1.0, 2.0]


def test_a_correction_does_not_leak_before_it_was_made():
    # A join that keeps the newest row of each event would show 99 on day 2.
    table = features([("s", 1, 1, 1.0), ("s", 1, 6, 99.0)])
    assert values(asked(("s", 2), ("s", 6)), table) == [1.0, 99.0]


def test_a_correction_of_an_older_event_does_not_hide_a_newer_one():
    # A join on creation time alone would show 99 on day 7.
    table = features([("s", 1, 1, 1.0), ("s", 3, 3, 3.0), ("s", 1, 6, 99.0)])
    assert values(asked(("s", 2), ("s", 7)), table) == [1.0, 3.0]


def test_a_table_loaded_at_once_is_unknown_before_that_unless_asked_with_hindsight():
    table = features([("s", n, 100, float(n)) for n in range(50)])
    queries = asked(("s", 10), ("s", 49))
    assert values(queries, table) == [None, None]
    hindsight = queries.with_columns(known=pl.lit(day(100)))
    assert values(hindsight, table, known="known") == [10.0, 49.0]


def test_another_star_does_not_leak():
    table = features([("a", 1, 1, 1.0), ("c", 1, 1, 3.0)])
    assert values(asked(("b", 9), ("a", 0), ("c", 9)), table) == [None, None, 3.0]


def test_what_is_too_old_is_not_in_force():
    table = features([("s", 1, 1, 1.0)])
    found = as_of(
        asked(("s", 3), ("s", 4)),
        table,
        by="star",
        at="at",
        event="event",
        max_age=timedelta(days=2),
    )
    assert found["value"].to_list() == [1.0, None]
    assert found["event"].to_list() == [day(1), None]


def test_the_order_of_queries_and_their_columns_stay():
    table = features([("s", 1, 1, 1.0)])
    queries = asked(("s", 3), ("t", 3), ("s", 0)).with_columns(tag=pl.Series([1, 2, 3]))
    found = as_of(queries, table.lazy(), by=["star"], at="at", event="event")
    assert found.columns == ["star", "at", "tag", "event", "created", "value"]
    assert found["tag"].to_list() == [1, 2, 3]
    empty = as_of(queries, table.clear(), by=["star"], at="at", event="event")
    assert empty.columns == found.columns
    assert empty["value"].null_count() == 3
    none = as_of(queries.clear(), table, by=["star"], at="at", event="event")
    assert none.height == 0
    assert none.schema == found.schema


def test_what_cannot_be_placed_in_time_is_refused():
    table, queries = features([("s", 1, 1, 1.0)]), asked(("s", 3))
    for asking, told, says in (
        (queries, table.with_columns(created=pl.lit(None, pl.Datetime("us", "UTC"))), "missing in"),
        (queries.with_columns(star=pl.lit(None, pl.String)), table, "`star` of the queries"),
        (queries, table.drop("event"), "no column 'event'"),
        (queries.drop("at"), table, "no column 'at'"),
        (queries.with_columns(at=pl.lit(date(2024, 1, 1))), table, "of one type"),
        (queries.with_columns(value=1), table, "both tables have value"),
        (queries.with_columns(star=1), table, "cast one of them"),
    ):
        with pytest.raises(TableError, match=says):
            as_of(asking, told, by="star", at="at", event="event")
    text = table.with_columns(pl.col("event", "created").cast(pl.String))
    with pytest.raises(TableError, match="no time"):
        as_of(
            queries.with_columns(pl.col("at").cast(pl.String)),
            text,
            by="star",
            at="at",
            event="event",
        )
