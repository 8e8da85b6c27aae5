"""Each leak, planted, is found and named; what is clean is not blamed."""

import json

import numpy as np
import polars as pl
import pytest

from errorbar.core.errors import InputError, LeakageError, SettingsError, SplitError
from errorbar.core.split import (
    AuditSettings,
    FittedStatistics,
    Fractions,
    audit_leakage,
    find_circular_labels,
    find_copies,
    find_derived_features,
    find_outside_statistics,
    find_shared_stars,
    find_telling_metadata,
    find_twins,
    hash_ids,
    probe_classes,
    search_twins,
    split_by_time,
    split_groups,
)

HALVES = Fractions(0.5, 0, 0, 0, 0.5)


def spectra(rows, pixels, seed=0):
    """Smooth signals of six dimensions, with noise."""
    rng = np.random.default_rng(seed)
    basis = 3 * rng.normal(size=(6, pixels)).cumsum(axis=1) / np.sqrt(pixels)
    return 10 + rng.normal(size=(rows, 6)) @ basis + 0.3 * rng.normal(size=(rows, pixels))


def test_a_star_under_two_names_is_found():
    split = split_groups([f"obs{at}" for at in range(300)])
    star = [f"star{at // 2}" for at in range(300)]
    (found,) = find_shared_stars(split, {"star": star})
    apart = np.flatnonzero(split.role[::2] != split.role[1::2])
    np.testing.assert_array_equal(found.rows // 2, np.repeat(apart, 2))
    assert found.numbers["stars"] == len(apart)
    assert "components" in found.told()
    # Rows without a name there are not one star.
    assert find_shared_stars(split, {"gaia": [None, ""] * 150}) == []
    assert find_shared_stars(split_groups(star), {"star": star}) == []


def test_a_guard_row_leaks_nothing():
    star = np.repeat(np.arange(200), 2)
    split = split_by_time(star, np.tile([0.0, 2.0], 200) + 2 * (star % 5 == 0), 2.0)
    assert split.mask("guard").any()
    assert find_shared_stars(split, {"star": star}) == []


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_a_copied_array_is_found_in_whatever_precision(kind):
    arrays = spectra(200, 50)
    split = split_groups(np.arange(200), HALVES)
    train, test = split.rows("train")[3], split.rows("test")[4]
    arrays[train, 7] = np.nan
    arrays[test] = arrays[train].astype(kind)
    arrays[split.rows("test")[:3]] = 0.0
    arrays[split.rows("train")[:3]] = 0.0
    arrays[5] = np.nan
    (found,) = find_copies(split, arrays)
    np.testing.assert_array_equal(found.rows, sorted([train, test]))
    ragged = [row[: 40 + at % 10] for at, row in enumerate(arrays)]
    ragged[test] = ragged[train]
    assert len(find_copies(split, ragged)) == 1
    report = audit_leakage(split, arrays=ragged, file_order=False)
    assert report.skipped["near twins"] == "lengths differ"


@pytest.mark.parametrize("rows", [400, 6000])
def test_an_exposure_that_was_reduced_twice_is_found(rows):
    arrays = spectra(rows, 300)
    split = split_groups(np.arange(rows), HALVES)
    assert find_twins(split, arrays) == []
    rng = np.random.default_rng(1)
    train, test = split.rows("train")[:20], split.rows("test")[:20]
    tilt = 1 + 0.01 * np.linspace(-1, 1, 300)
    arrays[test] = 2 * (arrays[train] * tilt + 0.04 * rng.normal(size=(20, 300)))
    arrays[test[0], 100:106] = np.nan
    (found,) = find_twins(split, arrays)
    assert found.numbers["pairs"] == 20
    assert set(found.rows.tolist()) == {*train.tolist(), *test.tolist()}
    # The stars themselves are as alike as ever.
    assert np.corrcoef(arrays[train[1]], arrays[train[2]])[0, 1] ** 2 > 0.01


def test_pairs_of_twins_are_those_of_the_slow_way():
    arrays = spectra(300, 120, seed=3)
    split = split_groups(np.arange(300), HALVES)
    test = split.rows("test")[:30]
    arrays[test] = arrays[split.rows("train")[:30]]
    arrays[test] += np.linspace(0.01, 0.3, 30)[:, None] * np.random.default_rng(0).normal(
        size=(30, 120)
    )
    from errorbar.core.split.twins import _remainders

    search = search_twins(split, arrays, limit=0.85)
    rest, _ = _remainders(arrays, 30, np.random.default_rng(0))
    like = np.triu(rest @ rest.T, 1) >= search.limit
    like &= split.role[:, None] != split.role
    np.testing.assert_array_equal(search.pairs, np.argwhere(like))
    assert 10 < len(search.pairs) < 30


def test_few_numbers_cannot_tell_twins_and_that_is_said():
    split = split_groups(np.arange(500), HALVES)
    (found,) = find_twins(split, spectra(500, 8))
    assert found.severity == "note"
    assert "copies alone were sought" in found.said


def test_rows_that_are_all_alike_are_not_compared_without_end():
    rng = np.random.default_rng(2)
    arrays = np.tile(rng.normal(size=(1, 200)), (2000, 1)) + 0.1 * rng.normal(size=(2000, 200))
    arrays[:1000] += 50 * rng.normal(size=(1000, 200))
    split = split_groups(np.arange(2000), HALVES)
    found = find_twins(split, arrays, common=0)
    assert "warning" in {each.severity for each in found}
    assert "were compared" in found[0].said


def statistics(column, rows):
    return {"centre": {"mag": column[rows].mean()}, "scale": {"mag": column[rows].std()}}


def test_a_normaliser_of_train_alone_is_clean_and_any_other_is_not():
    split = split_groups(np.arange(1000))
    mag = np.random.default_rng(0).normal(15, 2, 1000)
    mag[3] = np.nan
    features = {"mag": mag}
    seen = np.isfinite(mag)

    def found(**recorded):
        return find_outside_statistics(split, FittedStatistics("scaler", **recorded), features)

    train = split.mask("train")
    assert found(**statistics(mag, train & seen)) == []
    assert found(centre={"mag": float(np.median(mag[train & seen]))}) == []
    assert found(ids=split.groups_in("train")) == []
    assert found(ids_sha256=hash_ids(map(str, split.groups_in("train").tolist()))) == []

    (all_rows,) = found(**statistics(mag, seen))
    assert all_rows.severity == "failure"
    assert "rows of train, val, calib_a, calib_b, test" in all_rows.said
    (with_val,) = found(**statistics(mag, split.mask("train", "val") & seen))
    assert "rows of train, val, by its numbers" in with_val.said
    np.testing.assert_array_equal(with_val.rows, split.rows("val"))
    (by_ids,) = found(ids=[0, 1, *split.groups_in("train", "test").tolist()])
    assert by_ids.severity == "failure"
    (by_hash,) = found(ids_sha256=hash_ids(map(str, range(1000))))
    assert "by their hash" in by_hash.said
    (strange,) = found(ids_sha256="0" * 64)
    assert "not those of train" in strange.said
    (other,) = found(centre={"mag": 14.0}, scale={"mag": 2.0})
    assert other.severity == "warning"
    with pytest.raises(SplitError, match="first 'g': pass their columns"):
        found(centre={"g": 1.0})
    with pytest.raises(SettingsError, match="recorded nothing of its fit"):
        found()


def test_features_named_like_the_target_are_found():
    split = split_groups(np.arange(400))
    rng = np.random.default_rng(0)
    names = ["bp_rp", "teff_gspphot", "logg_gspphot", "azero_gspphot", "parallax", "teff_err"]
    features = {name: rng.normal(size=400) for name in names}
    found = find_derived_features(split, features, rng.normal(size=400), target_name="teff")
    assert [each.numbers["feature"] for each in found] == [*names[1:4], "teff_err"]
    assert {each.severity for each in found} == {"failure"}
    declared = find_derived_features(
        split, features, rng.normal(size=400), target_name="teff", declared=names
    )
    assert {each.severity for each in declared} == {"warning"}
    (odd,) = find_derived_features(
        split, {"x_age_gyr": rng.normal(size=400), "page": rng.normal(size=400)},
        rng.normal(size=400), target_name="age",
    )  # fmt: skip
    assert odd.numbers["feature"] == "x_age_gyr"


def test_a_feature_that_is_the_target_in_disguise_is_found():
    split = split_groups(np.arange(800))
    rng = np.random.default_rng(1)
    teff = rng.uniform(3000, 9000, 800)
    colour = 5000 / teff + 0.08 * rng.normal(size=800)
    copy = -np.log(teff) + 0.002 * rng.normal(size=800)
    copy[100:] = np.nan
    features = {"colour": colour, "x17": copy}
    (found,) = find_derived_features(split, features, teff)
    assert found.numbers["feature"] == "x17"
    assert found.numbers["strength"] > 0.99
    np.testing.assert_array_equal(found.rows, np.arange(100))


def test_a_code_of_the_class_is_found_and_a_good_feature_is_not():
    split = split_groups(np.arange(900))
    kind = np.repeat([0, 1, 2], 300)
    rng = np.random.default_rng(2)
    features = {
        "code": np.array([7.0, 3.0, 5.0])[kind],
        "log_p": kind + rng.normal(0, 0.01, 900),
        "flag": (rng.random(900) < 0.5).astype(float),
    }
    (found,) = find_derived_features(split, features, kind, numeric=False)
    assert found.numbers["feature"] == "code"


def test_labels_made_from_their_features_are_a_slice_and_no_failure():
    split = split_groups(np.arange(300))
    source = np.array(["OGLE", "SIMBAD", "ASAS"])[np.arange(300) % 3]
    (found,) = find_circular_labels(split, source, {"OGLE", "2MASS"})
    np.testing.assert_array_equal(found.rows, np.arange(0, 300, 3))
    assert found.severity == "warning"
    assert found.numbers["test_rows"] == np.isin(found.rows, split.rows("test")).sum()
    assert find_circular_labels(split, source, {"2MASS"}) == []
    audit_leakage(split, label_source=source, feature_sources={"OGLE"}).check()


def test_metadata_that_tells_the_class_fails_unless_it_is_declared():
    rng = np.random.default_rng(3)
    kind = rng.integers(0, 3, 400)
    star = np.repeat(np.arange(400), 2)
    field = np.where(rng.random(400) < 0.3, kind, rng.integers(0, 3, 400))[star]
    metadata = {"field": np.array(["a", "b", "c"])[field], "epochs": rng.poisson(20, 800)}
    split = split_groups(star)
    found = find_telling_metadata(split, metadata, kind[star])
    assert {each.numbers["column"] for each in found} == {"field", "(all columns together)"}
    for each in found:
        assert each.severity == "failure"
        assert each.numbers["p_value"] <= each.numbers["level"] == pytest.approx(0.01 / 3)
        assert each.numbers["effect"] > 0.1
    (note,) = find_telling_metadata(split, metadata, kind[star], declared=["field"])
    assert note.severity == "note"
    assert find_telling_metadata(split, metadata, kind[star], least_effect=0.5) == []


def test_stars_seen_often_are_no_more_proof_than_stars_seen_once():
    # A field for each star tells its rows apart, and nothing of the next star.
    rng = np.random.default_rng(4)
    star = np.repeat(np.arange(60), 50)
    kind = rng.integers(0, 2, 60)[star]
    offset = rng.normal(size=60)[star]
    assert find_telling_metadata(split_groups(star), {"airmass": offset}, kind) == []


def test_a_table_sorted_by_class_is_told_by_its_order():
    kind = np.repeat(["Cep", "RRL"], 150)
    split = split_groups(np.arange(300))
    with pytest.raises(LeakageError, match="`file order` tells the class"):
        audit_leakage(split, target=kind).check()
    audit_leakage(split, target=kind, declared=["file order"]).check()
    audit_leakage(split, target=kind, file_order=False).check()


def test_holes_that_tell_the_class_are_found():
    rng = np.random.default_rng(5)
    teff = rng.uniform(3000, 9000, 500)
    w1 = np.where((teff < 4500) & (rng.random(500) < 0.7), np.nan, rng.normal(size=500))
    report = audit_leakage(split_groups(np.arange(500)), features={"w1": w1}, target=teff)
    (found,) = (each for each in report.failures if each.numbers["column"] == "missing values")
    assert found.check == "class-only metadata"


def test_probes_of_too_few_stars_are_skipped_and_that_is_said():
    split = split_groups(np.arange(300), Fractions(0.5, 0, 0, 0, 0.5))
    assert probe_classes(split, {"x": np.arange(300)}, np.zeros(300, dtype=int)) == []
    assert probe_classes(split, {"x": np.arange(300)}, np.full(300, np.nan)) == []
    report = audit_leakage(split, target=["a"] * 300)
    assert "too few stars" in report.skipped["class-only metadata"]


def test_an_audit_lists_everything_that_failed_and_what_was_not_looked_at():
    rng = np.random.default_rng(6)
    split = split_groups(np.arange(300))
    teff = rng.uniform(3000, 9000, 300)
    report = audit_leakage(
        split,
        ids=pl.DataFrame({"gaia": np.arange(300) // 2}),
        features={"teff_gspphot": teff + rng.normal(0, 300, 300)},
        target=teff,
        target_name="teff",
        fitted=[FittedStatistics("scaler", ids=np.arange(300))],
    )
    assert not report.passed
    with pytest.raises(LeakageError, match="leaks in 3 ways") as caught:
        report.check()
    assert isinstance(caught.value, InputError)
    assert caught.value.findings == report.failures
    for told in (
        "shared stars",
        "fitted statistics",
        "derived features",
        "first 0, 1",
        "Fit it on",
    ):
        assert told in str(caught.value)
    assert set(report.skipped) == {"copied arrays", "near twins", "neighbours", "circular labels"}
    assert report.of("shared stars")[0].rows.size > 0
    assert json.loads(json.dumps(report.to_dict()))["passed"] is False


def test_a_clean_table_passes_and_text_is_a_feature_too():
    rng = np.random.default_rng(7)
    report = audit_leakage(
        split_groups(np.arange(300)),
        ids={"gaia": np.arange(300)},
        arrays=spectra(300, 100),
        features={"band": rng.choice(["g", "r"], 300), "ok": rng.random(300) < 0.5},
        target=rng.choice(["a", "b"], 300),
        metadata={"field": pl.Series([None, "x", "y"] * 100)},
    )
    assert report.passed
    assert report.findings == ()
    report.check()


def test_columns_that_are_none_are_refused():
    split = split_groups(np.arange(300))
    with pytest.raises(SplitError, match="`a` has 2 rows and the table 300"):
        audit_leakage(split, features={"a": [1.0, 2.0]})
    with pytest.raises(SplitError, match="`arrays` has 1 rows"):
        audit_leakage(split, arrays=np.zeros((1, 4)))
    with pytest.raises(SplitError, match=r"no class in 100 of 300 rows, first at row 0"):
        audit_leakage(split, target=[None, "x", "y"] * 100)
    with pytest.raises(SplitError, match="features are numbers or text"):
        audit_leakage(split, features={"a": pl.Series([[1]] * 300)})
    with pytest.raises(SplitError, match="ids are whole numbers or text"):
        audit_leakage(split, ids={"gaia": np.zeros(300)})
    with pytest.raises(SettingsError, match="alpha=1 must lie"):
        AuditSettings(alpha=1.0)
    with pytest.raises(SettingsError, match="must not be negative"):
        AuditSettings(least_effect=-1)
