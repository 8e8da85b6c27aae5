"""The pages of the reference project: its snippets run, with only the import line changed."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest

from errorbar.core.errors import ArtifactError
from tests.core.calibrate.cases import classifier, softmax

TEMPERATURE = """
from stellar_platform.evaluation import TemperatureScaler

# logits: np.ndarray shape (N, C) raw model outputs BEFORE softmax
# y_true: np.ndarray shape (N,) integer labels
scaler = TemperatureScaler().fit(logits, y_true)
calibrated_probs = scaler.transform(logits)
print('Learned temperature:', scaler.temperature)
"""

ISOTONIC = """
from stellar_platform.evaluation import IsotonicCalibrator

# probs: np.ndarray shape (N, C) already softmaxed probabilities
iso = IsotonicCalibrator(per_class=True).fit(probs, y_true)
calibrated_probs = iso.transform(probs)
"""

MEASURE = """
from stellar_platform.evaluation import expected_calibration_error, reliability_curve

pre_ece = expected_calibration_error(probs, y_true, n_bins=15)
post_ece = expected_calibration_error(calibrated_probs, y_true, n_bins=15)
print('ECE before:', pre_ece, 'after:', post_ece)
"""

PLOT = """
import matplotlib.pyplot as plt
centers, acc, conf, counts = reliability_curve(calibrated_probs, y_true, n_bins=15)
plt.plot([0,1],[0,1],'--',color='gray')
plt.scatter(conf, acc, s=counts, alpha=0.7)
plt.xlabel('Predicted confidence')
plt.ylabel('Empirical accuracy')
plt.title('Reliability Curve (Calibrated)')
plt.show()
"""

PERSIST = """
payload = scaler.to_dict()
# save payload as JSON
# later
from stellar_platform.evaluation import BaseProbCalibrator
reloaded = BaseProbCalibrator.from_dict(payload)
"""


@pytest.fixture
def names():
    logits, labels = classifier(seed=3)
    return {"logits": 3 * logits, "probs": softmax(3 * logits), "y_true": labels}


def run(snippet, names):
    exec(snippet.replace("stellar_platform.evaluation", "errorbar.core.calibrate"), names)


def test_the_snippets_run_in_order(names, monkeypatch, capsys):
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(plt.gcf()))
    for snippet in (TEMPERATURE, ISOTONIC, MEASURE, PLOT, PERSIST):
        run(snippet, names)
    plt.close("all")
    assert len(shown) == 1
    assert "Learned temperature: 2.9" in capsys.readouterr().out
    assert names["post_ece"] < 0.2 * names["pre_ece"]
    assert all(np.isfinite(names[name]).all() for name in ("centers", "acc", "conf", "counts"))
    assert names["counts"].sum() == len(names["y_true"])


@pytest.mark.parametrize("snippet", [TEMPERATURE, ISOTONIC])
def test_what_is_saved_as_json_is_the_whole_fit(snippet, names):
    run(snippet, names)
    made, values = (
        (names["scaler"], names["logits"]) if "scaler" in names else (names["iso"], names["probs"])
    )
    run("from stellar_platform.evaluation import BaseProbCalibrator", names)
    reloaded = names["BaseProbCalibrator"].from_dict(json.loads(json.dumps(made.to_dict())))
    assert type(reloaded) is type(made)
    np.testing.assert_array_equal(reloaded.transform(values), names["calibrated_probs"])


def test_payloads_of_the_reference_are_read_where_they_hold_a_fit():
    from errorbar.core.calibrate import BaseProbCalibrator

    made = BaseProbCalibrator.from_dict({"type": "TemperatureScaler", "temperature": 1.7})
    np.testing.assert_allclose(made.transform([[1.7, 0.0]]), softmax(np.array([[1.0, 0.0]])))
    with pytest.raises(ArtifactError, match="does not hold the fit"):
        BaseProbCalibrator.from_dict({"type": "IsotonicCalibrator"})
