import polars as pl
import pytest

from errorbar.core.errors import SettingsError
from errorbar.rt.model.pool import PoolModel
from errorbar.rt.studies import RareSettings, run_rare, write_rare
from errorbar.rt.studies.arms import BARE, FULL, OTHERS, RARE, arms_of
from errorbar.rt.synth import StudySettings, study_table

# Little noise and few descriptors, so that a small table tells.
TABLE = StudySettings(
    n_species=10, n_compounds=40, n_internal_standards=2, n_descriptors=4, sigma_y=0.05,
    satellites=0.0, run_shift_sd=0.0,
)  # fmt: skip
SMALL = RareSettings(
    seeds=(0, 1, 2), head_dims=(4,), levels=("species",), gate_ranks=(),
    species_theta_sd=(0.0, 0.2), model=PoolModel(), generator=TABLE,
)  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return run_rare(SMALL, tmp_path_factory.mktemp("rare"))


def test_the_verdict_is_right_in_both_directions(small):
    assert small.adopt == {"species_theta_sd 0": False, "species_theta_sd 0.2": True}
    none, some = small.verdicts.iter_rows(named=True)
    assert abs(none["percent"]) < 3
    assert some["percent"] > 10
    assert some["at_least"] > 0
    assert some["cost"] > 0


def test_every_arm_is_fitted_to_the_same_splits(small):
    rows = small.scores.group_by("table", "seed", "slice").agg(pl.col("rows").n_unique())
    assert rows["rows"].max() == 1
    assert set(small.scores["arm"]) == {FULL, BARE, "head 4, species"}
    assert set(small.scores["slice"]) == {RARE, OTHERS}


def test_arms_are_named_by_what_they_have():
    names = [arm.name for arm in arms_of(RareSettings(head_dims=(4, 8), gate_ranks=(1, 2)))]
    assert names[:2] == [FULL, BARE]
    assert names[2:5] == ["head 4, species", "head 4, cluster", "head 4, both"]
    assert names[-2:] == ["gate 1", "gate 2"]


def test_species_that_weigh_descriptors_leave_all_else_as_it_was():
    plain, own = (
        study_table(StudySettings(n_species=4, n_compounds=6, species_theta_sd=sd), 1)
        for sd in (0.0, 0.2)
    )
    away = own.peaks.rt - plain.peaks.rt
    moved = (own.truth.intercept - plain.truth.intercept)[plain.peaks.species, plain.peaks.compound]
    assert abs(away - moved).max() < 1e-12
    assert moved.std() > 0.1


def test_a_run_that_was_killed_goes_on_and_ends_the_same(tmp_path):
    settings = RareSettings(
        seeds=(0,), head_dims=(2,), levels=("both",), gate_ranks=(1,), species_theta_sd=(0.1,),
        generator=StudySettings(n_species=5, n_compounds=12, n_internal_standards=2), most=1,
        model=PoolModel(),
    )  # fmt: skip
    first = run_rare(settings, tmp_path)
    (tmp_path / "journal" / "piece-000002.safetensors").unlink()
    again = run_rare(settings, tmp_path)
    made = study_table(settings.generator, 0)
    given = run_rare(settings, peaks=made.peaks, chemistry=made.chemistry)
    assert again.scores.drop("cpu_seconds").equals(first.scores.drop("cpu_seconds"))
    assert again.gains.drop("cost").equals(first.gains.drop("cost"))
    assert given.verdicts["table"].to_list() == ["given table"]


def test_the_folder_holds_page_tables_and_figures(small, tmp_path):
    text = write_rare(small, tmp_path).read_text()
    assert "do not adopt" in text
    assert pl.read_csv(tmp_path / "tables" / "verdicts.csv").height == 2
    assert (tmp_path / "figures" / "gains.png").is_file()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"levels": ("run",)}, "must be of"),
        ({"head_dims": ()}, "one or more"),
        ({"most": -1}, "0 or more"),
        ({"species_theta_sd": (-0.1,)}, "0 or more"),
        ({"model": PoolModel(head_dims=2)}, "without heads"),
        ({"gate_ranks": (0,)}, "1 or more"),
        ({"rare_share": 0.0}, "between 0 and 1"),
    ],
)
def test_settings_that_make_no_study_are_refused(changes, told):
    with pytest.raises(SettingsError, match=told):
        RareSettings(**changes)


def test_heads_need_descriptors():
    made = study_table(StudySettings(n_species=4, n_compounds=6, n_descriptors=3))
    with pytest.raises(SettingsError, match="give chemistry"):
        run_rare(peaks=made.peaks)
    with pytest.raises(SettingsError, match="smaller heads"):
        run_rare(peaks=made.peaks, chemistry=made.chemistry)
