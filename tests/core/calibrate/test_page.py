"""What the page on calibration says beside its code is what the code gives."""

import numpy as np
import pytest

from errorbar.core.calibrate import coverage_band, expected_calibration_error
from tests.core.calibrate.cases import softmax
from tests.public.test_readme import ROOT, python_blocks


def test_the_numbers_of_the_page_are_those_of_the_code():
    names = {}
    for code in python_blocks("docs/core/calibrate.md"):
        exec(code, names)
    shown = names["scores"].chosen, round(names["calibrator"].temperature, 1)
    test, y = names["test"], names["y"]
    after = expected_calibration_error(names["probs"][test], y[test])
    before = expected_calibration_error(softmax(names["logits"])[test], y[test])
    text = (ROOT / "docs/core/calibrate.md").read_text(encoding="utf-8")
    assert f'# ("{shown[0]}", {shown[1]})' in text
    assert f"# {after:.3f}, and {before:.3f} before" in text
    assert names["inside"].all()
    assert names["total"] == pytest.approx(names["parts"].score, abs=1e-12)
    assert names["covered"] == pytest.approx(0.9, abs=0.005)
    np.testing.assert_array_equal(names["fair"].of(0.02).bucket, [[0, 0, 2]])
    band = coverage_band(99, 0.1)
    assert f"from {band.low:.2f} to {band.high:.2f}" in text
