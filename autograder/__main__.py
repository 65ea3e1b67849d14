"""`python -m autograder COMMAND`: builds, releases, checks and grades the course. `--help` lists the commands."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from autograder.gradescope.settings import SANDBOXES, VISIBILITIES, GradescopeSettings
from segkit.errors import CourseError


def main(arguments: list[str] | None = None) -> int:
    """Parse, call, exit: 0 if all is well, 1 if something was found, 2 for an error that a sentence explains."""
    options = _parser().parse_args(arguments)
    # nbgrader starts `alembic` by name: it stands beside this interpreter.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    try:
        status = options.run(options)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to fail at the end
        return 141  # as the shell says it: the command may have been cut short
    except CourseError as error:
        print(f"autograder: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("autograder: interrupted; what was finished is kept.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m autograder", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str, run, help: str, assignment: str | None = "segformer", choose: bool = True
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=help, description=help)
        if choose:
            about = f"folder under solutions/ (default: {assignment or 'all'})"
            command.add_argument("--assignment", default=assignment, help=about)
        command.set_defaults(run=run)
        return command

    add("notebooks", _notebooks, "build the student notebooks and the recorded answers of their checks", None)
    add("release", _release, "build instructor and student notebooks and tell the gradebook of the assignment")
    add("audit", _audit, "check that what is committed is what the sources build, and that it gives nothing away", None)
    bundle = add("bundle", _bundle, "write the zip that students download", None)
    bundle.add_argument("--out", type=Path, default=Path("dist/segformer-course.zip"), help="the zip to write")
    collect = add(
        "collect", _collect, "put what was handed in, or a platform's download of it, into submitted/ and entries/"
    )
    collect.add_argument("sources", nargs="+", type=Path, metavar="DIR_or_ZIP", help="what was handed in or downloaded")
    collect.add_argument(
        "--attempts", choices=("latest", "all"), default="latest", help="all: keep older ones under collected/, too"
    )
    grade = add("grade", _grade, "grade submitted/ with nbgrader autograde and print the marks")
    grade.add_argument("--student", default="*", help="one student's id (default: everybody)")
    grade.add_argument("--device", default="cpu", help="where submissions compute: cpu, cuda, mps")
    grade.add_argument(
        "--results-data", type=Path, help="four-class set whose validation images trained models are evaluated on"
    )
    grade.add_argument(
        "--results-scale", default="", help='points by mean IoU, such as "0.35: 0, 0.50: 1" (default: course.toml)'
    )
    grade.add_argument("--jobs", type=int, default=0, help="notebooks graded at the same time (default: one per CPU)")
    grade.add_argument(
        "--scheduler",
        default="",
        metavar="ADDRESS",
        help="dask.distributed scheduler whose workers grade (docs/class.md)",
    )
    grade.add_argument("--force", action="store_true", help="grade again what is graded already")
    grade.add_argument(
        "--unsafe-no-sandbox", action="store_true", help="trusted solutions only: run their code without a sandbox"
    )
    add("marks", _marks, "print the marks in the gradebook")
    add("groups", _groups, "print who works with whom, and what does not fit: hand-ins, members, duplicates")
    giving = add("return", _return, "write what each student gets: feedback and marks, a group's for each member")
    giving.add_argument("--zip", type=Path, metavar="FILE", help="write everything into this zip, too")
    giving.add_argument(
        "--moodle", type=Path, metavar="CSV", help="Moodle's grading worksheet: the zip is one that Moodle takes"
    )
    board = add("leaderboard", _leaderboard, "write the leaderboard of trained models, a page and CSV")
    board.add_argument("--out", type=Path, default=Path("leaderboard"), help="folder to write to")
    board.add_argument("--baseline", metavar="ID", help="student id under which your own model was handed in")
    board.add_argument("--names", action="store_true", help="show the students' ids: not for the public")
    board.add_argument("--with-ids", action="store_true", help="add students' and group members' ids to the CSV")
    _competition_commands(add)
    report = add("report", _report, "write the class report, one private page about marks, mistakes and submissions")
    report.add_argument("name", nargs="?", metavar="ASSIGNMENT", help="the assignment, as with --assignment")
    report.add_argument("--out", type=Path, default=Path("report.html"), help="the page to write")
    report.add_argument("--anonymous", action="store_true", help="made-up names, and no links to feedback")
    gradescope = add("gradescope", _gradescope, "write the autograder zip for Gradescope (docs/marks_out.md)")
    _gradescope_options(gradescope)
    mistakes = add("misconceptions", _misconceptions, "print which misconceptions the class has, per question")
    mistakes.add_argument("--csv", type=Path, help="write them to this file instead, with the students' ids")
    return parser


def _competition_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    about = "score the competition's entries on hidden pictures, and write the board (docs/competition.md)"
    compete = add("compete", _compete, about, choose=False)
    compete.add_argument("--entries", type=Path, default=Path("entries"), help="folder with a folder for each team")
    compete.add_argument("--data", type=Path, required=True, help="folder of `set-aside --hidden`: pictures and labels")
    compete.add_argument("--out", type=Path, default=Path("board"), help="folder to write the board to")
    compete.add_argument("--attempts", type=_count, help="entries of a team that are scored (default: course.toml)")
    compete.add_argument("--seconds", type=float, default=900.0, help="that an entry may take for all pictures (900)")
    compete.add_argument("--names", action="store_true", help="show the teams' folders: not for the public")
    compete.add_argument("--with-ids", action="store_true", help="add teams, members and files to the CSV")
    compete.add_argument(
        "--unsafe-no-sandbox", action="store_true", help="trusted entries only: run their code without a sandbox"
    )
    aside = add("set-aside", _set_aside, "set street scenes aside as the competition's hidden pictures", choose=False)
    aside.add_argument("source", type=Path, metavar="KITTI", help="folder of street scenes as KITTI's, with labels")
    aside.add_argument("--students", type=Path, required=True, help="folder to make: what students get")
    aside.add_argument("--hidden", type=Path, required=True, help="folder to make: testing pictures with labels")
    aside.add_argument("--pictures", type=_count, default=40, help="how many are set aside (40)")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _gradescope_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--out", type=Path, default=Path("dist/autograder.zip"), help="the zip to write")
    command.add_argument(
        "--sandbox",
        choices=SANDBOXES,
        default=GradescopeSettings.sandbox,
        help="where student code runs: behind bubblewrap or not at all; or else, or always, as another user (weaker)",
    )
    command.add_argument(
        "--with-course-secret", action="store_true", help="put this course's secret in, for the same cases as here"
    )
    command.add_argument(
        "--visibility", choices=VISIBILITIES, default=GradescopeSettings.visibility, help="when students see the tests"
    )
    command.add_argument("--no-leaderboard", action="store_true", help="no leaderboard of automatic points")
    command.add_argument("--pip-options", default="", help="a line for pip, such as --extra-index-url URL")
    command.add_argument(
        "--seconds-per-notebook",
        type=float,
        default=GradescopeSettings.seconds_per_notebook,
        help="seconds that a submission's notebook may take in all",
    )
    command.add_argument(
        "--memory-mib", type=int, default=GradescopeSettings.memory_mib, help="MiB of memory that a submission may use"
    )


def _assignments(options: argparse.Namespace) -> list[str]:
    """The assignment that was named, or all of them."""
    from autograder.sources import assignments

    return [options.assignment] if options.assignment else assignments()


def _notebooks(options: argparse.Namespace) -> int:
    from autograder.building.build import release
    from autograder.building.record import record_answers

    names = _assignments(options)
    written = [path for name in names for path in (*record_answers(name), *release(name))]
    print("\n".join(f"built {path.parent.name}/{path.name}" for path in written) or "Everything is up to date.")
    return 0


def _release(options: argparse.Namespace) -> int:
    from autograder.building.build import release, write_instructor_notebooks
    from autograder.building.record import record_answers
    from autograder.paths import ROOT

    record_answers(options.assignment)
    write_instructor_notebooks(options.assignment)
    release(options.assignment, f"sqlite:///{ROOT / 'gradebook.db'}")
    print(
        f"{options.assignment} is ready. Give students notebooks/ (`make bundle` zips it); put what they hand in under"
    )
    print(f"submitted/<student>/{options.assignment}/, then run `nbgrader autograde {options.assignment}`.")
    return 0


def _audit(options: argparse.Namespace) -> int:
    from autograder.building.audit import audit

    found = {name: audit(name) for name in _assignments(options)}
    for name, problems in found.items():
        print("\n".join(f"{name}: {problem}" for problem in problems) or f"{name}: nothing to complain about.")
    return 1 if any(found.values()) else 0


def _bundle(options: argparse.Namespace) -> int:
    from autograder.building.bundle import write_bundle

    count = write_bundle(options.assignment, options.out)
    print(f"{options.out}: {count} files, {options.out.stat().st_size / 1e6:.1f} MB")
    return 0


def _collect(options: argparse.Namespace) -> int:
    from autograder.collect import collect

    summary = collect(Path.cwd(), options.sources, options.assignment, keep_all=options.attempts == "all")
    print(summary)
    return 1 if summary.unplaced else 0


def _grade(options: argparse.Namespace) -> int:
    from autograder.course.course import Course

    course = Course(Path.cwd(), options.assignment)
    status = course.autograde(
        student=options.student,
        device=options.device,
        force=options.force,
        unsafe_without_sandbox=options.unsafe_no_sandbox,
        results_data=options.results_data,
        results_scale=options.results_scale,
        jobs=options.jobs,
        scheduler=options.scheduler,
    )
    print(course.marks_table())
    return status


def _marks(options: argparse.Namespace) -> int:
    from autograder.course.course import Course

    print(Course(Path.cwd(), options.assignment).marks_table())
    return 0


def _groups(options: argparse.Namespace) -> int:
    from autograder.groups.report import groups_report

    report = groups_report(Path.cwd(), options.assignment)
    print(report)
    return 1 if report.findings else 0


def _return(options: argparse.Namespace) -> int:
    from autograder.returning.folders import return_feedback
    from autograder.returning.zips import zip_returned

    if options.moodle and not options.zip:
        raise CourseError("--moodle names the worksheet for the zip that is written: say where, with --zip FILE.")
    returned = return_feedback(Path.cwd(), options.assignment)
    print(returned)
    missing = []
    if options.zip:
        missing = zip_returned(Path.cwd(), options.assignment, returned.folders, options.zip, options.moodle)
        layout = (
            "as Moodle takes it" if options.moodle else "a folder for each student; Moodle takes it with --moodle only"
        )
        print("\n".join([f"{options.zip}: {layout}.", *missing]))
    return 1 if returned.problems or missing else 0


def _leaderboard(options: argparse.Namespace) -> int:
    from autograder.leaderboard.writing import write_leaderboard

    written = write_leaderboard(
        Path.cwd(),
        options.assignment,
        options.out,
        names=options.names,
        with_ids=options.with_ids,
        baseline=options.baseline,
    )
    print("\n".join(str(path) for path in written))
    return 0


def _compete(options: argparse.Namespace) -> int:
    from autograder.competition.competing import compete

    return compete(
        Path.cwd(),
        options.entries,
        options.data,
        options.out,
        attempts=options.attempts,
        seconds=options.seconds,
        names=options.names,
        with_ids=options.with_ids,
        unsafe_without_sandbox=options.unsafe_no_sandbox,
    )


def _set_aside(options: argparse.Namespace) -> int:
    from autograder.competition.set_aside import set_aside
    from autograder.grading.cases import course_secret

    secret = course_secret(Path.cwd())
    made = set_aside(options.source, options.students, options.hidden, options.pictures, secret)
    print(f"{options.students}: {made['labelled']} labelled pictures and {made['hidden']} to predict, for students.")
    print(f"{options.hidden}: these {made['hidden']} with their labels: give it to nobody.")
    return 0


def _report(options: argparse.Namespace) -> int:
    from autograder.report.writing import write_report

    assignment = options.name or options.assignment
    print(write_report(Path.cwd(), assignment, options.out, anonymous=options.anonymous))
    return 0


def _gradescope(options: argparse.Namespace) -> int:
    from autograder.gradescope.building import write_autograder

    settings = GradescopeSettings(
        options.assignment,
        options.sandbox,
        options.visibility,
        not options.no_leaderboard,
        options.seconds_per_notebook,
        options.memory_mib,
    )
    course = Path.cwd() if options.with_course_secret else None
    count = write_autograder(options.out, settings, course=course, pip_options=options.pip_options)
    secret = "this course's secret" if course else "a secret of its own (cases differ from those of this course)"
    print(f"{options.out}: {count} files, with hidden tests, reference and {secret}: give it to nobody but Gradescope.")
    return 0


def _misconceptions(options: argparse.Namespace) -> int:
    from autograder.course.misconceptions import misconceptions_table, write_misconceptions

    if options.csv:
        print(f"{options.csv}: {write_misconceptions(Path.cwd(), options.assignment, options.csv)} rows")
    else:
        print(misconceptions_table(Path.cwd(), options.assignment))
    return 0


if __name__ == "__main__":
    sys.exit(main())
