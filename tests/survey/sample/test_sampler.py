import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from errorbar.core.errors import SettingsError, SurveyError, TableError
from errorbar.survey.data import HermesData, read_ariel
from errorbar.survey.sample import (
    DESIGN,
    MASS_CLASSES,
    QuantileCut,
    RangeCut,
    SkippedCell,
    Survey,
    SurveySampler,
)

KNOWN = "hermes/ariel_mcs_2024-07-09_core.csv"


def catalogue(rows=120, seed=0, **columns):
    rng = np.random.default_rng(seed)
    # Rounded masses tie, which is where a quantile cut can go wrong.
    mass = np.round(rng.uniform(-2.0, 1.2, rows), 2)
    table = {
        "Planet Name": [f"Mock-{row} b" for row in range(rows)],
        "logM": mass,
        "log(X_H2O)": -0.95 - 1.09 * mass + rng.normal(0, 0.5, rows),
        "uncertainty_lower": np.full(rows, 0.2),
        "uncertainty_upper": np.full(rows, 0.2),
    }
    return HermesData(pl.DataFrame({**table, **columns}))


def listed(planets):
    mass = planets.log_mass
    bar = np.full(len(mass), 0.2)
    frame = {"Planet Name": planets.names, "logM": mass, "log(X_H2O)": -0.95 - 1.09 * mass}
    return HermesData(pl.DataFrame({**frame, "uncertainty_lower": bar, "uncertainty_upper": bar}))


def reference_grid(frame, sizes, repeats, labels, seed=42):
    """The published sampling rule, in pandas."""
    quantile = {"S2": 0.25, "S3": 0.5, "S4": 0.75}
    rng = np.random.default_rng(seed)
    for label in labels:
        subset = frame
        if label != "S1":
            subset = frame[frame["logM"] >= frame["logM"].quantile(quantile[label])]
        for n in sizes:
            if n > len(subset):
                continue
            for _ in range(repeats):
                state = int(rng.integers(0, 2**32 - 1))
                yield label, n, subset.sample(n=n, replace=False, random_state=state)


# --- the reference's surveys


@given(
    rows=st.integers(12, 90),
    seed=st.integers(0, 2**32 - 1),
    sizes=st.lists(st.integers(3, 95), min_size=1, max_size=5),
    labels=st.lists(st.sampled_from(sorted(MASS_CLASSES)), min_size=1, max_size=4),
)
def test_the_surveys_hold_the_reference_s_planets_in_its_order(rows, seed, sizes, labels):
    data = catalogue(rows, seed % 1000)
    expected = list(reference_grid(data.to_pandas(), sizes, 2, labels, seed))
    sampler = SurveySampler(data, rng_seed=seed)
    if not expected:
        with pytest.raises(SurveyError, match="every class is smaller"):
            sampler.sample_grid(sizes, 2, labels)
        return
    drawn = sampler.sample_grid(sizes, 2, labels)
    assert [survey.survey_id for survey in drawn] == list(range(1, len(expected) + 1))
    for survey, (label, n, frame) in zip(drawn, expected, strict=True):
        assert (survey.class_label, survey.n) == (label, n)
        assert list(survey.names) == list(frame["Planet Name"])
        np.testing.assert_array_equal(survey.df["logM"].to_numpy(), frame["logM"].to_numpy())


def test_the_whole_design_of_the_real_list_is_the_reference_s(shared_data):
    data = listed(read_ariel(shared_data / KNOWN))
    expected = reference_grid(data.to_pandas(), DESIGN, 20, list(MASS_CLASSES))
    drawn = SurveySampler(data).sample_grid(DESIGN, 20)
    assert len(drawn) == 640
    for survey, (label, n, frame) in zip(drawn, expected, strict=True):
        assert (survey.class_label, survey.n) == (label, n)
        assert list(survey.names) == list(frame["Planet Name"])


@given(values=st.lists(st.floats(-5, 3), min_size=3, max_size=60), low=st.integers(0, 99))
def test_a_cut_is_the_quantile_pandas_gives_to_the_last_bit(values, low):
    frame = pl.DataFrame({"logM": values})
    series = pd.Series(values)
    rows = QuantileCut(low / 100).rows(frame)
    np.testing.assert_array_equal(rows, (series >= series.quantile(low / 100)).to_numpy())


def test_a_size_that_is_too_large_takes_nothing_from_the_stream():
    sampler = SurveySampler(catalogue(100))
    with_gap = sampler.sample_grid([10, 60], 3, ["S3", "S1"])
    assert [(s.class_label, s.n) for s in with_gap[::3]] == [("S3", 10), ("S1", 10), ("S1", 60)]
    without = sampler.sample_grid([10], 3, ["S3", "S1"])
    assert [s.names for s in with_gap[:6]] == [s.names for s in without]
    size = sampler.class_sizes["S3"]
    assert sampler.skipped([10, 60], ["S3", "S1"]) == (SkippedCell("S3", 60, size),)
    assert str(SkippedCell("S3", 60, 50)) == "S3: 60 planets wanted, 50 in the class"


def test_a_sampler_gives_the_same_surveys_each_time_it_is_asked():
    sampler = SurveySampler(catalogue())
    first, second = sampler.sample_grid([10], 2), sampler.sample_grid([10], 2)
    assert [s.names for s in first] == [s.names for s in second]
    other = SurveySampler(catalogue(), rng_seed=43).sample_grid([10], 2)
    assert [s.names for s in first] != [s.names for s in other]


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(3, 30))
def test_no_survey_holds_a_planet_twice(seed, n):
    survey = SurveySampler(catalogue()).sample_one("S4", n, seed=seed)
    assert len(set(survey.names)) == survey.n == n


def test_classes_are_nested_and_every_planet_is_drawn_alike():
    sampler = SurveySampler(catalogue())
    names = [set(sampler.class_df(label)["Planet Name"]) for label in MASS_CLASSES]
    assert names[0] > names[1] > names[2] > names[3]
    drawn = [name for seed in range(800) for name in _s4(sampler, seed)]
    _, counts = np.unique(drawn, return_counts=True)
    size = sampler.class_sizes["S4"]
    assert len(counts) == size
    share = 10 / size
    z = (counts - 800 * share) / np.sqrt(800 * share * (1 - share))
    assert np.abs(z).max() < 4.5


def _s4(sampler, seed):
    return sampler.sample_one("S4", 10, seed=seed).names


def test_a_grid_takes_whatever_a_catalogue_can_be_made_of():
    frame = catalogue().df
    assert SurveySampler(frame.to_pandas()).sample_grid([5], 1)[0].n == 5


# --- real lists


def test_the_classes_of_the_real_list_have_the_published_cuts_and_leverage(shared_data):
    sampler = SurveySampler(listed(read_ariel(shared_data / KNOWN)))
    assert sampler.class_sizes == {"S1": 722, "S2": 541, "S3": 361, "S4": 181}
    cuts = [sampler.class_df(label)["logM"].min() for label in ("S2", "S3", "S4")]
    np.testing.assert_allclose(cuts, [-1.426, -0.310, 0.034], atol=5e-3)
    drawn = sampler.sample_grid([50], 400)
    for label, published in {"S1": 6.33, "S2": 3.74, "S3": 2.24, "S4": 1.92}.items():
        mean = np.mean([s.leverage for s in drawn if s.class_label == label])
        assert mean == pytest.approx(published, abs=0.12)


def test_hosts_with_metallicities_move_the_cuts(shared_data):
    complete = read_ariel(shared_data / KNOWN).with_star
    sizes = SurveySampler(listed(complete)).class_sizes
    assert sizes == {"S1": 618, "S2": 463, "S3": 309, "S4": 155}


# --- classes of one's own


def test_classes_can_be_ranges_quantiles_expressions_and_functions():
    data = catalogue(period=np.arange(120.0))
    sampler = SurveySampler(
        data,
        classes={
            "giants": RangeCut(0.0),
            "short": RangeCut(high=30, column="period"),
            "middle": QuantileCut(0.25, 0.75),
            "hot giants": (pl.col("logM") > 0) & (pl.col("period") < 60),
            "even": lambda frame: frame["period"].to_numpy() % 2 == 0,
            "listed": lambda frame: [name.endswith("1 b") for name in frame["Planet Name"]],
        },
    )
    frame = data.df
    assert sampler.class_df("giants").equals(frame.filter(pl.col("logM") >= 0))
    assert sampler.class_df("short").equals(frame.head(30))
    low, high = np.percentile(frame["logM"], [25, 75])
    inside = (frame["logM"] >= low) & (frame["logM"] < high)
    assert sampler.class_df("middle").equals(frame.filter(inside))
    assert sampler.class_df("hot giants")["period"].max() < 60
    assert sampler.class_df("even").height == 60
    assert sampler.class_df("listed").height == 12
    assert sampler.class_labels == ("giants", "short", "middle", "hot giants", "even", "listed")


def test_a_column_with_gaps_leaves_the_planets_without_it_out():
    period = [None if row % 3 == 0 else float(row) for row in range(120)]
    sampler = SurveySampler(
        catalogue(period=period),
        classes={"cut": QuantileCut(0.0, column="period"), "long": pl.col("period") > 60},
    )
    assert sampler.class_sizes["cut"] == 80
    assert sampler.class_df("long")["period"].null_count() == 0
    nothing = catalogue(period=[None] * 120).df.cast({"period": pl.Float64})
    assert SurveySampler(nothing, {"x": QuantileCut(column="period")}).class_sizes == {"x": 0}


# --- refusals


def test_a_class_that_holds_nothing_is_refused_when_it_is_drawn_from():
    sampler = SurveySampler(catalogue(), classes={"stars": RangeCut(2.0), "all": QuantileCut()})
    assert sampler.sample_grid([5], 1, ["all"])
    with pytest.raises(SurveyError, match="class stars holds none of the 120 planets"):
        sampler.sample_grid([5], 1)


def test_a_class_of_one_mass_is_refused():
    sampler = SurveySampler(catalogue(logM=np.r_[np.zeros(60), np.ones(60)]))
    with pytest.raises(SurveyError, match="class S4 have the log mass 1, .* widen"):
        sampler.sample_grid([5], 1, ["S1", "S4"])


@pytest.mark.parametrize("n", [2, 0, -5, 3.5])
def test_a_survey_too_small_for_a_line_is_refused(n):
    with pytest.raises(SurveyError, match="3 or more"):
        SurveySampler(catalogue()).sample_grid([n], 1)
    with pytest.raises(SurveyError, match="3 or more"):
        SurveySampler(catalogue()).sample_one("S1", n, seed=0)


def test_more_planets_than_a_class_has_are_refused():
    with pytest.raises(SurveyError, match="class S1 has 120 planets, so 121"):
        SurveySampler(catalogue()).sample_one("S1", 121, seed=0)
    with pytest.raises(SurveyError, match=r"S1: 500 planets wanted, 120 in the class.*fewer"):
        SurveySampler(catalogue()).sample_grid([500], 1)


def test_an_unknown_class_is_refused_with_those_there_are():
    with pytest.raises(SettingsError, match="class 'S5' is unknown; there are S1, S2, S3, S4"):
        SurveySampler(catalogue()).sample_grid([5], 1, ["S1", "S5"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], 1), "n_grid is empty"),
        (([5], 0), "n_reps=0"),
        (([5], 1, []), "class_order is empty"),
    ],
)
def test_a_design_of_nothing_is_refused(arguments, message):
    with pytest.raises(SettingsError, match=message):
        SurveySampler(catalogue()).sample_grid(*arguments)


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5])
def test_a_seed_no_generator_takes_is_refused(seed):
    with pytest.raises(SettingsError, match="between 0 and"):
        SurveySampler(catalogue(), rng_seed=seed)


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (pl.col("radius") > 1, "cannot be evaluated"),
        (pl.col("logM"), "one truth value for each of the 120 planets; it gives 120 of"),
        (lambda frame: [True], "it gives 1 of type Boolean"),
        ("S1", "is a str: give a QuantileCut"),
    ],
    ids=["missing column", "numbers", "too short", "a name"],
)
def test_a_class_that_chooses_nothing_is_refused(selection, message):
    with pytest.raises(SettingsError, match=message):
        SurveySampler(catalogue(), classes={"mine": selection})


def test_a_cut_in_a_column_that_does_not_exist_is_refused():
    with pytest.raises(TableError, match="`period`"):
        SurveySampler(catalogue(), classes={"short": RangeCut(high=3, column="period")})


def test_no_class_at_all_is_refused():
    with pytest.raises(SettingsError, match="name at least one"):
        SurveySampler(catalogue(), classes={})


@pytest.mark.parametrize("ends", [(0.5, 0.5), (-0.1, 0.5), (0.2, 1.1), (np.nan, 1.0)])
def test_a_quantile_cut_without_an_inside_is_refused(ends):
    with pytest.raises(SettingsError, match="0 <= low < high <= 1"):
        QuantileCut(*ends)


def test_a_range_cut_without_an_inside_is_refused():
    with pytest.raises(SettingsError, match="low < high"):
        RangeCut(1.0, 1.0)


def test_a_survey_of_nothing_is_refused():
    with pytest.raises(SurveyError, match="holds no planet"):
        Survey(1, "S1", catalogue().df.head(0))
