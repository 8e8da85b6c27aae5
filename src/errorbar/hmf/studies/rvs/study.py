"""The whole study: every bin analysed, odd stars listed once, scores compared, figures drawn.

A folder holds one study, `study.json` says which. A bin whose analysis is there is not made again;
the grid of a bin under way keeps each of its models in the bin's journal. So a run that was killed
loses one fit at most, and bins may be run one by one.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import polars as pl

from errorbar.core.engine import discard_journal
from errorbar.core.errors import SettingsError
from errorbar.hmf.studies.rvs.analysis import METRICS, BinAnalysis
from errorbar.hmf.studies.rvs.archive import collect_archive
from errorbar.hmf.studies.rvs.bins import Ellipse, count_stars, usual_bins, write_bins
from errorbar.hmf.studies.rvs.collect import MatchedData, MatchReport, match_spectra
from errorbar.hmf.studies.rvs.compute import BinSample, compute_bin_analysis, draw_sample
from errorbar.hmf.studies.rvs.draw import (
    plot_bin_analysis,
    plot_bins,
    plot_metric_comparison,
    plot_oddest,
    plot_residuals_map,
)
from errorbar.hmf.studies.rvs.metrics import compare_metrics
from errorbar.hmf.studies.rvs.residual_map import (
    FEWEST,
    ResidualMap,
    map_residuals,
    odd_residuals,
)
from errorbar.hmf.studies.rvs.settings import RvsSettings
from errorbar.hmf.studies.rvs.stars import StarReport, Stars, place_stars
from errorbar.hmf.summary import merge_catalogues, write_catalogue

__all__ = ["RvsStudy", "analyse_bin", "run_study"]

Tell = Callable[[str], None]
ANALYSIS, FIGURES, JOURNAL = "analysis.safetensors", "figures", "journal"
STUDY = "study.json"
TABLES = (".csv", ".csv.gz", ".ecsv", ".ecsv.gz")


@dataclass(frozen=True, slots=True, eq=False)
class RvsStudy:
    """What a run has made, all of it in files of `folder`.

    `bins` has a row for each bin: its stars, the model chosen and its scores, what is odd.
    `catalogue` lists what is odd in any bin, each thing once with the bins that found it. `choices`
    are the models that each score would choose. `notes` say what was left out.
    """

    folder: Path
    matched: MatchReport
    placed: StarReport
    bins: pl.DataFrame
    catalogue: pl.DataFrame
    choices: pl.DataFrame
    notes: tuple[str, ...]
    figures: tuple[Path, ...]


def analyse_bin(
    matched: MatchedData,
    stars: Stars,
    ellipse: Ellipse,
    folder: str | Path,
    settings: RvsSettings | None = None,
    *,
    figures: bool = True,
    progress: bool | None = None,
    workers: int | None = None,
) -> BinAnalysis:
    """Compute the analysis of one bin, keep it in `folder`, and draw it.

    What `folder` has of the same bin, data and settings is not made again.
    """
    folder = Path(folder)
    held = RvsSettings() if settings is None else settings
    sample = draw_sample(matched, stars, ellipse, held)
    analysis = _held_analysis(folder, sample, held)
    if analysis is None:
        folder.mkdir(parents=True, exist_ok=True)
        analysis = compute_bin_analysis(
            matched, stars, ellipse, held, sample=sample, journal=folder / JOURNAL,
            progress=progress, workers=workers,
        )  # fmt: skip
        shutil.rmtree(folder / FIGURES, ignore_errors=True)
        analysis.save(folder / ANALYSIS)
        for journal in (*sorted((folder / JOURNAL).glob("other-*")), folder / JOURNAL):
            discard_journal(journal)
    if figures and not (folder / FIGURES).is_dir():
        # A folder of this name has all figures.
        part = folder / f"{FIGURES}.part"
        plot_bin_analysis(analysis, part)
        part.replace(folder / FIGURES)
    return analysis


def run_study(
    spectra: Sequence[str | Path],
    metadata: Sequence[str | Path],
    folder: str | Path,
    *,
    bins: Sequence[Ellipse] | None = None,
    only: Sequence[str] | None = None,
    settings: RvsSettings | None = None,
    figures: bool = True,
    residual_map: bool = True,
    progress: bool | None = None,
    workers: int | None = None,
    tell: Tell | None = None,
) -> RvsStudy:
    """Analyse the bins, or those named in `only`, and sum up all that the folder has.

    `spectra` are HDF5 files, or CSV files of the archive, which are then collected into one HDF5
    file in the folder. `tell` is called with a line of text as the work goes on. The
    `residual_map` belongs to the figures, and takes a minute.
    """
    folder = Path(folder)
    held = RvsSettings() if settings is None else settings
    ellipses = tuple(usual_bins() if bins is None else bins)
    chosen = _chosen(ellipses, only)
    say: Tell = tell if tell is not None else _nothing
    paths = [Path(each) for each in spectra]
    folder.mkdir(parents=True, exist_ok=True)
    claim = _claim(folder, held, ellipses, [*paths, *map(Path, metadata)])
    matched = match_spectra(
        _collected(paths, folder, progress, say), metadata, clip=held.clip, names=held.names
    )
    stars = place_stars(
        matched.table, parallax_over_error=held.parallax_over_error,
        zero_point_mas=held.zero_point_mas,
    )  # fmt: skip
    # Files that could not be read do not keep the folder from others.
    (folder / STUDY).write_text(claim, encoding="utf-8")
    notes = [str(matched.report), str(stars.report)]
    for note in notes:
        say(note)
    write_bins(folder / "bins.csv", ellipses)
    analyses: list[BinAnalysis] = []
    for ellipse in ellipses:
        place, sample = folder / f"bin-{ellipse.name}", draw_sample(matched, stars, ellipse, held)
        if len(sample) < held.fewest:
            if ellipse in chosen:
                notes.append(
                    f"bin {ellipse.name} has {len(sample)} spectra, fewer than {held.fewest}: "
                    "passed over."
                )
                say(notes[-1])
            continue
        if ellipse in chosen:
            say(f"bin {ellipse.name}: {len(sample):,} spectra")
            found = analyse_bin(
                matched, stars, ellipse, place, held, figures=figures, progress=progress,
                workers=workers,
            )  # fmt: skip
            say(_told(found))
        else:
            found = _held_analysis(place, sample, held)
        if found is not None:
            analyses.append(found)
    if not analyses:
        raise SettingsError(
            f"none of {len(chosen)} bins has {held.fewest} spectra: lower `fewest`, or look at the "
            f"bins, of {len(stars):,} stars with a place."
        )
    return _sum_up(folder, matched, stars, ellipses, analyses, notes, figures, residual_map)


def _sum_up(
    folder: Path,
    matched: MatchedData,
    stars: Stars,
    ellipses: tuple[Ellipse, ...],
    analyses: list[BinAnalysis],
    notes: list[str],
    figures: bool,
    residual_map: bool,
) -> RvsStudy:
    """Tables and figures over all analyses there are."""
    catalogue = merge_catalogues(each.catalogue() for each in analyses)
    write_catalogue(catalogue, folder / "catalogue.parquet")
    notes += [
        f"bin {each.name} has {len(each.objects)} odd spectra; pictures and the map show the "
        f"{len(each.kept)} oddest."
        for each in analyses
        if len(each.objects) > len(each.kept)
    ]
    comparison = compare_metrics(analyses)
    summary = _summary(stars, ellipses, analyses)
    for name, table in (("bins", summary), ("metrics", comparison.choices)):
        table.write_parquet(folder / f"{name}.parquet")
    _oddest_list(catalogue).write_csv(folder / "odd-stars.csv")
    drawn: list[Path] = []
    if figures:
        place = folder / FIGURES
        colour, magnitude = (stars.table[name].to_numpy() for name in ("colour", "magnitude"))
        odd = np.isin(
            stars.table["source_id"].to_numpy(), np.concatenate([a.objects for a in analyses])
        )
        drawn += plot_bins(ellipses, colour, magnitude, place, odd=odd)
        drawn += plot_metric_comparison(comparison, place)
        drawn += plot_oddest(analyses, place)
        found = _mapped(folder, analyses, notes) if residual_map else None
        if found is not None:
            drawn += plot_residuals_map(found, place)
    return RvsStudy(
        folder, matched.report, stars.report, summary, catalogue, comparison.choices,
        tuple(notes), tuple(drawn),
    )  # fmt: skip


def _mapped(folder: Path, analyses: list[BinAnalysis], notes: list[str]) -> ResidualMap | None:
    """The map of odd stars; one of the same stars is not made again."""
    if not sum(len(each.objects) for each in analyses):
        notes.append("no spectrum is odd: there is no map of residuals.")
        return None
    stars = odd_residuals(analyses)[0]
    if stars.height < FEWEST:
        notes.append(f"{stars.height} odd stars are too few for a map of residuals.")
        return None
    path = folder / "residual-map.parquet"
    if path.is_file():
        before = pl.read_parquet(path)
        if before.drop("x", "y").equals(stars):
            return ResidualMap(before)
    found = map_residuals(analyses, seed=analyses[0].settings.seed)
    found.table.write_parquet(path)
    return found


def _summary(
    stars: Stars, ellipses: tuple[Ellipse, ...], analyses: list[BinAnalysis]
) -> pl.DataFrame:
    colour, magnitude = (stars.table[name].to_numpy() for name in ("colour", "magnitude"))
    counts = count_stars(ellipses, colour, magnitude)[:-1]
    rows = []
    for each in analyses:
        best = each.grid.filter(pl.col("rank") == each.rank, pl.col("scale") == each.scale)
        runs = each.found.features
        rows.append(
            {
                "bin": each.name,
                "rank": each.rank,
                "scale": each.scale,
                **{name: best[name][0] for name in METRICS},
                "converged": best["converged"][0],
                "critical": each.found.rule.critical,
                "objects": int(each.found.objects.sum()),
                "columns": int(each.found.columns.sum()),
                "features": int((~each.found.objects[runs.row]).sum()),
            }
        )
    return counts.join(pl.DataFrame(rows), on="bin", how="left", maintain_order="left")


def _oddest_list(catalogue: pl.DataFrame) -> pl.DataFrame:
    """Odd stars for people: identifier, strength, bins, reason."""
    return (
        catalogue.filter(pl.col("kind") == "object")
        .select(
            source_id="id",
            significance=pl.col("significance").round(2),
            score=pl.col("score").round(4),
            bins=pl.col("bins").list.join(" "),
            reason="reason",
        )
    )  # fmt: skip


def _held_analysis(folder: Path, sample: BinSample, settings: RvsSettings) -> BinAnalysis | None:
    """The analysis that the folder has, if it is of these data and settings."""
    path = folder / ANALYSIS
    if not path.is_file():
        return None
    found = BinAnalysis.load(path)
    same = found.data == sample.data and found.ellipse == sample.ellipse
    return found if same and found.settings == settings else None


def _collected(paths: list[Path], folder: Path, progress: bool | None, say: Tell) -> list[Path]:
    """HDF5 files as they are, and one more that holds the spectra of the others."""
    tables = [path for path in paths if path.name.lower().endswith(TABLES)]
    if not tables:
        return paths
    out = folder / "spectra.h5"
    if not out.is_file():
        say(f"collecting spectra of {len(tables)} files into {out.name}")
        collect_archive(tables, out, progress=progress)
    return [path for path in paths if path not in tables] + [out]


def _chosen(ellipses: tuple[Ellipse, ...], only: Sequence[str] | None) -> tuple[Ellipse, ...]:
    if only is None:
        return ellipses
    by_name = {each.name: each for each in ellipses}
    # 7 is a name for 07 too.
    by_name = {each.name.lstrip("0") or "0": each for each in ellipses} | by_name
    unknown = [name for name in only if name not in by_name]
    if unknown:
        raise SettingsError(
            f"there is no bin {', '.join(unknown)}; there are "
            f"{', '.join(each.name for each in ellipses)}."
        )
    return tuple(by_name[name] for name in only)


def _claim(
    folder: Path, settings: RvsSettings, ellipses: tuple[Ellipse, ...], inputs: list[Path]
) -> str:
    """What the folder is for; refused where it holds another study."""
    told = {
        "settings": settings.plain(),
        "bins": [asdict(each) for each in ellipses],
        "inputs": [
            {"name": path.name, "bytes": path.stat().st_size} for path in inputs if path.is_file()
        ],
    }
    text = json.dumps(told, indent=1, sort_keys=True) + "\n"
    path = folder / STUDY
    if path.exists() and path.read_text(encoding="utf-8") != text:
        before = json.loads(path.read_text(encoding="utf-8"))
        other = [name for name in told if before.get(name) != told[name]]
        raise SettingsError(
            f"{folder} holds a study with other {' and '.join(other)}, see {path.name} there: give "
            "another folder, or delete this one."
        )
    return text


def _told(found: BinAnalysis) -> str:
    return (
        f"bin {found.name}: rank {found.rank}, scale {found.scale:g}, "
        f"{len(found.objects)} of {len(found):,} spectra are odd"
    )


def _nothing(text: str) -> None:
    del text
