import numpy as np
import polars as pl
import pytest

from errorbar.core.errors import SettingsError, TableError
from errorbar.rt.data import (
    Chemistry,
    lipid_chemistry,
    parse_lipid,
    peaks_from_frame,
    peaks_from_systems,
    read_chemistry,
    reduce_chemistry,
    with_classes,
    write_chemistry,
)
from tests.rt.data.tables import small_frame


def some_chemistry(compounds=12, descriptors=4):
    rng = np.random.default_rng(5)
    values = rng.normal(size=(compounds, descriptors)) * [1, 10, 100, 1000][:descriptors]
    names = tuple(f"d{j}" for j in range(descriptors))
    return Chemistry(np.arange(compounds) * 3, values, names, rng.integers(-1, 3, compounds))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_written_descriptors_are_read_back_as_they_were(tmp_path, ending):
    chemistry = some_chemistry()
    back = read_chemistry(write_chemistry(tmp_path / f"c.{ending}", chemistry))
    assert back.names == chemistry.names
    for name in ("compound", "values", "compound_class"):
        np.testing.assert_array_equal(getattr(back, name), getattr(chemistry, name))


def test_words_are_no_descriptors_and_gaps_are_refused(tmp_path):
    path = tmp_path / "c.csv"
    pl.DataFrame({"comp_id": [1, 2], "smiles": ["C", "CC"], "logp": [1, 2]}).write_csv(path)
    assert read_chemistry(path).names == ("logp",)
    assert (read_chemistry(path).compound_class == -1).all()
    pl.DataFrame({"comp_id": [1, 2], "logp": [None, 2.0]}).write_csv(path)
    with pytest.raises(TableError, match="not finite for 1 compounds, first for compound 1"):
        read_chemistry(path)
    pl.DataFrame({"id": [1]}).write_csv(path)
    with pytest.raises(TableError, match="lacks `comp_id`"):
        read_chemistry(path)
    pl.DataFrame({"comp_id": [1], "smiles": ["C"]}).write_csv(path)
    with pytest.raises(TableError, match="no column of numbers"):
        read_chemistry(path)
    pl.DataFrame({"comp_id": ["a"], "logp": [1.0]}).write_csv(path)
    with pytest.raises(TableError, match="whole numbers without gaps"):
        read_chemistry(path)


def test_all_components_keep_distances_of_standardised_descriptors():
    chemistry = some_chemistry()
    reduced = reduce_chemistry(chemistry, 4)
    scaled = (chemistry.values - chemistry.values.mean(axis=0)) / chemistry.values.std(axis=0)
    np.testing.assert_allclose(reduced.values @ reduced.values.T, scaled @ scaled.T, atol=1e-10)
    assert (np.diff(reduced.values.var(axis=0)) <= 0).all()


def test_components_do_not_depend_on_units_or_order_of_compounds():
    chemistry = some_chemistry()
    order = np.random.default_rng(1).permutation(12)
    other = Chemistry(
        chemistry.compound[order],
        chemistry.values[order] * [1.0, 7.0, 0.1, 3.0],
        chemistry.names,
        chemistry.compound_class[order],
    )
    one, two = reduce_chemistry(chemistry, 3), reduce_chemistry(other, 3)
    np.testing.assert_allclose(one.of(chemistry.compound), two.of(chemistry.compound), atol=1e-10)


def test_more_components_than_vary_are_refused():
    chemistry = some_chemistry()
    constant = Chemistry(
        chemistry.compound, chemistry.values * [1, 0, 1, 1] + 2, chemistry.names, chemistry.compound
    )
    assert reduce_chemistry(constant, 3).values.shape == (12, 3)
    with pytest.raises(SettingsError, match="between 1 and 3"):
        reduce_chemistry(constant, 4)


def test_classes_are_given_to_peaks():
    peaks = with_classes(peaks_from_frame(small_frame()), some_chemistry())
    np.testing.assert_array_equal(peaks.compound_class, some_chemistry().classes(peaks.compound))


@pytest.mark.parametrize(
    ("name", "kind", "numbers"),
    [
        ("PC 33:1 d7 (ISTD)", "PC", (33, 1, 0, 7)),
        ("PE P-16:0/18:1 [FA]", "PE P-", (34, 1, 0, 0)),
        ("DG 16:0_22:6 [-22:6]", "DG", (38, 6, 0, 0)),
        ("Cer d18:1/24:0", "Cer", (42, 1, 2, 0)),
        ("Cer d18:1/16:0 d31 (ISTD)", "Cer", (34, 1, 2, 31)),
        ("PC O-32:1", "PC O-", (32, 1, 0, 0)),
        ("LPC 18:1 (a)", "LPC", (18, 1, 0, 0)),
        ("LPC 18:1 (ab ) d7 (ISTD)", "LPC", (18, 1, 0, 7)),
        ("DG 15:0_18:1 d7 (ISTD) [-15:0]", "DG", (33, 1, 0, 7)),
        ("PC 28:0|SM 34:1 M+3", "PC", (28, 0, 0, 0)),
        ("PC 34:2 + O\\PC O-34:3 +2O", "PC", (34, 2, 0, 0)),
    ],
)
def test_lipids_are_known_by_their_names(name, kind, numbers):
    lipid = parse_lipid(name)
    assert lipid is not None
    assert lipid.kind == kind
    counts = (lipid.carbons, lipid.double_bonds, lipid.hydroxyls, lipid.deuterium)
    assert counts == numbers


@pytest.mark.parametrize("name", ["polysiloxane 7", "Diisooctyl Phthalate", "COH [161)", ""])
def test_what_is_no_lipid_is_told_so(name):
    assert parse_lipid(name) is None


def test_lipid_descriptors_order_lipids_of_a_class_by_their_chains():
    names = ["PC 32:0", "PC 34:0", "PC 36:0", "PC 36:2", "TG 50:1", "polysiloxane 7"]
    full = lipid_chemistry(names, None)
    assert full.names[:3] == ("PC", "TG", "other")
    carbons = full.values[:, full.names.index("carbons")]
    np.testing.assert_allclose(np.diff(carbons[:3]), carbons[1] - carbons[0])
    assert carbons[5] == 0
    assert full.compound_class.tolist() == [0, 0, 0, 0, 1, 2]
    assert lipid_chemistry(names).values.shape[1] <= 5


def some_systems():
    observations = pl.DataFrame(
        {"system": ["a", "a", "b", "b", "c"], "comp_id": [0, 1, 0, 2, 0], "rt": [1.0, 4, 2, 9, 1]}
    )
    systems = pl.DataFrame(
        {
            "system": ["a", "b", "c"],
            "mode": ["RP", "RP", "HILIC"],
            "column": ["C18", None, "amide"],
            "gradient_end_min": [8.0, 5.0, 1.0],
        }
    )
    compounds = pl.DataFrame(
        {
            "comp_id": [0, 1, 2],
            "class": ["x", None, "a"],
            "logp": [1.0, 2.0, None],
            "n_systems": [2, 1, 1],
        }
    )
    return observations, systems, compounds


def test_systems_give_times_as_shares_of_their_gradients():
    table = peaks_from_systems(*some_systems(), least=2)
    assert table.systems == ("a", "b")
    assert table.columns == ("C18", "unknown")
    # The last compound of b elutes after its gradient's end.
    assert table.fallback == ("b",)
    np.testing.assert_allclose(table.peaks.rt, [1 / 8, 4 / 8, 2 / 9, 1])
    np.testing.assert_allclose(table.peaks.rt * table.minutes, [1, 4, 2, 9])
    assert table.chemistry.names == ("logp",)
    assert table.chemistry.compound.tolist() == [0, 1]
    assert table.peaks.compound_class.tolist() == [0, -1, 0, -1]
    minutes = peaks_from_systems(*some_systems(), least=2, scale="minutes")
    np.testing.assert_allclose(minutes.peaks.rt, [1, 4, 2, 9])


def test_systems_that_are_not_described_are_refused():
    observations, systems, compounds = some_systems()
    with pytest.raises(TableError, match="1 values of `system`.*'c'"):
        peaks_from_systems(observations, systems[:2], compounds)
    with pytest.raises(TableError, match="1 values of `comp_id`.*2"):
        peaks_from_systems(observations, systems, compounds[:2])
    with pytest.raises(TableError, match="observations repeat a system and comp_id"):
        peaks_from_systems(pl.concat([observations] * 2), systems, compounds)
    with pytest.raises(TableError, match="systems lack `column`"):
        peaks_from_systems(observations, systems.drop("column"), compounds)
    with pytest.raises(TableError, match="no system of mode 'RP' has 30"):
        peaks_from_systems(*some_systems())
    with pytest.raises(SettingsError, match="gradient or minutes"):
        peaks_from_systems(*some_systems(), scale="hours")


def test_reversed_phase_systems_of_report_are_counted(shared_data):
    frames = (
        pl.read_parquet(shared_data / "rt" / f"report_{name}.parquet")
        for name in ("observations", "systems", "compounds")
    )
    table = peaks_from_systems(*frames)
    assert len(table.peaks) == 74_750
    assert (len(table.systems), len(table.columns)) == (315, 45)
    assert table.chemistry.values.shape == (13_216, 20)
    assert (table.peaks.rt <= 1).all()
    assert len(table.fallback) == 29
