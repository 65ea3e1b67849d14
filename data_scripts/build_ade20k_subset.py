"""Build the four-class subset of ADE20K that the notebooks train on.

    python data_scripts/build_ade20k_subset.py --source ADEChallengeData2016.zip --out data/four-classes

The folder or zip file is only read. Exit status: 0; 1 if a file could not be used and --strict was given; 2 if nothing
was built.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "notebooks"))

from segkit.errors import CourseError
from segkit.subset import UNLABELLED, build_subset, problems, summary


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        manifest = build_subset(
            options.source,
            options.out,
            unlabelled=options.unlabelled,
            overwrite=options.overwrite,
            progress=sys.stderr.isatty(),  # a log file needs no bar
        )
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"Interrupted: {options.out} was not written.", file=sys.stderr)
        return 2
    print(summary(manifest))
    print(f"written to {options.out}")
    return 1 if options.strict and problems(manifest) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Build the four-class subset of ADE20K that the notebooks train on.")
    parser.add_argument("--source", required=True, type=Path, help="ADEChallengeData2016: the folder or the zip file")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    parser.add_argument(
        "--unlabelled",
        choices=UNLABELLED,
        default="background",
        help="what unlabelled pixels (id 0) become: class 0, or 255, which training ignores (default: %(default)s)",
    )
    parser.add_argument("--strict", action="store_true", help="exit with status 1 if any file could not be used")
    parser.add_argument("--overwrite", action="store_true", help="replace a subset that is already at --out")
    return parser


if __name__ == "__main__":
    sys.exit(main())
