"""The study itself: the order of arrays, what is found, runs that were killed, what is refused."""

import shutil
import sys
import types
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from errorbar.core.errors import ArtifactError, ErrorbarError, InputError, SettingsError
from errorbar.hmf.studies.rvs import (
    METRICS,
    BinAnalysis,
    Ellipse,
    RvsSettings,
    analyse_bin,
    compare_metrics,
    compute_bin_analysis,
    draw_sample,
    map_residuals,
    match_spectra,
    odd_residuals,
    place_stars,
    plot_bin_analysis,
    read_settings,
    residual_map,
    run_study,
    settings_of,
    study,
    write_bulk,
    write_example,
)
from tests.hmf.studies.rvs_made import CLIP, made_stars, write_h5, write_stars

HELD = RvsSettings(ranks=(2, 3), scales=(3.0, 5.0), clip=CLIP, fewest=60, shown=4, false_alarm=1e-3)
LEFT = Ellipse("1", 0.8, 5.0, 0.45, 1.3, 0.0)
RIGHT = Ellipse("2", 1.15, 5.0, 0.45, 1.3, 0.0)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    stars, flux, error, odd = made_stars(260)
    spectra = write_h5(folder / "a.h5", stars["source_id"].to_numpy(), flux, error)
    return stars, flux, error, odd, spectra, write_stars(folder / "a.csv", stars)


@pytest.fixture(scope="module")
def matched(made):
    return match_spectra([made[4]], [made[5]], clip=CLIP)


@pytest.fixture(scope="module")
def analysis(matched):
    return compute_bin_analysis(matched, place_stars(matched.table), LEFT, HELD, progress=False)


@pytest.fixture(scope="module")
def done(made, tmp_path_factory):
    out = tmp_path_factory.mktemp("study") / "out"
    told = []
    found = run_study(
        [made[4]], [made[5]], out, bins=(LEFT, RIGHT), settings=HELD, figures=False,
        progress=False, tell=told.append,
    )  # fmt: skip
    return found, told


def by_source(found):
    """Everything that a bin says of a star, under its identifier."""
    scores = found.found
    kept = dict(zip(found.kept.tolist(), range(len(found.kept))))
    side = np.zeros(len(found), dtype=int)
    side[found.test] = 1
    told = {}
    for row, source in enumerate(found.source_ids.tolist()):
        mine = scores.features.row == row
        told[source] = (
            found.colour[row], found.magnitude[row], found.magnitude_error[row], side[row],
            *found.A[row], scores.significance[row], scores.objects[row], scores.scores.low[row],
            scores.scores.median[row], scores.scores.valid[row], *found.by_metric[:, row],
            *scores.features.start[mine], *scores.features.peak[mine],
            *(found.kept_flux[kept[row]] if row in kept else ()),
            *(found.kept_ivar[kept[row]] if row in kept else ()),
        )  # fmt: skip
    return told


# The law of the order.


@settings(max_examples=5)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_array_belongs_to_its_source_whatever_the_order_of_the_files(
    seed, made, analysis, tmp_path_factory
):
    stars, flux, error, _, _, _ = made
    folder, rng = tmp_path_factory.mktemp("order"), np.random.default_rng(seed)
    rows, lines = rng.permutation(len(stars)), rng.permutation(len(stars))
    ids = stars["source_id"].to_numpy()
    path = write_h5(folder / "a.h5", ids[rows], flux[rows], error[rows])
    other = match_spectra([path], [write_stars(folder / "a.csv", stars[lines.tolist()])], clip=CLIP)
    again = compute_bin_analysis(other, place_stars(other.table), LEFT, HELD, progress=False)
    assert by_source(again) == by_source(analysis)
    assert again.catalogue().equals(analysis.catalogue())
    np.testing.assert_array_equal(again.G, analysis.G)


@pytest.mark.parametrize("ellipse", [LEFT, RIGHT])
def test_every_array_has_what_the_files_say_of_its_source(ellipse, made, matched):
    stars, flux, error, _, _, _ = made
    found = compute_bin_analysis(matched, place_stars(matched.table), ellipse, HELD, progress=False)
    of = {source: row for row, source in enumerate(stars["source_id"].to_list())}
    rows = np.array([of[source] for source in found.source_ids.tolist()])
    np.testing.assert_allclose(found.colour, stars["colour"].to_numpy()[rows])
    np.testing.assert_allclose(found.magnitude, stars["magnitude"].to_numpy()[rows])
    assert ellipse.holds(found.colour, found.magnitude).all()
    assert sorted([*found.train, *found.test]) == list(range(len(found)))
    inner = slice(CLIP, -CLIP)
    for place, row in enumerate(rows[found.kept]):
        known = found.kept_ivar[place] > 0
        np.testing.assert_array_equal(known, np.isfinite(flux[row, inner]))
        np.testing.assert_array_equal(found.kept_flux[place][known], flux[row, inner][known])
        assert str(found.source_ids[found.kept[place]]) in found.view(place).name
    # The model of a star is its own: all but the odd ones lie within their errors of it.
    z = (np.nan_to_num(flux[rows, inner]) - found.reconstruct(np.arange(len(found)))) / error[
        rows, inner
    ]
    z = np.where(np.isfinite(flux[rows, inner]), z, 0)[~found.found.objects]
    assert 0.9 < z.std() < 1.1
    catalogue = found.catalogue().filter(pl.col("kind") != "column")
    assert [str(found.source_ids[row]) for row in catalogue["row"]] == catalogue["id"].to_list()


def test_a_star_is_on_one_side_in_every_bin(matched):
    stars = place_stars(matched.table)
    sides = {}
    for ellipse in (LEFT, RIGHT):
        drawn = draw_sample(matched, stars, ellipse, HELD)
        for row, source in enumerate(drawn.table["source_id"].to_list()):
            assert sides.setdefault(source, row < drawn.trained) == (row < drawn.trained)
    assert 0.4 < np.mean(list(sides.values())) < 0.6
    other = draw_sample(matched, stars, LEFT, replace(HELD, seed=1))
    assert other.table["source_id"].to_list() != drawn.table["source_id"].to_list()


def test_arrays_of_another_length_are_refused(analysis):
    with pytest.raises(InputError, match=r"colour 3: every array .* the order of source_ids"):
        replace(analysis, colour=analysis.colour[:3])
    with pytest.raises(InputError, match="rows on two sides"):
        replace(analysis, test=np.append(analysis.test, 0))


# What is found.


def test_each_half_is_judged_by_the_basis_of_the_other(analysis):
    rank = analysis.rank
    assert analysis.G.shape == (60, 2 * rank)
    assert not analysis.A[analysis.train, :rank].any()
    assert not analysis.A[analysis.test, rank:].any()
    assert analysis.A[analysis.train, rank:].any(axis=1).all()
    assert analysis.basis.shape == (60, rank)


def test_odd_spectra_are_found_in_both_bins_and_listed_once(done, made):
    found, told = done
    odd = {str(source) for source in made[3]}
    listed = pl.read_csv(found.folder / "odd-stars.csv", schema_overrides={"source_id": pl.String})
    assert listed["source_id"].is_unique().all()
    assert odd <= set(listed["source_id"])
    assert len(listed) <= len(odd) + 1
    objects = found.catalogue.filter(pl.col("kind") == "object")
    stars = made[0].filter(pl.col("source_id").is_in(list(made[3])))
    for source, colour, magnitude in stars.rows():
        (bins,) = objects.filter(pl.col("id") == str(source))["bins"].to_list()
        inside = [
            each.name
            for each in (LEFT, RIGHT)
            if each.holds(np.array([colour]), np.array([magnitude]))[0]
        ]
        assert bins == inside
    assert any(len(bins) == 2 for bins in objects["bins"])
    assert any("spectra are odd" in line for line in told)
    assert found.bins["objects"].to_list() == [
        len(BinAnalysis.load(found.folder / f"bin-{name}" / "analysis.safetensors").objects)
        for name in ("1", "2")
    ]


def test_scores_are_compared_star_by_star(done):
    found, _ = done
    analyses = [
        BinAnalysis.load(found.folder / f"bin-{name}" / "analysis.safetensors") for name in "12"
    ]
    compared = compare_metrics(analyses)
    assert compared.metrics == METRICS == ("std_z", "chi2_red", "rmse", "mad_z", "kl")
    kl = METRICS.index("kl")
    assert compared.shared[kl, kl] == len({*analyses[0].objects, *analyses[1].objects})
    np.testing.assert_array_equal(compared.shared, compared.shared.T)
    assert compared.choices.height == 10
    for each in analyses:
        assert each.models[kl] == (each.rank, each.scale)
        np.testing.assert_array_equal(each.by_metric[kl], each.found.objects)
    with pytest.raises(InputError, match="no analysis"):
        compare_metrics([])


def test_residuals_of_odd_stars_are_where_they_were_made(done, made):
    found, _ = done
    analyses = [
        BinAnalysis.load(found.folder / f"bin-{name}" / "analysis.safetensors") for name in "12"
    ]
    table, z = odd_residuals(analyses)
    assert table["source_id"].is_unique().all()
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1)
    for source in made[3]:
        (row,) = np.flatnonzero(table["source_id"].to_numpy() == source)
        assert (z[row, 30 - CLIP : 40 - CLIP] ** 2).sum() > 0.5
    with pytest.raises(InputError, match="too few for a map"):
        map_residuals(analyses)


# Files and runs.


def test_an_analysis_is_read_as_it_was_saved(analysis, tmp_path):
    path = analysis.save(tmp_path / "a.safetensors")
    again = BinAnalysis.load(path)
    assert by_source(again) == by_source(analysis)
    assert (again.settings, again.ellipse, again.models) == (
        analysis.settings, analysis.ellipse, analysis.models,
    )  # fmt: skip
    assert again.grid.equals(analysis.grid)
    assert again.catalogue().equals(analysis.catalogue())
    assert again.save(tmp_path / "b.safetensors").read_bytes() == path.read_bytes()
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(ArtifactError):
        BinAnalysis.load(path)


def test_a_run_that_was_killed_goes_on_and_ends_alike(matched, analysis, tmp_path, monkeypatch):
    stars, calls = place_stars(matched.table), []
    from errorbar.hmf.grid import search as module_function

    search = sys.modules[module_function.__module__]
    fit = search.fit_point

    def count(*given, **named):
        calls.append(given[1:3])
        if len(calls) == 3:
            raise KeyboardInterrupt
        return fit(*given, **named)

    monkeypatch.setattr(search, "fit_point", count)
    with pytest.raises(KeyboardInterrupt):
        analyse_bin(matched, stars, LEFT, tmp_path, HELD, figures=False, progress=False)
    assert not (tmp_path / "analysis.safetensors").exists()
    found = analyse_bin(matched, stars, LEFT, tmp_path, HELD, figures=False, progress=False)
    # Of the four models of the grid the third is begun twice; the chosen ones have another half.
    assert calls[2] == calls[3]
    assert len(set(calls[:5])) == 4
    assert len(calls) == 5 + len(set(found.models))
    assert by_source(found) == by_source(analysis)
    assert not (tmp_path / "journal").exists()
    before = len(calls)
    again = analyse_bin(matched, stars, LEFT, tmp_path, HELD, figures=False, progress=False)
    assert len(calls) == before
    assert by_source(again) == by_source(analysis)


def test_another_setting_is_another_analysis(matched, tmp_path):
    stars = place_stars(matched.table)
    few = replace(HELD, ranks=(2,), scales=(5.0,))
    analyse_bin(matched, stars, LEFT, tmp_path, few, figures=False, progress=False)
    other = replace(few, false_alarm=1e-2)
    found = analyse_bin(matched, stars, LEFT, tmp_path, other, figures=False, progress=False)
    assert found.found.rule.false_alarm == 1e-2
    assert BinAnalysis.load(tmp_path / "analysis.safetensors").settings == other


def test_bins_may_be_run_one_by_one(done, made, tmp_path):
    whole, _ = done
    given = {"bins": (LEFT, RIGHT), "settings": HELD, "figures": False, "progress": False}
    first = run_study([made[4]], [made[5]], tmp_path, only=["2"], **given)
    assert first.bins["objects"].null_count() == 1
    second = run_study([made[4]], [made[5]], tmp_path, only=["1"], **given)
    assert second.catalogue.equals(whole.catalogue)
    assert second.bins.equals(whole.bins)
    with pytest.raises(SettingsError, match="there is no bin 7; there are 1, 2"):
        run_study([made[4]], [made[5]], tmp_path, only=["7"], **given)
    with pytest.raises(SettingsError, match="a study with other settings"):
        run_study([made[4]], [made[5]], tmp_path, **(given | {"settings": replace(HELD, seed=2)}))


def test_files_that_cannot_be_read_do_not_keep_a_folder(made, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text("source_id\n1\n")
    given = {"bins": (LEFT,), "settings": HELD, "figures": False, "progress": False}
    with pytest.raises(ErrorbarError):
        run_study([made[4]], [bad], tmp_path / "study", **given)
    assert not list((tmp_path / "study").iterdir())


def test_bins_with_few_spectra_are_passed_over_with_a_note(made, tmp_path):
    far = Ellipse("far", 9.0, 5.0, 0.1, 0.1, 0.0)
    few = replace(HELD, ranks=(2,), scales=(5.0,))
    given = {"settings": few, "figures": False, "progress": False}
    found = run_study([made[4]], [made[5]], tmp_path / "a", bins=(LEFT, far), **given)
    assert "bin far has 0 spectra, fewer than 60: passed over." in found.notes
    with pytest.raises(SettingsError, match="none of 1 bins has 60 spectra"):
        run_study([made[4]], [made[5]], tmp_path / "b", bins=(far,), **given)
    matched = match_spectra([made[4]], [made[5]], clip=CLIP)
    stars = place_stars(matched.table)
    with pytest.raises(SettingsError, match="too few for rank 50"):
        compute_bin_analysis(matched, stars, LEFT, replace(HELD, ranks=(50,)))
    with pytest.raises(SettingsError, match="bin far has 0 spectra"):
        compute_bin_analysis(matched, stars, far, HELD)


def test_what_pictures_leave_out_is_noted(made, tmp_path):
    few = replace(HELD, ranks=(2,), scales=(5.0,), kept=1, shown=1)
    found = run_study(
        [made[4]], [made[5]], tmp_path, bins=(LEFT,), settings=few, figures=False, progress=False
    )
    many = found.bins["objects"][0]
    assert many > 1
    assert f"bin 1 has {many} odd spectra; pictures and the map show the 1 oddest." in found.notes


# Settings.


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({"rank": 3}, "rank is no setting of this study; it has choose_by"),
        ({"ranks": [2.5]}, "must be whole numbers"),
        ({"ranks": []}, "must name one model"),
        ({"scales": ["a"]}, "must be numbers"),
        ({"choose_by": "taste"}, "chooses no model"),
        ({"statistic": "mean"}, "is unknown"),
        ({"test_share": 1.0}, "must lie between 0 and 1"),
        ({"kept": 0}, "must be at least 1"),
        ({"names": {"flux": "f", "what": "w"}}, "must say what the file calls"),
    ],
)
def test_wrong_settings_are_refused(given_, words):
    with pytest.raises(SettingsError, match=words):
        settings_of(given_)


def test_settings_are_read_from_a_file_or_refused(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text('[study]\nranks = 7\nscales = [2, 3]\n[names]\nflux = "f"\n')
    held = read_settings(path)
    assert (held.ranks, held.scales, held.names.flux) == ((7,), (2.0, 3.0), "f")
    assert settings_of(held.plain()) == held
    for text, words in (("a = 1", "no section"), ("[", "is not TOML")):
        path.write_text(text)
        with pytest.raises(SettingsError, match=words):
            read_settings(path)
    with pytest.raises(SettingsError, match="there is no file"):
        read_settings(tmp_path / "none.toml")


# Pictures, and the whole on spectra of full size.


@pytest.mark.heavy
def test_figures_are_drawn_of_an_analysis_alone(analysis, tmp_path, monkeypatch):
    for name in ("search", "infer_coefficients", "score_objects", "find_outliers"):
        monkeypatch.setattr(f"errorbar.hmf.studies.rvs.compute.{name}", None)
    again = BinAnalysis.load(analysis.save(tmp_path / "a.safetensors"))
    drawn = plot_bin_analysis(again, tmp_path / "figures")
    names = {path.name for path in drawn if path.suffix == ".png"}
    assert {"basis.png", "choice.png", "columns.png", "gallery.png", "scores.png"} <= names
    assert "odd-1.png" in names
    assert all(path.stat().st_size > 3000 for path in drawn)


@pytest.mark.heavy
def test_the_study_of_an_example_finds_what_was_made_odd(tmp_path, monkeypatch):
    class Flat:
        """In the place of UMAP, which takes a minute to compile."""

        def __init__(self, **given):
            self.given = given

        def fit_transform(self, z):
            assert self.given["random_state"] == 0
            return z[:, :2]

    monkeypatch.setitem(sys.modules, "umap", types.SimpleNamespace(UMAP=Flat))
    files = write_example(tmp_path / "example", 900, seed=2, odd=0.02)
    one = Ellipse("wide", 0.95, 5.0, 0.3, 2.2, 4.8)
    held = RvsSettings(ranks=(5,), scales=(5.0,), shown=2, fewest=100)
    for room in (study, residual_map):
        monkeypatch.setattr(room, "FEWEST", 4)
    # Drawn elsewhere.
    monkeypatch.setattr(study, "plot_bin_analysis", lambda found, folder: folder.mkdir())
    given = {"bins": (one,), "settings": held, "progress": False}
    found = run_study([files.spectra], [files.metadata], tmp_path / "out", **given)
    truth = pl.read_csv(files.truth)
    inside = BinAnalysis.load(tmp_path / "out" / "bin-wide" / "analysis.safetensors")
    truth = truth.filter(pl.col("source_id").is_in(inside.source_ids.tolist()))
    flagged = truth.filter(pl.col("source_id").is_in(inside.objects.tolist()))
    clear = truth.filter(pl.col("kind").is_in(["emission", "ripple", "spike"]))
    assert clear.height > 3
    assert set(clear["source_id"]) <= set(inside.objects.tolist())
    assert (flagged["kind"] == "ordinary").sum() <= 1
    assert {path.stem for path in found.figures} == {
        "hr-diagram", "metrics", "gallery", "residual-map",
    }  # fmt: skip
    assert (tmp_path / "out" / "bin-wide" / "figures").is_dir()
    # A second run makes nothing again.
    monkeypatch.setattr(study, "compute_bin_analysis", None)
    monkeypatch.setattr(study, "map_residuals", None)
    again = run_study([files.spectra], [files.metadata], tmp_path / "out", **given)
    assert again.catalogue.equals(found.catalogue)


@pytest.mark.heavy
def test_files_of_the_archive_are_collected_by_the_study(tmp_path):
    files = write_example(tmp_path / "example", 220, seed=5)
    matched = match_spectra([files.spectra], [files.metadata], clip=0)
    got = matched.read(matched.source_ids)
    with np.errstate(divide="ignore"):
        error = np.where(got.W > 0, got.W**-0.5, np.nan)
    flux = np.where(got.W > 0, got.Y, np.nan)
    bulk = write_bulk(tmp_path / "RvsMeanSpectrum.csv.gz", matched.source_ids, flux, error)
    one = Ellipse("all", 1.2, 5.0, 3.0, 9.0, 3.5)
    given = {
        "bins": (one,), "figures": False, "progress": False,
        "settings": RvsSettings(ranks=(3,), scales=(5.0,), fewest=100, clip=1000),
    }  # fmt: skip
    plain = run_study([files.spectra], [files.metadata], tmp_path / "a", **given)
    other = run_study([bulk], [files.metadata], tmp_path / "b", **given)
    assert (tmp_path / "b" / "spectra.h5").is_file()
    same = ("kind", "id", "start", "stop", "sign")
    strong = pl.col("significance") > 6
    assert (
        plain.catalogue.filter(strong)
        .select(same)
        .equals(other.catalogue.filter(strong).select(same))
    )
    shutil.rmtree(tmp_path / "b")


@pytest.mark.slow
def test_residuals_of_one_kind_lie_together_on_the_map(tmp_path):
    files = write_example(tmp_path / "example", 2500, seed=2, odd=0.02)
    matched = match_spectra([files.spectra], [files.metadata])
    one = Ellipse("wide", 0.95, 5.0, 0.4, 2.2, 4.8)
    held = RvsSettings(ranks=(5,), scales=(5.0,))
    found = compute_bin_analysis(matched, place_stars(matched.table), one, held, progress=False)
    first, second = (map_residuals([found], seed=3, neighbours=6) for _ in range(2))
    np.testing.assert_array_equal(first.xy, second.xy)
    kinds = first.table.join(pl.read_csv(files.truth), on="source_id")
    emission = (kinds["kind"] == "emission").to_numpy()
    away = np.linalg.norm(first.xy - np.median(first.xy[emission], axis=0), axis=1)
    assert np.median(away[emission]) < 0.5 * np.median(away[~emission])
