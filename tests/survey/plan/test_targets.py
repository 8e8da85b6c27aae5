"""Tables of targets: what is read, what is barred and why."""

import numpy as np
import polars as pl
import pytest

from errorbar.core.errors import DesignError, TableError
from errorbar.survey.plan import Design, Targets, ariel_targets, read_targets
from errorbar.survey.synth import draw_planets
from tests.survey.plan.offers import some_targets


def plain(**columns) -> pl.DataFrame:
    table = {
        "name": ["a", "b", "c", "d"],
        "log_mass": [-2.0, -1.0, 0.0, 1.0],
        "hours": [10.0, 20.0, 30.0, 40.0],
    }
    return pl.DataFrame(table | columns)


def test_a_plain_table_becomes_targets():
    targets = read_targets(plain(abundance_sigma=[0.1, 0.2, 0.3, 0.4]))
    assert targets.names == ("a", "b", "c", "d")
    np.testing.assert_array_equal(targets.hours, [10, 20, 30, 40])
    np.testing.assert_array_equal(targets.design.sigma, [0.1, 0.2, 0.3, 0.4])
    assert targets.allowed.all()


def test_the_reference_names_of_columns_are_understood():
    frame = plain().rename({"name": "Planet Name", "log_mass": "logM"})
    frame = frame.with_columns(
        pl.Series("Star Metallicity", [0.0, 0.1, None, 0.2]),
        pl.Series("Star Metallicity Lower", [-0.1, -0.1, None, -0.2]),
        pl.Series("Star Metallicity Upper", [0.1, 0.1, None, 0.4]),
    )
    targets = read_targets(frame, sigma=0.25)
    np.testing.assert_array_equal(targets.design.sigma, [0.25] * 4)
    np.testing.assert_allclose(targets.design.star_sigma[[0, 3]], [0.1, 0.3])
    # A host without metallicity bars the planet only where the model needs the host.
    assert targets.allowed.all()
    assert targets.need_star().barred == ("", "", "its host's metallicity is unknown", "")


def test_visibility_and_windows_bar_targets():
    frame = plain(visible=[True, False, True, True], visits=[1, 2, 3, 9], visits_allowed=[9] * 4)
    assert read_targets(frame).barred == ("", "not visible in the time planned", "", "")
    windows = pl.DataFrame({"name": ["d", "A"], "visits_allowed": [8, 0]})
    assert read_targets(plain(visits=[1, 2, 3, 9]), windows=windows).barred == (
        "needs more visits than its windows allow",
        "",
        "",
        "needs more visits than its windows allow",
    )
    text = pl.DataFrame({"name": ["c"], "visible": ["False"]})
    assert read_targets(plain(), windows=text).barred[2] == "not visible in the time planned"
    assert read_targets(frame, limits=False).allowed.all()


def test_a_synthetic_list_is_read_by_tier():
    planets = draw_planets(200, seed=1)
    two, three = ariel_targets(planets, tier=2), ariel_targets(planets, tier=3)
    np.testing.assert_allclose(two.hours, planets.hours(2))
    assert three.hours.sum() > two.hours.sum()
    reach = planets.column("max_tier")
    assert {two.barred[row] for row in np.flatnonzero(reach < 2)} <= {"cannot reach tier 2"}
    assert two.allowed.sum() > three.allowed.sum()
    measured = read_targets(planets, measured_masses=True, mass_errors=True, limits=False)
    assert (~measured.allowed).sum() >= planets.df["mass_inferred"].sum()
    assert measured.design.x_sigma is not None


@pytest.mark.parametrize(
    ("frame", "options", "error", "message"),
    [
        (plain().drop("hours"), {}, TableError, "lacks 1 column: `hours`"),
        (plain(name=["a", "b", "A", "d"]), {}, DesignError, "Keep|keep one row of each"),
        (plain(), {"mass_errors": True}, DesignError, "has no mass errors"),
        (plain(visits_allowed=[1] * 4), {}, DesignError, "how many they need"),
        (plain(visible=["y", "n", "y", "y"]), {}, DesignError, "write true or false"),
        (plain(log_mass=[0.0, None, 1.0, 2.0]), {}, DesignError, "`x` must be finite; 1 rows"),
        (plain(), {"sigma": 0.0}, DesignError, "`sigma` must be finite and positive"),
        (
            plain(),
            {"windows": pl.DataFrame({"name": ["e"], "visible": [True]})},
            DesignError,
            "1 planets that are not on the list of targets, such as e",
        ),
        (plain(), {"windows": pl.DataFrame({"name": ["a"]})}, DesignError, "limits nothing"),
    ],
)
def test_a_table_that_cannot_be_planned_with_is_refused(frame, options, error, message):
    with pytest.raises(error, match=message):
        read_targets(frame, **options)


def test_a_planet_of_unknown_cost_is_barred_and_not_guessed():
    targets = read_targets(plain(hours=[10.0, None, 0.0, 40.0]))
    assert targets.barred[1] == targets.barred[2] == "its telescope time is unknown"


def test_targets_refuse_what_does_not_fit_together():
    design = Design([0.0, 1.0], [0.1, 0.1])
    with pytest.raises(DesignError, match="give one of each for every planet"):
        Targets(("a",), design, [1.0, 2.0])
    with pytest.raises(DesignError, match="first at row 1 \\(b: -2.0\\)"):
        Targets(("a", "b"), design, [1.0, -2.0])
    with pytest.raises(DesignError, match="a design with counts is a summary"):
        Targets(("a", "b"), Design([0.0, 1.0], [0.1, 0.1], count=[1.0, 2.0]), [1.0, 2.0])


def test_a_planet_barred_twice_keeps_its_first_reason():
    targets = some_targets(3, 0).bar(np.array([1]), "first").bar(np.array([0, 1]), "second")
    assert targets.barred == ("second", "first", "")


def test_names_are_found_however_they_are_spaced_and_cased():
    targets = Targets(("WASP-43 b", "GJ 1214 b"), Design([0.0, 1.0], [0.1, 0.1]), [1.0, 2.0])
    np.testing.assert_array_equal(targets.find(["gj1214B", "WASP-43b"]), [1, 0])
