import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from errorbar.core.errors import DatabaseError, SettingsError
from errorbar.platform.store import open_database
from errorbar.platform.store.migrations import MIGRATIONS

COUNTER = (*MIGRATIONS, ("CREATE TABLE counter (n BIGINT)", "INSERT INTO counter VALUES (0)"))


@pytest.fixture(params=["SQLite", pytest.param("PostgreSQL", marks=pytest.mark.heavy)])
def url(request, tmp_path):
    if request.param == "SQLite":
        return f"sqlite:///{tmp_path}/deep/metadata.sqlite"
    return request.getfixturevalue("postgres_database")


def test_steps_are_taken_once_and_in_order(url):
    open_database(url)
    open_database(url)
    database = open_database(url, COUNTER)
    open_database(url, COUNTER)
    with database.reading() as run:
        assert run("SELECT n FROM counter") == [(0,)]
        assert run("SELECT number FROM errorbar_migrations ORDER BY number") == [(1,), (2,)]


def test_a_database_of_a_newer_errorbar_is_refused(url):
    open_database(url, COUNTER)
    with pytest.raises(DatabaseError, match="at step 2 and this errorbar knows 1"):
        open_database(url)


def test_a_step_that_fails_leaves_nothing(url):
    open_database(url)
    with pytest.raises(DatabaseError):
        open_database(url, (*MIGRATIONS, ("CREATE TABLE half (n BIGINT)", "NO SQL")))
    with open_database(url, COUNTER).reading() as run, pytest.raises(DatabaseError):  # noqa: PT012
        try:
            run("SELECT n FROM half")
        except Exception as error:  # noqa: BLE001, one class for each driver
            raise DatabaseError(str(error)) from error


def test_a_transaction_that_fails_is_taken_back(url):
    database = open_database(url, COUNTER)
    with pytest.raises(KeyError), database.writing() as run:  # noqa: PT012
        run("UPDATE counter SET n = ?", 7)
        raise KeyError
    with database.reading() as run:
        assert run("SELECT n FROM counter") == [(0,)]


def test_writers_take_turns(url):
    database = open_database(url, COUNTER)

    def count(_):
        with database.writing() as run:
            seen = run("SELECT n FROM counter")[0][0]
            run("UPDATE counter SET n = ?", seen + 1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(count, range(40)))
    with database.reading() as run:
        assert run("SELECT n FROM counter") == [(40,)]


def test_many_who_open_a_new_database_make_it_once(url):
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: open_database(url, COUNTER), range(6)))
    with open_database(url, COUNTER).reading() as run:
        assert run("SELECT n FROM counter") == [(0,)]


@pytest.mark.parametrize(
    "url", ["postgresql://me:secret@host/x", "postgresql://me@host/x?password=secret"]
)
def test_a_password_in_an_address_is_refused(url):
    with pytest.raises(SettingsError, match="PGPASSWORD") as caught:
        open_database(url)
    assert "secret" not in str(caught.value)


def test_an_unknown_database_is_refused():
    with pytest.raises(SettingsError, match="mysql:// is no database"):
        open_database("mysql://host/x")


def test_a_file_that_is_no_database_is_named(tmp_path):
    (tmp_path / "x.sqlite").write_bytes(b"no database at all, but long enough to look" * 30)
    with pytest.raises(DatabaseError, match="x.sqlite: file is not a database"):
        open_database(tmp_path / "x.sqlite")


def test_a_server_that_is_not_there_is_named():
    with pytest.raises(DatabaseError, match="127.0.0.1:1/x"):
        open_database("postgresql://me@127.0.0.1:1/x")


def test_sqlite_is_a_plain_file_for_other_programs(tmp_path):
    open_database(tmp_path / "m.sqlite")
    with sqlite3.connect(tmp_path / "m.sqlite") as connection:
        assert connection.execute("SELECT number FROM errorbar_migrations").fetchall() == [(1,)]
    connection.close()
