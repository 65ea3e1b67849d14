"""Draw a small data set in ADE20K's layout, for machines without ADE20K.

    python data_scripts/make_sample.py --out data/sample

Exit status: 0; 2 if nothing was written.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "notebooks"))

from segkit.errors import CourseError
from segkit.sample import make_sample


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        make_sample(options.out, options.training, options.validation, options.seed)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"Interrupted: {options.out} was not written.", file=sys.stderr)
        return 2
    print(f"{options.training} training and {options.validation} validation images drawn in {options.out}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Draw a small data set in ADE20K's layout, for machines without it.")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    parser.add_argument("--training", type=_count, default=120, help="training images (default: %(default)s)")
    parser.add_argument("--validation", type=_count, default=40, help="validation images (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, another data set (default: %(default)s)")
    return parser


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return count


if __name__ == "__main__":
    sys.exit(main())
