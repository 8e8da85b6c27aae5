import pandas as pd
import polars as pl
import pytest

from errorbar.core.errors import TableError
from errorbar.core.frames import as_frame


def test_frames_of_both_libraries_are_the_same_table():
    wanted = pl.DataFrame({"a": [1, 2], "b": ["x", None]})
    assert as_frame(wanted) is wanted
    assert as_frame(wanted.lazy()).equals(wanted)
    found = as_frame(pd.DataFrame({"a": [1, 2], "b": ["x", None]}))
    assert found.equals(wanted)
    assert as_frame(pd.DataFrame({0: [1.5]})).columns == ["0"]


def test_what_is_no_table_is_named():
    with pytest.raises(TableError, match="a pandas Series is not a table"):
        as_frame(pd.Series([1]))
    with pytest.raises(TableError, match="peaks cannot be read from a dict: pass a Polars"):
        as_frame({"a": 1}, "peaks")
