"""The tables of the database, as steps that are taken once each and never changed afterwards.

Both databases read the same SQL; `?` stands for a value.
"""

__all__ = ["MIGRATIONS"]

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # `last` outlives versions that are forgotten, so that no number comes twice.
        "CREATE TABLE errorbar_datasets (dataset TEXT PRIMARY KEY, last BIGINT NOT NULL)",
        """
        CREATE TABLE errorbar_versions (
            dataset TEXT NOT NULL REFERENCES errorbar_datasets (dataset),
            number BIGINT NOT NULL,
            sha256 TEXT NOT NULL,
            manifest TEXT NOT NULL,
            PRIMARY KEY (dataset, number)
        )
        """,
    ),
)
