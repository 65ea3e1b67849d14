"""`python -m segkit.update`: take over what the course has corrected, with your work kept.

In a notebook:

    from segkit.update import update
    update()
"""

import argparse
import sys
import tempfile
from pathlib import Path

from segkit.course import read_settings
from segkit.errors import CourseError
from segkit.releases.bundle import read_bundle
from segkit.releases.renewing import Renewal, renew

COURSE = Path(__file__).resolve().parents[1]  # the folder in which the bundle was unpacked


def update(source=None, folder=None) -> None:
    """Bring the course's files in a folder up to date, and print what has changed.

    Segkit and notebooks that nobody has worked on are replaced. In a notebook that you have worked on, cells of the
    course are corrected; your answers, your cells and the outputs stay, and the notebook as it was is put into `kept/`.
    Save your notebooks before, and close them or load them again afterwards.

    Args:
        source: the new bundle, a zip file or an address (http, https). None: what `course.toml` names.
        folder: where the course lies; None: where this segkit stands.

    Raises:
        CourseError: if the bundle cannot be had or is damaged, the folder cannot be written, or another update of it
            is running.
    """
    folder = COURSE if folder is None else Path(folder)
    source = source or read_settings(folder / "course.toml").online_bundle
    if not source:
        raise CourseError(
            "Your course names no place where it publishes corrections (course.toml): download the bundle as you did "
            'before, and give it by its name, for example update("segformer-course.zip").'
        )
    if (folder.parent / "autograder").is_dir():
        raise CourseError(f"{folder} belongs to the course's own repository: what is in there is built, not updated.")
    with tempfile.TemporaryDirectory() as scratch:
        release = read_bundle(_fetched(str(source), Path(scratch)))
    print(described(renew(folder, release), _news(folder)))


def _news(folder: Path) -> str:
    try:
        return read_settings(folder / "course.toml").online_news
    except CourseError:  # the new file sets what only the new segkit knows
        return ""


def _fetched(source: str, scratch: Path) -> Path:
    if "://" not in source:
        return Path(source).expanduser()
    from segkit.download import download  # needs more than Python

    return download(source, scratch / "segformer-course.zip", attempts=2)


def described(done: Renewal, news: str = "") -> str:
    """What a renewal did, in words; `news` is what the course says of its latest correction."""
    if not done.changed:
        return "The course is up to date."
    if done.first:
        return "\n".join(["The course's files are there.", *done.words])
    words = [f"The course was corrected{': ' + news if news else '.'}", *done.words]
    if any(path.endswith(".py") for path in done.changed):
        words.append("Segkit has changed: restart the kernels of open notebooks.")
    if done.words:
        words.append("If one of these notebooks is open, load it again before you write in it (or close its page).")
    return "\n".join(words)


def main(arguments: list[str] | None = None) -> int:
    """The command: 0 if all is well, 2 for an error that a sentence explains."""
    parser = argparse.ArgumentParser(prog="python -m segkit.update", description=update.__doc__.splitlines()[0])
    parser.add_argument("source", nargs="?", help="the new bundle, a zip file or an address (default: the course's)")
    try:
        update(parser.parse_args(arguments).source)
    except CourseError as error:
        print(f"update: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("update: interrupted; nothing is lost, run it again.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
