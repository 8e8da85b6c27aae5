"""One suite for every kind of storage: `place` is a folder or S3, with SQLite or PostgreSQL."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from errorbar.core.contracts import (
    SEDS,
    STARS,
    Provenance,
    StarReference,
    TableContract,
    from_values,
    read_header,
)
from errorbar.core.contracts import tables as contract_tables
from errorbar.core.contracts import upgrade as upgrades
from errorbar.core.errors import (
    ConflictError,
    ContractError,
    ObjectDamagedError,
    ObjectMissingError,
    SettingsError,
    TableError,
)
from errorbar.platform.store import TableStore, open_store
from errorbar.platform.store.manifest import Manifest
from errorbar.platform.store.names import part_key

NOW = datetime(2024, 5, 1, tzinfo=UTC)
SAID = Provenance(query="SELECT 1", transport="tap", content_sha256="0" * 64, created=NOW)
NEVER = timedelta(days=-1)


@pytest.fixture
def store(place):
    return open_store(*place)


def numbers(*values):
    return pl.DataFrame({"a": values}, schema={"a": pl.Int64})


def stars(count, created=NOW):
    return from_values(
        [
            StarReference(
                **{**SAID.as_row(), "created": created},
                star_id=f"s{at}",
                obs_id=str(at),
                survey="gaia",
                release="dr3",
                ra=float(at),
                dec=0.0,
                epoch=2016.0,
            )
            for at in range(count)
        ],
        StarReference,
    )


def test_a_table_comes_back_as_it_was_and_its_manifest_says_what_it_is(store):
    frame = stars(5)
    made = store.write("gaia/stars", frame, contract=STARS, provenance=SAID)
    assert store.read("gaia/stars").equals(frame)
    assert store.scan("gaia/stars").collect().equals(frame)
    assert store.read("gaia/stars", columns=["ra"]).equals(frame.select("ra"))
    assert (made.title, made.rows, made.contract, made.contract_version) == (
        "gaia/stars@1",
        5,
        "stars",
        1,
    )
    assert made.provenance == (SAID.model_dump(mode="json"),)
    assert store.verify("gaia/stars") == made
    assert store.manifest("gaia/stars") == made
    header = read_header(store.objects.get(part_key(made.parts[0].sha256)))
    assert header["contract"] == "stars"
    assert header["provenance"]["query"] == "SELECT 1"
    again = Manifest.from_json(made.to_json(), made.sha256)
    assert again.to_json() == made.to_json()


def test_versions_stay_as_they_were(store):
    store.write("x", numbers(1, 2))
    store.append("x", numbers(3))
    last = store.write("x", numbers(9))
    assert store.versions("x") == [1, 2, 3]
    assert [store.read("x", n)["a"].to_list() for n in (1, 2, 3)] == [[1, 2], [1, 2, 3], [9]]
    assert store.manifest("x", 2).parent == 1
    assert last.parent is None
    assert store.datasets() == ["x"]


def test_a_table_larger_than_a_part_or_in_frames_comes_back_in_order(place):
    store = open_store(*place)
    small = TableStore(store.objects, store.catalog, part_rows=3)
    made = small.write("x", (numbers(*range(at, at + 5)) for at in (0, 5)))
    assert [part.rows for part in made.parts] == [3, 2, 3, 2]
    assert store.read("x")["a"].to_list() == list(range(10))
    assert store.scan("x").filter(pl.col("a") > 7).collect()["a"].to_list() == [8, 9]
    # Parts alike stand as often as they were written.
    assert small.write("y", numbers(1, 1, 1, 1, 1, 1)).rows == 6
    assert store.scan("y").collect().height == store.read("y").height == 6


def test_an_append_that_is_repeated_adds_nothing(store):
    store.append("x", numbers(1))
    first = store.append("x", numbers(2))
    assert store.append("x", numbers(2)) == first
    assert store.versions("x") == [1, 2]


def test_an_empty_table_has_its_columns(store):
    store.write("x", stars(0), contract=STARS)
    assert store.read("x").schema == stars(0).schema
    assert store.scan("x").collect().height == 0
    with pytest.raises(TableError, match="nothing to write"):
        store.write("x", [])


def test_rows_that_break_their_contract_are_not_written(store):
    with pytest.raises(ContractError, match="`ra`"):
        store.write("x", stars(2).with_columns(ra=pl.lit(400.0)), contract=STARS)
    assert store.versions("x") == []


def test_rows_of_other_columns_are_not_appended(store):
    store.write("x", numbers(1))
    with pytest.raises(TableError, match="`a` is Int64 and String"):
        store.append("x", pl.DataFrame({"a": ["1"]}))
    with pytest.raises(TableError, match="under stars@1"):
        store.append("x", stars(1), contract=STARS)
    with pytest.raises(TableError, match="frames of one table differ: `b` is absent and Int32"):
        store.write("x", [numbers(1), numbers(1).with_columns(b=1)])
    assert store.versions("x") == [1]


def test_a_writer_who_expected_another_version_is_told(store):
    store.write("x", numbers(1), expected=0)
    with pytest.raises(ConflictError, match="latest version of x is 1, and 0 was expected"):
        store.write("x", numbers(2), expected=0)
    assert store.write("x", numbers(2), expected=1).number == 2


def test_of_writers_at_once_nothing_is_lost(place):
    def write(at):
        return open_store(*place).append("x", numbers(at)).number

    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(write, range(18)))
    assert sorted(made) == list(range(1, 19))
    assert sorted(open_store(*place).read("x")["a"].to_list()) == list(range(18))


def test_of_those_who_expect_the_same_version_one_writes(place):
    def write(at):
        try:
            return open_store(*place).write("x", numbers(at), expected=0).number
        except ConflictError:
            return None

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(write, range(8)), key=str) == [1, *[None] * 7]


def test_a_damaged_part_is_refused(store):
    key = part_key(store.write("x", numbers(1, 2)).parts[0].sha256)
    data = bytearray(store.objects.get(key))
    data[len(data) // 2] ^= 1
    store.objects.put(key, bytes(data))
    for attempt in (store.read, store.verify):
        with pytest.raises(ObjectDamagedError, match="changed or damaged"):
            attempt("x")
    store.objects.put(key, bytes(data[:-1]))
    with pytest.raises(ObjectDamagedError):
        store.scan("x")
    store.objects.remove(key)
    with pytest.raises(ObjectMissingError):
        store.scan("x")


def test_a_manifest_that_was_changed_is_refused(store):
    store.write("x", numbers(1, 2))
    with store.catalog.database.writing() as run:
        run("UPDATE errorbar_versions SET manifest = ?", '{"parts":[]}')
    with pytest.raises(ObjectDamagedError, match="manifest does not hash"):
        store.read("x")


def test_what_is_not_there_is_missing_and_the_error_says_what_is(store):
    store.write("x", numbers(1))
    with pytest.raises(ObjectMissingError, match=r"there is no x@7 .* its versions are 1"):
        store.read("x", 7)
    with pytest.raises(ObjectMissingError, match=r"there is no y .* it has none"):
        store.read("y")
    with pytest.raises(SettingsError, match="cannot name a dataset"):
        store.write("../x", numbers(1))


def test_garbage_is_what_no_version_refers_to_and_goes_only_when_asked(store):
    store.write("x", numbers(1))
    store.append("x", numbers(2))
    store.write("x", numbers(3))
    store.objects.put(part_key("f" * 64), b"left by a killed writer")
    store.forget("x", 2)
    assert store.collect_garbage().keys == ()  # all is younger than an hour
    seen = store.collect_garbage(NEVER, only_look=True)
    gone = store.collect_garbage(NEVER)
    assert seen == gone
    # The part of 2 alone, the manifest of version 2, and what was left.
    assert len(gone.keys) == 3
    assert gone.kept == 4
    assert store.collect_garbage(NEVER).keys == ()
    assert store.read("x", 1)["a"].to_list() == [1]
    assert store.read("x", 3)["a"].to_list() == [3]
    # A number that was forgotten does not come again.
    store.forget("x", 3)
    assert store.write("x", numbers(4)).number == 4


def test_a_writer_whose_part_was_collected_meanwhile_is_told(store):
    def interrupted():
        yield numbers(1)
        store.collect_garbage(NEVER)

    with pytest.raises(ConflictError, match="write again"):
        store.write("x", interrupted())
    assert store.versions("x") == []
    assert store.write("x", numbers(1)).number == 1
    store.verify("x")


def test_features_are_read_as_they_were_known(store):
    def day(n):
        return datetime(2024, 1, n, tzinfo=UTC)

    def feature(event, created, value):
        return pl.DataFrame(
            {"star": ["s"], "event": [day(event)], "created": [day(created)], "value": [value]}
        )

    store.append("f", feature(1, 1, 1.0))
    store.append("f", feature(2, 9, 2.0))  # late
    store.append("f", feature(1, 5, 1.5))  # a correction
    queries = pl.DataFrame({"star": "s", "at": [day(n) for n in (1, 4, 5, 9)]})
    found = store.as_of("f", queries, by="star", at="at", event="event", columns=["value"])
    assert found["value"].to_list() == [1.0, 1.0, 1.5, 2.0]
    before = store.as_of("f", queries, by="star", at="at", event="event", number=2)
    assert before["value"].to_list() == [1.0, 1.0, 1.0, 2.0]


def test_a_version_under_an_older_contract_is_read_as_of_todays(store, monkeypatch):
    store.write("x", stars(3), contract=STARS)
    rv = SEDS.column("ebv")
    newer = TableContract("stars", 2, "", (*STARS.columns, rv), key=STARS.key)
    monkeypatch.setattr(contract_tables, "CONTRACTS", {"stars": newer})
    monkeypatch.setattr(
        upgrades.upgrade_table,
        "__defaults__",
        ({("stars", 1): lambda frame: frame.with_columns(ebv=pl.lit(0.0))},),
    )
    assert store.read("x")["ebv"].to_list() == [0.0] * 3
    assert store.scan("x").collect()["ebv"].to_list() == [0.0] * 3
    with pytest.raises(TableError, match="anew under one contract"):
        store.append("x", stars(1).with_columns(ebv=pl.lit(0.0)), contract=newer)


WRITER = """
import sys, polars as pl
from errorbar.platform.store import open_store
store = open_store(sys.argv[1], sys.argv[2])
print("ready", flush=True)
for at in range(int(sys.argv[3]), 1_000_000):
    store.append("x", pl.DataFrame({"a": [at] * 1000}))
    print(at, flush=True)
"""


def test_writers_that_are_killed_leave_whole_versions_only(place):
    done = []
    for attempt in range(2):
        pair = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, *place, str(1000 * (2 * attempt + each))],
                stdout=subprocess.PIPE,
                text=True,
            )
            for each in range(2)
        ]
        for writer in pair:
            writer.stdout.readline()
        time.sleep(0.15 + 0.037 * attempt)
        for writer in pair:
            writer.kill()
        for writer in pair:
            done += [int(line) for line in writer.stdout.read().split() if line]
            writer.wait()
            writer.stdout.close()
    store = open_store(*place)
    versions = store.versions("x")
    assert versions == list(range(1, len(versions) + 1))
    found = store.verify("x")
    counts = store.read("x")["a"].value_counts()
    assert set(counts["count"]) == {1000}
    # What a writer was told is there; the last of each may have come to be without its knowing.
    assert set(done) <= set(counts["a"])
    assert len(counts) <= len(done) + 4
    assert found.rows == 1000 * len(counts)
    store.collect_garbage(NEVER)
    assert store.verify("x") == found


def test_a_store_in_a_folder_needs_no_more_than_the_folder(tmp_path):
    open_store(tmp_path / "data").write("x", numbers(1))
    assert open_store(f"file://{tmp_path}/data").read("x")["a"].to_list() == [1]
    assert (tmp_path / "data" / "metadata.sqlite").exists()
    manifests = [path for path in Path(tmp_path / "data/manifests").rglob("*.json")]
    assert json.loads(manifests[0].read_text())["dataset"] == "x"


def test_objects_in_s3_need_a_database_by_name(monkeypatch):
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with pytest.raises(TableError, match="pass `metadata`"):
        open_store("s3://bucket/x")
