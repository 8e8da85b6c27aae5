"""The first fit of a fresh process with an empty cache of compiled code."""

import os
import subprocess
import sys
import tempfile

__all__ = ["first_calls"]

SCRIPT = """
import sys, time
start, cpu = time.perf_counter(), time.process_time()
from benchmarks.surveys import mock_survey
from errorbar.survey import fit_surveys
loaded, loaded_cpu = time.perf_counter(), time.process_time()
fit_surveys([mock_survey(20, 1)], sys.argv[1])
done, done_cpu = time.perf_counter(), time.process_time()
print(loaded - start, loaded_cpu - cpu, done - loaded, done_cpu - loaded_cpu)
"""


def first_calls() -> list[str]:
    """Rows of a Markdown table: cold, then the same from the cache; then the other model."""
    rows = []
    with tempfile.TemporaryDirectory() as cache:
        for state, model in (("cold", "joint"), ("cached", "joint"), ("new density", "single")):
            printed = subprocess.run(
                [sys.executable, "-c", SCRIPT, model],
                env={**os.environ, "NUMBA_CACHE_DIR": cache},
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            load, load_cpu, first, first_cpu = map(float, printed.split())
            rows.append(
                f"| {model} | {state} | {load:.2f} s | {load_cpu:.2f} s "
                f"| {first:.2f} s | {first_cpu:.2f} s |"
            )
    return rows
