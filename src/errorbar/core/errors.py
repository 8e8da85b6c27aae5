"""Every error this package raises, as one tree::

    ErrorbarError
    ├── InputError (ValueError)          something handed in is wrong
    │   ├── MeasurementError             values and their error bars
    │   ├── TableError                   columns, rows, files of a table
    │   ├── SurveyError                  a survey that cannot be drawn or fitted
    │   ├── DesignError                  a planning question without an answer
    │   └── SettingsError                options, settings and names
    ├── ArtifactError (ValueError)       a file that is not, or no longer, what it says
    ├── EngineError (RuntimeError)       work over many pieces that could not go on
    ├── FitError (ArithmeticError)       a calculation that did not reach its accuracy
    └── MissingExtraError (ImportError)  an optional dependency that is not installed

An input error is also a `ValueError`, so code that knows nothing of this package can catch it.
"""

__all__ = [
    "ArtifactError",
    "DesignError",
    "EngineError",
    "ErrorbarError",
    "FitError",
    "InputError",
    "MeasurementError",
    "MissingExtraError",
    "SettingsError",
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


class SurveyError(InputError):
    """A survey cannot be drawn or fitted."""


class DesignError(InputError):
    """A planning question has no answer within its limits."""


class SettingsError(InputError):
    """An option, a setting or a name is not one that exists."""


class ArtifactError(ErrorbarError, ValueError):
    """A file is not, or is no longer, what its manifest says."""


class EngineError(ErrorbarError, RuntimeError):
    """Work over many pieces could not go on."""


class FitError(ErrorbarError, ArithmeticError):
    """A calculation did not reach the accuracy it promises."""


class MissingExtraError(ErrorbarError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"{package} is needed here and is not installed: run `pip install 'errorbar[{extra}]'`."
        )
