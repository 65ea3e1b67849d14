"""The data of the course measured: building it, and feeding a model with it.

`python benchmarks/data.py --data ADEChallengeData2016 [--pairs 2000] [--device cuda]`

Takes the ADE20K originals in the folder (those of the environment variable DATA, or the drawn sample), repeats them up
to the number of pairs, and prints tables and a last line of JSON. Ends with status 1 if what is built is not what the
assignment's way makes.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

import numpy as np
import PIL
import torch
from data_building import Building, Missed, originals_of
from data_loading import loading_table
from tables import print_table

from segkit.errors import CourseError
from segkit.sample import make_sample


def main() -> int:
    arguments = parse_arguments()
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            figures = measure_all(arguments, Path(folder))
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    except Missed as missed:
        print(missed, file=sys.stderr)
        return 1
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    versions = {"numpy": np.__version__, "pillow": PIL.__version__, "torch": torch.__version__}
    print(json.dumps(_rounded(figures) | machine | versions))
    return 0


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given = os.environ.get("DATA")
    parser.add_argument("--data", type=Path, default=given and Path(given), help="ADEChallengeData2016, unpacked")
    parser.add_argument("--pairs", type=int, default=2000, help="how many pairs are built, at least 11 (2000)")
    parser.add_argument("--device", default="cpu", help="where batches are wanted: cpu, cuda or mps")
    arguments = parser.parse_args()
    if arguments.pairs < 11:
        parser.error("--pairs must be 11 or more: 10 for training and 1 for validation")
    return arguments


def measure_all(arguments: argparse.Namespace, folder: Path) -> dict:
    """Figures of building and loading, whose tables are printed as soon as they are known."""
    originals = originals_of(arguments.data or make_sample(folder / "sample"))
    print(f"{len(originals)} pairs of {arguments.data or 'the drawn sample'}, repeated up to {arguments.pairs}")
    building = Building(originals, folder, arguments.pairs)
    tables, figures = building.run()
    for title, rows in tables.items():
        print_table(title, rows)
    rows, loading = loading_table(building.built, building.raw, arguments.device)
    print_table(f"Loading, batches on {arguments.device}", rows)
    return {"building": figures, "loading": loading}


def _rounded(value):
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


if __name__ == "__main__":
    sys.exit(main())
