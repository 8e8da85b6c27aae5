"""What stays outside until it is wanted, and stays as it was afterwards."""

import subprocess
import sys

import pytest

from errorbar.core.errors import MissingExtraError
from errorbar.survey.fit.nuts import fit_nuts, sampling
from errorbar.survey.fit.nuts.compiled import CompiledModels
from tests.survey.fit.nuts.surveys import small_survey


def run_python(code: str, **environment: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_importing_the_room_loads_no_sampler():
    run_python(
        "import sys, errorbar.survey.fit.nuts\n"
        "heavy = {'pymc', 'pytensor', 'arviz', 'nutpie', 'numpyro', 'jax', 'pandas'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )


@pytest.mark.heavy
def test_loading_pytensor_leaves_the_environment_and_jax_as_they_were():
    run_python(
        "import os, jax\n"
        "from errorbar.core.extras import load\n"
        "from errorbar.survey.fit.nuts.backend import jax_graphs\n"
        "with jax.enable_x64(True):\n"
        "    jax_graphs()\n"
        "assert not jax.config.jax_enable_x64\n"
        "import pytensor\n"
        "assert pytensor.config.blas__ldflags == ''\n"
        "assert pytensor.config.optimizer_verbose\n"
        "assert os.environ['PYTENSOR_FLAGS'] == 'optimizer_verbose=True'\n",
        PYTENSOR_FLAGS="optimizer_verbose=True",
    )


@pytest.mark.parametrize(
    ("package", "sampler"), [("pymc", "pymc"), ("nutpie", "nutpie"), ("numpyro", "numpyro")]
)
def test_a_missing_sampler_names_the_extra_to_install(monkeypatch, package, sampler):
    monkeypatch.setattr(sampling, "compiled_model", CompiledModels(capacity=1).hold)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"{package} is needed .*errorbar\[nuts\]"):
        fit_nuts(small_survey(), seed=1, sampler=sampler)
