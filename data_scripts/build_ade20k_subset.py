"""Build the four-class subset of ADE20K that the notebooks train on, check it, or turn it into pictures.

    python data_scripts/build_ade20k_subset.py --download --out data/four_class
    python data_scripts/build_ade20k_subset.py --source ADEChallengeData2016.zip --out data/four_class
    python data_scripts/build_ade20k_subset.py --verify data/four_class
    python data_scripts/build_ade20k_subset.py --export data/four_class --out data/pictures

A source is only read. What was interrupted goes on when the same is run again. Exit status: 0; 1 if a file could not be
used and --strict was given, or a data set is not as it was built; 2 if nothing was built.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "notebooks"))

from segkit.download import ADE20K_MD5, ADE20K_URL, download
from segkit.errors import CourseError
from segkit.subset import (
    SPLITS,
    UNLABELLED,
    build_subset,
    export_subset,
    is_built,
    pack_subset,
    problems,
    read_manifest,
    require_buildable,
    require_packable,
    summary,
    verify_subset,
)


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    options.progress = sys.stderr.isatty()  # a log file needs no bar
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")  # file names that this terminal cannot show
    try:
        _require_combination(options)
        if options.verify:
            return _verify(options)
        if options.export:
            return _export(options)
        return _build(options)
    except CourseError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted: run the same again; a download or a build goes on from here.", file=sys.stderr)
        return 2


def _build(options: argparse.Namespace) -> int:
    settings = {"size": options.size, "photographs": options.photographs, "unlabelled": options.unlabelled}
    running = {"workers": options.workers, "overwrite": options.overwrite}
    there = options.pack and is_built(options.out) and not options.overwrite
    if there:
        _require_same_settings(options.out, settings)
    else:
        require_buildable(options.out, **settings, **running)
    if options.pack:
        require_packable(options.pack, options.out)
    if options.download:
        download(options.url, options.archive, checksum=options.md5, progress=options.progress)
        print(f"{options.archive} is complete")
    source = options.archive if options.download else options.source
    if there:
        manifest = read_manifest(options.out)
    else:
        manifest = build_subset(source, options.out, **settings, **running, progress=options.progress)
        print(summary(manifest))
        print(f"written to {options.out}")
    if options.pack:
        sha256 = pack_subset(source, options.out, options.pack, progress=options.progress)
        print(f"packed in {options.pack}, for notebooks/course.toml: sha256 = {sha256}")
    return 1 if options.strict and problems(manifest) else 0


def _require_same_settings(out: Path, settings: dict) -> None:
    """Raise CourseError if the set at `out`, which is to be packed as it is, was built with other settings."""
    manifest = read_manifest(out)
    for name, value in (settings | {"photographs": sorted(settings["photographs"])}).items():
        if manifest[name] != value:
            raise CourseError(f"{out} was built with --{name} {manifest[name]}: ask for the same, or use --overwrite.")


def _verify(options: argparse.Namespace) -> int:
    found = verify_subset(options.verify, progress=options.progress)
    if found:
        print("\n".join(found))
        return 1
    counts = ", ".join(f"{record['kept']} {split}" for split, record in read_manifest(options.verify)["splits"].items())
    print(f"{options.verify} is complete and unchanged: {counts} images")
    return 0


def _export(options: argparse.Namespace) -> int:
    count = export_subset(options.export, options.out, progress=options.progress)
    print(f"{count} images and their labels written to {options.out}")
    return 0


def _require_combination(options: argparse.Namespace) -> None:
    tasks = {"--source": options.source, "--download": options.download, "--verify": options.verify}
    chosen = [name for name, value in (tasks | {"--export": options.export}).items() if value]
    if len(chosen) != 1:
        given = " and ".join(chosen) or "none"
        raise CourseError(f"Give one of --source, --download, --verify and --export, not {given}: see --help.")
    if not options.verify and not options.out:
        raise CourseError(f"{chosen[0]} needs --out, the folder to write.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, help="ADEChallengeData2016: folder, zip file or parquet files")
    parser.add_argument("--download", action="store_true", help="fetch ADE20K first; resumes where it was interrupted")
    parser.add_argument("--verify", type=Path, metavar="BUILT", help="is this data set complete and unchanged?")
    parser.add_argument("--export", type=Path, metavar="BUILT", help="write this data set as JPEG and PNG files")
    parser.add_argument("--out", type=Path, help="folder to write")
    fetching = parser.add_argument_group("download")
    fetching.add_argument("--url", default=ADE20K_URL, help="where from (default: %(default)s)")
    fetching.add_argument("--md5", default=ADE20K_MD5, help="its checksum (default: %(default)s)")
    fetching.add_argument(
        "--archive",
        type=Path,
        default=Path("data/ADEChallengeData2016.zip"),
        help="where the file is kept (default: %(default)s)",
    )
    building = parser.add_argument_group("build")
    building.add_argument(
        "--unlabelled",
        choices=UNLABELLED,
        default="background",
        help="what unlabelled pixels (id 0) become: class 0, or 255, which training ignores (default: %(default)s)",
    )
    building.add_argument("--size", type=int, default=256, help="side of the images in pixels (default: %(default)s)")
    building.add_argument(
        "--photographs",
        nargs="*",
        choices=SPLITS,
        default=["validation"],
        help="splits whose photographs are kept at their own size as well (default: validation)",
    )
    building.add_argument("--workers", type=int, help="threads (default: one per core)")
    building.add_argument("--pack", type=Path, metavar="ZIP", help="also write one file for students to download")
    building.add_argument("--strict", action="store_true", help="exit with status 1 if any file could not be used")
    building.add_argument("--overwrite", action="store_true", help="replace a subset that is already at --out")
    return parser


if __name__ == "__main__":
    sys.exit(main())
