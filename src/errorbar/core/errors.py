"""Every error this package raises, as one tree::

    ErrorbarError
    ├── InputError (ValueError)          something handed in is wrong
    │   ├── MeasurementError             values and their error bars
    │   ├── TableError                   columns, rows, files of a table
    │   │   └── ContractError            a table that is not what its contract says
    │   ├── SurveyError                  a survey that cannot be drawn or fitted
    │   ├── DesignError                  a planning question without an answer
    │   ├── SplitError                   rows that cannot be divided into roles
    │   ├── LeakageError                 a split through which the answer leaks
    │   └── SettingsError                options, settings and names
    ├── ArtifactError (ValueError)       a file that is not, or no longer, what it says
    │   └── ManifestError                the record of a split, changed since it was written
    ├── EngineError (RuntimeError)       work over many pieces that could not go on
    ├── StoreError (RuntimeError)        storage that cannot do what is asked of it
    │   ├── ObjectExistsError            a name that may be written once, and was
    │   ├── ObjectMissingError           a name under which there is nothing
    │   ├── ObjectDamagedError           bytes that are not those of their hash
    │   ├── ConflictError                another writer was first
    │   └── DatabaseError                the database of metadata
    ├── FetchError (OSError)             bytes of an archive that did not come, or came wrong
    ├── FitError (ArithmeticError)       a calculation that did not reach its accuracy
    └── MissingExtraError (ImportError)  an optional dependency that is not installed

An input error is also a `ValueError`, so code that knows nothing of this package can catch it.
"""

__all__ = [
    "ArtifactError",
    "ConflictError",
    "ContractError",
    "DatabaseError",
    "DesignError",
    "EngineError",
    "ErrorbarError",
    "FetchError",
    "FitError",
    "InputError",
    "LeakageError",
    "ManifestError",
    "MeasurementError",
    "MissingExtraError",
    "ObjectDamagedError",
    "ObjectExistsError",
    "ObjectMissingError",
    "SettingsError",
    "SplitError",
    "StoreError",
    "SurveyError",
    "TableError",
]


class ErrorbarError(Exception):
    """The root: catching it catches everything this package raises on purpose."""


class InputError(ErrorbarError, ValueError):
    """Something handed in is wrong."""


class MeasurementError(InputError):
    """A value or its error bars cannot be a measurement."""


class TableError(InputError):
    """A table lacks a column, or holds rows that cannot be read."""


class ContractError(TableError):
    """A table is not what its contract says.

    `column` is the first column at fault, `rows` how many rows are (none, where the column as a
    whole is) and `first` the first of them.
    """

    def __init__(
        self, message: str, column: str = "", rows: int = 0, first: int | None = None
    ) -> None:
        super().__init__(message)
        self.column, self.rows, self.first = column, rows, first


class SurveyError(InputError):
    """A survey cannot be drawn or fitted."""


class DesignError(InputError):
    """A planning question has no answer within its limits."""


class SplitError(InputError):
    """Rows cannot be divided into the roles asked for."""


class LeakageError(InputError):
    """What is asked of one role of a split can be read off another; `findings` says where."""

    def __init__(self, message: str, findings: tuple[object, ...] = ()) -> None:
        super().__init__(message)
        self.findings = findings


class SettingsError(InputError):
    """An option, a setting or a name is not one that exists."""


class ArtifactError(ErrorbarError, ValueError):
    """A file is not, or is no longer, what its manifest says."""


class ManifestError(ArtifactError):
    """The record of a split is not what was written; `changed` names its parts that differ."""

    def __init__(self, message: str, changed: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.changed = changed


class EngineError(ErrorbarError, RuntimeError):
    """Work over many pieces could not go on."""


class StoreError(ErrorbarError, RuntimeError):
    """Storage cannot do what is asked of it."""


class ObjectExistsError(StoreError):
    """There is something under a name that may be written only once."""


class ObjectMissingError(StoreError):
    """There is nothing under a name."""


class ObjectDamagedError(StoreError):
    """Bytes are not, or are no longer, those of their hash."""


class ConflictError(StoreError):
    """Another writer was first: read again, and try again."""


class DatabaseError(StoreError):
    """The database of metadata cannot be reached, or is not one of ours."""


class FetchError(ErrorbarError, OSError):
    """A product of an archive did not come.

    `kind` is `passing` (worth another try), `lasting` (it is not there, or not for us) or
    `corrupt` (it came, and is not what it should be). `wait` is how long the archive asks to wait.
    """

    def __init__(self, message: str, kind: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.kind = kind
        self.wait = wait


class FitError(ErrorbarError, ArithmeticError):
    """A calculation did not reach the accuracy it promises."""


class MissingExtraError(ErrorbarError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"{package} is needed here and is not installed: run `pip install 'errorbar[{extra}]'`."
        )
