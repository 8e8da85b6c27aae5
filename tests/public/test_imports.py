import json
import subprocess
import sys

import pytest

# Each costs a tenth of a second or more, and a plain use of the package may never need it.
HEAVY = (
    "arviz",
    "dask",
    "distributed",
    "jax",
    "jinja2",
    "matplotlib",
    "nutpie",
    "numpyro",
    "obstore",
    "pandas",
    "plotly",
    "psycopg",
    "pyarrow",
    "pydantic",
    "pymc",
    "pytensor",
    "xarray",
)

PROGRAM = """
import json, sys, time
start = time.perf_counter()
import {name}
print(json.dumps([time.perf_counter() - start, sorted(sys.modules)]))
"""


def import_alone(name):
    """Seconds and loaded modules of `import name` in a fresh process."""
    answer = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(name=name)],
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(answer.stdout)


def test_importing_the_package_is_quick():
    # The least of three, because another process may hold the core for a moment.
    assert min(import_alone("errorbar")[0] for _ in range(3)) < 0.3


@pytest.mark.parametrize("heavy", [*HEAVY, "numba", "numpy", "polars", "scipy"])
def test_importing_the_package_loads_nothing_heavy(heavy):
    assert heavy not in loaded("errorbar")


@pytest.mark.parametrize("heavy", HEAVY)
def test_importing_the_survey_system_loads_nothing_it_may_not_need(heavy):
    assert heavy not in loaded("errorbar.survey")


@pytest.mark.parametrize("heavy", [*HEAVY, "numba", "sklearn"])
def test_importing_retention_times_loads_nothing_it_may_not_need(heavy):
    assert heavy not in loaded("errorbar.rt")


def loaded(name, seen={}):  # noqa: B006, one process for each name is enough
    if name not in seen:
        seen[name] = frozenset(import_alone(name)[1])
    return seen[name]
