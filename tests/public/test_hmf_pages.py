"""Every Python block on the pages of `hmf` runs as it stands."""

import pytest

from tests.public.test_readme import ROOT, python_blocks

PAGES = sorted((ROOT / "docs" / "hmf").glob("*.md"))


@pytest.mark.heavy
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_blocks_of_the_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for code in python_blocks(page.relative_to(ROOT).as_posix()):
        exec(compile(code, str(page), "exec"), {})
