"""Stores on every kind of storage: a folder and SQLite always, real servers where they are."""

from itertools import count

import pytest

from tests.servers.postgres import postgres
from tests.servers.s3 import KEY, SECRET, s3

NUMBER = count()


@pytest.fixture(scope="session")
def s3_url():
    with s3() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_url():
    with postgres() as url:
        yield url


@pytest.fixture
def s3_bucket(s3_url, monkeypatch):
    """A new prefix in the bucket of tests, with its keys in the environment.

    One bucket, because each takes several of the few volumes that the server has.
    """
    for name, value in {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_ENDPOINT_URL": s3_url,
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    return f"s3://tests/{next(NUMBER)}"


@pytest.fixture
def postgres_database(postgres_url):
    """A new database: its URL."""
    import psycopg

    name = f"errorbar_{next(NUMBER)}"
    with psycopg.connect(f"{postgres_url}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY FILE_COPY")
    return f"{postgres_url}/{name}"


@pytest.fixture(
    params=[
        "folder and SQLite",
        pytest.param("folder and PostgreSQL", marks=pytest.mark.heavy),
        pytest.param("S3 and SQLite", marks=pytest.mark.heavy),
        pytest.param("S3 and PostgreSQL", marks=pytest.mark.heavy),
    ]
)
def place(request, tmp_path):
    """Where a store is, as `open_store` takes it: once for every kind of storage."""
    objects = "s3_bucket" if "S3" in request.param else None
    metadata = "postgres_database" if "PostgreSQL" in request.param else None
    return (
        f"{request.getfixturevalue(objects)}/some/prefix" if objects else str(tmp_path / "objects"),
        request.getfixturevalue(metadata) if metadata else str(tmp_path / "metadata.sqlite"),
    )
