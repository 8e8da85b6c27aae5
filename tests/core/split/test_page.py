"""What the page on splits says beside its code is what the code gives."""

import numpy as np
import pytest

from tests.public.test_readme import ROOT, python_blocks


def test_the_numbers_of_the_page_are_those_of_the_code(monkeypatch):
    pytest.importorskip("astropy_healpix")
    monkeypatch.delenv("ERRORBAR_SIGNING_KEY", raising=False)
    names = {}
    for code in python_blocks("docs/core/split.md"):
        exec(code, names)
    text = (ROOT / "docs/core/split.md").read_text(encoding="utf-8")
    assert names["split"].counts()["test"] == {"groups": 200, "rows": 600}
    facts = names["by_sky"].facts
    assert f"# ({facts['test_cells']}, {facts['guard_rows']})" in text
    assert len(names["rounds"]) == 5
    assert names["manifest"].counts["train"] == {"groups": 1200, "rows": 3600}
    assert names["manifest"].verify(names["split"]) == "unsigned"
    made = names["made"]
    np.testing.assert_array_equal(made.stars_of(["ogle:9", "gaia:3"]), ["gaia:1", "gaia:3"])
    assert made.ambiguous().size == 0
    report = names["report"]
    assert [each.check for each in report.failures] == ["derived features"]
    assert report.skipped["neighbours"] == "no positions were given"
