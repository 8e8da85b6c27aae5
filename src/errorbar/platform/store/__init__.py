"""Where data are: objects, tables in versions, and what was known when.

A folder and a SQLite file, or S3 storage and PostgreSQL: the same code, the same promises. An
object is whole or not there; a version of a table never changes and every byte of it has a hash;
writers on any number of machines lose nothing of one another's; and a feature read at a time sees
nothing that was learnt later.
"""

from errorbar.platform.store.asof import as_of
from errorbar.platform.store.catalog import Catalog
from errorbar.platform.store.database import Database, open_database
from errorbar.platform.store.garbage import Garbage
from errorbar.platform.store.manifest import Manifest, Part
from errorbar.platform.store.objects import ObjectStore, Stat, open_objects
from errorbar.platform.store.tables import TableStore, open_store

__all__ = [
    "Catalog",
    "Database",
    "Garbage",
    "Manifest",
    "ObjectStore",
    "Part",
    "Stat",
    "TableStore",
    "as_of",
    "open_database",
    "open_objects",
    "open_store",
]
