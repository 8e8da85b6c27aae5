import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from errorbar.core.errors import (
    ObjectDamagedError,
    ObjectExistsError,
    ObjectMissingError,
    SettingsError,
    StoreError,
)
from errorbar.platform.store import open_objects
from errorbar.platform.store.objects import hash_bytes


@pytest.fixture(params=["folder", pytest.param("S3", marks=pytest.mark.heavy)])
def objects(request, tmp_path):
    if request.param == "folder":
        return open_objects(tmp_path / "objects")
    return open_objects(f"{request.getfixturevalue('s3_bucket')}/deep/prefix")


def test_an_object_is_what_was_put_last(objects):
    objects.put("a/b.txt", b"one")
    objects.put("a/b.txt", b"two")
    assert objects.get("a/b.txt") == b"two"
    assert objects.get("a/b.txt", hash_bytes(b"two")) == b"two"
    stat = objects.stat("a/b.txt")
    assert (stat.key, stat.size_bytes) == ("a/b.txt", 3)
    assert abs(datetime.now(UTC) - stat.modified) < timedelta(minutes=5)


def test_a_list_is_sorted_and_of_one_folder(objects):
    for key in ("b/2", "a/1", "b/1", "ba/1"):
        objects.put(key, b"")
    assert [stat.key for stat in objects.list()] == ["a/1", "b/1", "b/2", "ba/1"]
    assert [stat.key for stat in objects.list("b")] == ["b/1", "b/2"]
    assert list(objects.list("nothing")) == []


def test_what_is_not_there_is_missing_and_may_be_removed_all_the_same(objects):
    assert objects.stat("nothing") is None
    objects.remove("nothing")
    with pytest.raises(ObjectMissingError, match="there is no nothing"):
        objects.get("nothing")
    objects.put("a", b"x")
    objects.remove("a")
    assert objects.stat("a") is None


def test_of_many_who_put_once_one_does(objects):
    def attempt(who):
        try:
            objects.put_once("lock", str(who).encode())
        except ObjectExistsError:
            return None
        return who

    with ThreadPoolExecutor(8) as pool:
        winners = [who for who in pool.map(attempt, range(24)) if who is not None]
    assert len(winners) == 1
    assert objects.get("lock") == str(winners[0]).encode()
    with pytest.raises(ObjectExistsError, match="written only once"):
        objects.put_once("lock", b"")


def test_bytes_that_are_not_those_of_their_hash_are_refused(objects):
    objects.put("a", b"damaged")
    with pytest.raises(ObjectDamagedError, match="changed or damaged"):
        objects.get("a", hash_bytes(b"whole"))
    with pytest.raises(SettingsError, match="no SHA-256"):
        objects.get("a", "abc")


def test_content_that_is_there_is_left_alone_and_a_stump_is_replaced(objects):
    objects.put_content("a", b"whole")
    before = objects.stat("a").modified
    objects.put_content("a", b"whole")
    assert objects.stat("a").modified == before
    objects.put("a", b"who")
    objects.put_content("a", b"whole")
    assert objects.get("a") == b"whole"


def test_a_large_object_is_put_in_one_piece(objects):
    data = os.urandom(1 << 20) * 12
    objects.put_once("large", data)
    assert objects.get("large", hash_bytes(data)) == data


@pytest.mark.parametrize("key", ["", "/a", "a/", "../a", "a/../b", "a//b", ".a", "a b", "a#1", "ä"])
def test_names_that_some_storage_reads_otherwise_are_refused(key, tmp_path):
    with pytest.raises(SettingsError, match="cannot name an object"):
        open_objects(tmp_path).put(key, b"")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("s3://me:secret@bucket/x", "AWS_SECRET_ACCESS_KEY"),
        ("s3://", "names no bucket"),
        ("ftp://host/x", "ftp:// is no storage"),
    ],
)
def test_addresses_with_secrets_or_of_unknown_storage_are_refused(url, says):
    with pytest.raises(SettingsError, match=says) as caught:
        open_objects(url)
    assert "me:secret" not in str(caught.value)


def test_a_folder_may_be_told_as_a_url(tmp_path):
    open_objects(tmp_path).put("a", b"x")
    assert open_objects(f"file://{tmp_path}").get("a") == b"x"
    assert open_objects(tmp_path).address("a") == str(tmp_path / "a")


@pytest.mark.heavy
def test_wrong_keys_are_refused_in_words(s3_bucket, monkeypatch):
    open_objects(s3_bucket).put("a", b"x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    for attempt in (lambda store: store.get("a"), lambda store: store.put("b", b"")):
        with pytest.raises(StoreError, match="keys and endpoint in the environment"):
            attempt(open_objects(s3_bucket))


@pytest.mark.heavy
def test_an_account_that_may_only_read_cannot_write(s3_url, s3_bucket, monkeypatch):
    open_objects("s3://public").put("a", b"x")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "reader")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "reader-secret")
    reader = open_objects("s3://public")
    assert reader.get("a") == b"x"
    with pytest.raises(StoreError):
        reader.put("a", b"y")


WRITER = """
import sys
from errorbar.platform.store import open_objects
objects = open_objects(sys.argv[1])
print("ready", flush=True)
for at in range(1_000_000):
    objects.put(f"o/{at % 20}", bytes([at % 251]) * (4 << 20))
"""


def test_a_killed_writer_leaves_whole_objects_only(tmp_path):
    for attempt in range(2):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE
        )
        writer.stdout.readline()
        time.sleep(0.05 + 0.031 * attempt)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        objects = open_objects(tmp_path)
        for stat in objects.list():
            data = objects.get(stat.key)
            assert len(data) == 4 << 20
            assert len(set(data)) == 1
    objects.remove_unfinished(datetime.now(UTC) + timedelta(seconds=1))
    there = [path for path in Path(tmp_path).rglob("*") if path.is_file()]
    assert len(there) == len(list(objects.list()))


def test_what_a_killed_writer_left_is_removed(tmp_path):
    objects = open_objects(tmp_path)
    objects.put("a", b"x")
    (tmp_path / "a#1").write_bytes(b"ha")
    assert [stat.key for stat in objects.list()] == ["a"]
    assert objects.remove_unfinished(datetime.now(UTC) - timedelta(hours=1)) == 0
    assert objects.remove_unfinished(datetime.now(UTC) + timedelta(seconds=1)) == 1
    assert objects.get("a") == b"x"
