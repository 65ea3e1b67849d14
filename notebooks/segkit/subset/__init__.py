"""The four-class subset of ADE20K: built, checked and unpacked, from a folder, a zip file or parquet files.

Needs no torch; `segkit.data` reads what is built here as tensors.
"""

from segkit.subset.building import build_subset, require_buildable
from segkit.subset.classes import (
    ADE20K_CLASSES,
    ADE20K_NAMES,
    CLASS_NAMES,
    IGNORE,
    SPLITS,
    TARGET_SIZE,
    UNLABELLED,
)
from segkit.subset.exporting import export_subset
from segkit.subset.manifest import KEEP_RULE, MANIFEST, before_and_after, is_built, problems, read_manifest, summary
from segkit.subset.packing import pack_subset, require_packable
from segkit.subset.sources import open_source
from segkit.subset.verifying import is_whole, verify_subset

__all__ = [
    "ADE20K_CLASSES",
    "ADE20K_NAMES",
    "CLASS_NAMES",
    "IGNORE",
    "KEEP_RULE",
    "MANIFEST",
    "SPLITS",
    "TARGET_SIZE",
    "UNLABELLED",
    "before_and_after",
    "build_subset",
    "export_subset",
    "is_built",
    "is_whole",
    "open_source",
    "pack_subset",
    "problems",
    "read_manifest",
    "require_buildable",
    "require_packable",
    "summary",
    "verify_subset",
]
