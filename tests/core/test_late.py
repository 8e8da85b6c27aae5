"""Names that are looked up when they are asked for."""

import subprocess
import sys

import pytest

from errorbar.core.late import late


def test_names_are_those_of_their_rooms():
    find, names = late("errorbar.core", {"late": "late", "InputError": "errors"})
    assert find("late") is late
    assert names() == ["InputError", "late"]
    with pytest.raises(AttributeError, match=r"'errorbar.core' has no attribute 'nothing'"):
        find("nothing")


@pytest.mark.parametrize("package", ["app.verbs", "app.verbs.rt", "hmf", "rt", "survey"])
def test_a_package_that_offers_everything_imports_nothing(package):
    code = f"import sys, errorbar.{package} as it; assert dir(it); print('numpy' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
