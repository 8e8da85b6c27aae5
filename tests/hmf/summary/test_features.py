import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from errorbar.hmf.summary.features import chunk_features, join_features
from errorbar.hmf.summary.residuals import Residuals


def chunk(z, first=0):
    return Residuals(first, z, np.ones_like(z), np.ones(z.shape, dtype=bool))


def slow_features(z, flagged):
    """Runs by walking along every row."""
    found = []
    for row in range(len(z)):
        start = None
        for pixel in range(z.shape[1] + 1):
            on = pixel < z.shape[1] and flagged[row, pixel]
            turned = on and start is not None and (z[row, pixel] < 0) != (z[row, start] < 0)
            if start is not None and (not on or turned):
                run = z[row, start:pixel]
                found.append(
                    (
                        row,
                        start,
                        pixel,
                        1 if run[0] >= 0 else -1,
                        np.abs(run).max(),
                        abs(run.sum()) / np.sqrt(len(run)),
                    )
                )
                start = None
            if on and start is None:
                start = pixel
    return found


@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 6),
    pixels=st.integers(1, 12),
    share=st.floats(0, 1),
)
def test_features_are_runs_of_flagged_pixels_of_one_sign(seed, rows, pixels, share):
    rng = np.random.default_rng(seed)
    z, flagged = rng.normal(size=(rows, pixels)), rng.random((rows, pixels)) < share
    found = chunk_features(chunk(z), flagged)
    expected = slow_features(z, flagged)
    assert len(found) == len(expected)
    names = ("row", "start", "stop", "sign", "peak", "total")
    for name, values in zip(names, zip(*expected)):
        np.testing.assert_allclose(getattr(found, name), values, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(np.abs(z[found.row, found.peak_pixel]), found.peak)
    np.testing.assert_array_equal(found.mask(rows, pixels), flagged)


def test_chunks_of_rows_give_the_features_of_all_rows():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(9, 30))
    flagged = np.abs(z) > 1
    whole = chunk_features(chunk(z), flagged)
    cuts = (slice(0, 4), slice(4, 5), slice(5, 9))
    parts = join_features([chunk_features(chunk(z[c], c.start), flagged[c]) for c in cuts])
    for name in ("row", "start", "stop", "sign", "peak", "peak_pixel", "total"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))
    some = whole.take(whole.sign > 0)
    assert len(some) == (whole.sign > 0).sum()
