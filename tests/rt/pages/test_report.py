"""The report of predicted times: what it answers, what it warns of, and that it is the same."""

import re
from dataclasses import replace

import numpy as np
import pytest

import errorbar.rt.pages as room
from errorbar.core.report import Answers, Picture, Table, Warnings
from errorbar.rt.evaluate import PartialTimes, evaluate_models
from errorbar.rt.pages import rt_report, write_rt_page, write_rt_pdf
from tests.rt.evaluate.fake_times import fake_peaks, fake_times

PEAKS = fake_peaks(runs=50, compounds=40)
TIMES = fake_times(PEAKS)
SCORED = PEAKS.compound % 4 > 0


def small(value, name):
    """One of the models, and the least of pictures."""
    return replace(
        value, scores={name: value.scores[name]}, predicted={}, drift={}, compounds=()
    )  # fmt: skip


@pytest.fixture(scope="module")
def value():
    models = {
        "pooled": TIMES,
        "ridge": fake_times(PEAKS, seed=2, skill=1.5, believed=0.6),
        "lasso": PartialTimes(fake_times(PEAKS, seed=3).select(SCORED), SCORED, spread=False),
    }
    return evaluate_models(
        PEAKS, models, training=fake_peaks(seed=8), compounds=[], max_test_rows=900, seed=6
    )


@pytest.fixture(scope="module")
def report(value):
    return rt_report(value, warnings=["The column was changed."], provenance={"data": "made up"})


def test_public_names_are_sorted():
    assert room.__all__ == sorted(room.__all__)


def test_the_page_answers_with_the_first_models_numbers(report, value):
    answers = next(b for b in report.opening if isinstance(b, Answers)).answers
    error = value.predicted["pooled"].truth - value.predicted["pooled"].predicted
    assert answers[0].value == f"{np.abs(error).mean():.3g} min"
    assert "pooled" in answers[0].words
    assert answers[1].value.endswith("%")
    assert answers[3].value == "100 %"
    assert "more" in answers[4].value


def test_the_page_warns_of_what_must_be_known(report):
    words = " ".join(next(b for b in report.opening if isinstance(b, Warnings)).words)
    assert "The column was changed." in words
    assert "900 of" in words
    assert "seed 6" in words
    assert "lasso 75 %" in words or "lasso 7" in words
    assert "lasso predicts no intervals" in words
    assert re.search(r"Intervals of ridge at 95 % hold [67]\d\.\d % of all rows", words)
    assert re.search(r"intervals of ridge should be [12]\.\d+ times", words)
    assert "pooled should be" not in words
    assert "not in the common map" in words


def test_every_part_is_on_the_page(report):
    assert [s.name for s in report.sections] == [
        "models", "support", "slices", "calibration", "times",
    ]  # fmt: skip
    blocks = [block for section in report.sections for block in section.blocks]
    assert sum(isinstance(b, Picture) for b in blocks) == 8
    tables = {b.title: b for b in blocks if isinstance(b, Table)}
    assert "coverage of 95 %" in [heading for heading, _ in tables["All test rows"].columns]
    assert {"Differences on the same rows", "Scores by support", "The worst pairs"} <= set(tables)
    assert report.provenance["data"] == "made up"
    assert "seed 6" in report.provenance["subset"]
    assert "sd × 1" in report.provenance["interval"]


def test_one_model_of_few_runs_is_a_page_too():
    few = PEAKS.run < 4
    value = evaluate_models(PEAKS.select(few), {"only": TIMES.select(few)}, compounds=[])
    report = rt_report(small(value, "only"))
    words = next(b for b in report.opening if isinstance(b, Warnings)).words
    assert any("4 runs only" in each for each in words)
    assert len(next(b for b in report.opening if isinstance(b, Answers)).answers) == 4


def test_a_model_without_intervals_has_a_page(value):
    report = rt_report(small(value, "lasso"))
    assert [section.name for section in report.sections] == ["models", "support", "slices"]
    answers = next(b for b in report.opening if isinstance(b, Answers)).answers
    assert not any("interval" in answer.words for answer in answers)


@pytest.mark.heavy
def test_files_hold_themselves_and_papers_are_the_same_twice(value, tmp_path):
    part = small(value, "lasso")
    page = write_rt_page(tmp_path / "page.html", part).read_text()
    assert 'src="http' not in page
    assert "Before you trust these numbers" in page
    papers = [write_rt_pdf(tmp_path / f"{n}.pdf", part).read_bytes() for n in "ab"]
    assert papers[0] == papers[1]
    assert papers[0].startswith(b"%PDF")
    assert b"CreationDate" not in papers[0]
