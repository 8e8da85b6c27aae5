"""A database of metadata: SQLite in a file, or PostgreSQL by URL; one SQL for both.

Writers take turns: a transaction that writes holds the database's one lock, which a killed process
gives back.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from errorbar.core.errors import DatabaseError, SettingsError
from errorbar.core.extras import load
from errorbar.platform.store.migrations import MIGRATIONS

__all__ = ["Database", "Run", "open_database"]

# Seconds that a writer waits for others.
PATIENCE = 60.0

# Any number that no other program is likely to lock.
LOCK = 0x6572726F72626172


class Run(Protocol):
    """Runs one statement with `?` for each value, and gives its rows."""

    def __call__(self, sql: str, *values: object) -> list[tuple[Any, ...]]: ...


@dataclass(frozen=True, slots=True)
class Database:
    """A database; `url` is told in errors and holds no password.

    Every transaction has a connection of its own, so that threads and forked processes may share
    this value.
    """

    url: str
    connect: Callable[[], Any]
    errors: tuple[type[Exception], ...]
    begin_writing: tuple[str, ...]
    begin_reading: tuple[str, ...]
    mark: str

    @contextmanager
    def writing(self) -> Iterator[Run]:
        """A transaction that is alone in writing: all of it happens, or nothing."""
        with self._transaction(self.begin_writing) as run:
            yield run

    @contextmanager
    def reading(self) -> Iterator[Run]:
        """A transaction that sees one state."""
        with self._transaction(self.begin_reading) as run:
            yield run

    @contextmanager
    def _transaction(self, begin: Sequence[str]) -> Iterator[Run]:
        try:
            with closing(self.connect()) as connection:
                cursor = connection.cursor()
                for statement in begin:
                    cursor.execute(statement)

                def run(sql: str, *values: object) -> list[tuple[Any, ...]]:
                    cursor.execute(sql.replace("?", self.mark), values)
                    return cursor.fetchall() if cursor.description else []

                # Without COMMIT, closing a connection takes everything back.
                yield run
                cursor.execute("COMMIT")
        except self.errors as error:
            raise DatabaseError(
                f"{self.url}: {str(error).strip().splitlines()[0]}. Check that it is there, that "
                "you may write to it, and, for PostgreSQL, PGPASSWORD or a password file."
            ) from error


def open_database(url: str | Path, migrations: Sequence[Sequence[str]] = MIGRATIONS) -> Database:
    """The database at `url`, brought to today's tables.

    `url` is the path of a SQLite file or `sqlite:///PATH`, or `postgresql://user@host:port/name`.
    A password comes from `PGPASSWORD` or a password file, never from the URL.
    """
    text = str(url)
    scheme = urlsplit(text).scheme if "://" in text else ""
    if scheme in ("postgresql", "postgres"):
        database = _postgresql(text)
    elif scheme in ("", "sqlite"):
        database = _sqlite(Path(text.removeprefix("sqlite:///")).expanduser().resolve())
    else:
        raise SettingsError(
            f"{scheme}:// is no database that is known here: pass the path of a SQLite file, or "
            "postgresql://user@host:port/name."
        )
    _migrate(database, migrations)
    return database


def _sqlite(path: Path) -> Database:
    path.parent.mkdir(parents=True, exist_ok=True)

    def connect() -> sqlite3.Connection:
        # No isolation level: transactions are begun and ended here, not by the driver.
        connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    return Database(
        url=f"sqlite:///{path}",
        connect=connect,
        errors=(sqlite3.Error,),
        begin_writing=("BEGIN IMMEDIATE",),
        begin_reading=("BEGIN",),
        mark="?",
    )


def _postgresql(url: str) -> Database:
    parts = urlsplit(url)
    if parts.password or "password" in parse_qs(parts.query):
        raise SettingsError(
            f"postgresql://…@{parts.hostname}: a password does not belong in an address; set "
            "PGPASSWORD in the environment, or keep a password file."
        )
    psycopg = load("psycopg", "platform")

    def connect() -> Any:
        return psycopg.connect(url, autocommit=True, connect_timeout=10)

    return Database(
        url=url,
        connect=connect,
        errors=(psycopg.Error,),
        begin_writing=(
            "BEGIN",
            f"SET LOCAL lock_timeout = '{PATIENCE:.0f}s'",
            f"SELECT pg_advisory_xact_lock({LOCK})",
        ),
        begin_reading=("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",),
        mark="%s",
    )


def _migrate(database: Database, migrations: Sequence[Sequence[str]]) -> None:
    with database.writing() as run:
        run("CREATE TABLE IF NOT EXISTS errorbar_migrations (number BIGINT PRIMARY KEY)")
        done = int(run("SELECT COALESCE(MAX(number), 0) FROM errorbar_migrations")[0][0])
        if done > len(migrations):
            raise DatabaseError(
                f"{database.url} is at step {done} and this errorbar knows {len(migrations)}: use "
                "the errorbar that wrote it last, or a newer one."
            )
        for number, statements in enumerate(migrations[done:], start=done + 1):
            for statement in statements:
                run(statement)
            run("INSERT INTO errorbar_migrations (number) VALUES (?)", number)
