"""Tables of peaks in, frozen arrays out; the only room that names columns."""

from errorbar.rt.data.arrange import peaks_from_frame
from errorbar.rt.data.chemistry import (
    read_chemistry,
    reduce_chemistry,
    with_classes,
    write_chemistry,
)
from errorbar.rt.data.columns import poly2_names
from errorbar.rt.data.describe import PeaksSummary, describe_peaks
from errorbar.rt.data.files import (
    peaks_frame,
    read_peaks,
    read_table,
    scan_peaks,
    write_peaks,
    write_table,
)
from errorbar.rt.data.grid import time_step
from errorbar.rt.data.lipids import Lipid, lipid_chemistry, parse_lipid
from errorbar.rt.data.mapping import SpeciesMap, map_species
from errorbar.rt.data.peaks import Chemistry, Peaks
from errorbar.rt.data.prepare import LibraryReport, PrepareReport, find_mapping, prepare
from errorbar.rt.data.runs import RunTable, peaks_from_runs
from errorbar.rt.data.splits import (
    Holdout,
    hold_out_compounds,
    hold_out_late_runs,
    hold_out_pairs,
    hold_out_rare,
    hold_out_runs,
    hold_out_species,
    hold_out_supercategories,
    hold_out_systems,
    pick_anchors,
)
from errorbar.rt.data.steps import (
    attach_chemistry,
    cap_rows,
    compound_collisions,
    merge_shards,
    split_by_library,
)
from errorbar.rt.data.systems import SystemTable, peaks_from_systems

__all__ = [
    "Chemistry",
    "Holdout",
    "LibraryReport",
    "Lipid",
    "Peaks",
    "PeaksSummary",
    "PrepareReport",
    "RunTable",
    "SpeciesMap",
    "SystemTable",
    "attach_chemistry",
    "cap_rows",
    "compound_collisions",
    "describe_peaks",
    "find_mapping",
    "hold_out_compounds",
    "hold_out_late_runs",
    "hold_out_pairs",
    "hold_out_rare",
    "hold_out_runs",
    "hold_out_species",
    "hold_out_supercategories",
    "hold_out_systems",
    "lipid_chemistry",
    "map_species",
    "merge_shards",
    "parse_lipid",
    "peaks_frame",
    "peaks_from_frame",
    "peaks_from_runs",
    "peaks_from_systems",
    "pick_anchors",
    "poly2_names",
    "prepare",
    "read_chemistry",
    "read_peaks",
    "read_table",
    "reduce_chemistry",
    "scan_peaks",
    "split_by_library",
    "time_step",
    "with_classes",
    "write_chemistry",
    "write_peaks",
    "write_table",
]
