"""Which rows are learnt from and which are judged by, with no star in two roles, and the proof.

Splits by star, sky, survey, time and magnitude; a signed record of each; and an audit that fails
where the answer can be read off across roles.
"""

from errorbar.core.split.audit import AuditSettings, audit_leakage
from errorbar.core.split.circular import find_circular_labels
from errorbar.core.split.components import Components, components
from errorbar.core.split.derived import NAME_PATTERNS, find_derived_features
from errorbar.core.split.findings import Finding, LeakageReport, Severity
from errorbar.core.split.folds import Folds, make_folds
from errorbar.core.split.held import Straddling, split_by_survey, split_by_time, split_by_value
from errorbar.core.split.manifest import SplitManifest, Trust
from errorbar.core.split.matches import Positions, match_positions
from errorbar.core.split.neighbours import Sky, find_neighbours
from errorbar.core.split.probe import Probe, find_telling_metadata, probe_classes
from errorbar.core.split.records import read_manifest, write_manifest
from errorbar.core.split.roles import REST, ROLES, Fractions, Role
from errorbar.core.split.shared import find_shared_stars
from errorbar.core.split.shares import Small, split_groups
from errorbar.core.split.signing import hash_ids
from errorbar.core.split.sky import split_by_sky
from errorbar.core.split.statistics import FittedStatistics, find_outside_statistics
from errorbar.core.split.twins import TwinSearch, find_copies, find_twins, search_twins
from errorbar.core.split.value import Split

__all__ = [
    "NAME_PATTERNS",
    "REST",
    "ROLES",
    "AuditSettings",
    "Components",
    "Finding",
    "FittedStatistics",
    "Folds",
    "Fractions",
    "LeakageReport",
    "Positions",
    "Probe",
    "Role",
    "Severity",
    "Sky",
    "Small",
    "Split",
    "SplitManifest",
    "Straddling",
    "Trust",
    "TwinSearch",
    "audit_leakage",
    "components",
    "find_circular_labels",
    "find_copies",
    "find_derived_features",
    "find_neighbours",
    "find_outside_statistics",
    "find_shared_stars",
    "find_telling_metadata",
    "find_twins",
    "hash_ids",
    "make_folds",
    "match_positions",
    "probe_classes",
    "read_manifest",
    "search_twins",
    "split_by_sky",
    "split_by_survey",
    "split_by_time",
    "split_by_value",
    "split_groups",
    "write_manifest",
]
