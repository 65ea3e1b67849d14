"""One run of `nbgrader autograde`: alone in its course, whole after a kill, and with a summary at its end."""

import contextlib
import errno
import functools
import glob
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path

import nbgrader.api
from nbgrader.api import InvalidEntry
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.utils import parse_utc
from sqlalchemy.exc import OperationalError

from autograder.building.build import is_edited
from autograder.course.alone import alone
from autograder.course.marks import require_known
from autograder.course.run_record import RunRecord
from autograder.course.up_to_date import is_up_to_date, mark_begun, mark_done, state_of
from autograder.grading.cases import course_secret
from autograder.grading.notebook import evaluated_cells, verdict_basis
from autograder.grading.verdicts import content_key
from autograder.groups.file import read_groups
from autograder.groups.membership import misnamed, record_members
from autograder.parallel.ahead import GradingAhead, Upcoming
from autograder.parallel.progress import ClassProgress
from autograder.sandbox import require_device, require_sandbox
from autograder.triage import read_released, triage_submission
from segkit.errors import CourseError

FULL = (errno.ENOSPC, errno.EDQUOT)
LEAST_FREE = 64 * 2**20  # bytes: below that, a course's disk is about to be full
UNSAFE = (
    "UNSAFE: the code of these notebooks runs without a sandbox and can read and change everything you can. "
    "Never do this with what students hand in."
)


NO_RESULTS = (
    "No trained model was evaluated, so nobody got points for one: name the images that are set aside for it with "
    "--results-data (nbgrader: --GradeInWorker.results_data)."
)
NOT_COPIED = ("*.safetensors*",)  # trained models, which nobody looks at in autograded/


class CourseAutograde(Autograde):
    """nbgrader's converter with triage before it and a record after it. Nothing a student sends ends a batch.

    What concerns the whole course (no sandbox, a full disk, a missing test) ends it with one sentence.
    """

    def convert_notebooks(self) -> None:
        """Grade every submission that is not graded yet."""
        assignment = self.coursedir.assignment_id
        root = Path(self.coursedir.root)
        self.verdicts = root / "verdicts" / assignment
        self.run, self.submission = RunRecord(assignment), None
        with _sentences(), alone(root), self.settings.graders() as self.graders:
            self._require_sandbox()
            self._require_what_grading_needs(root)
            for path in filter(Path.is_file, self.verdicts.rglob(".*.part")):  # what a killed run was writing
                path.unlink()
            self.coursedir.get_existing_timestamp = self._timestamp
            self.ignored = list(self.coursedir.ignore)
            self.assignments = self._expected(assignment)
            try:
                self._grade_ahead_and_record()
            finally:
                for line in self.run.summary():
                    self.log.warning(line)
        if self.run.failed:
            raise NbGraderException("Some notebooks could not be graded: see above.")

    def _grade_ahead_and_record(self) -> None:
        settings, upcoming = self.settings.grading_settings(self), list(self._upcoming())
        self.progress = ClassProgress(
            self.run.assignment, sum(len(one.notebooks) for one in upcoming), self.settings.progress
        )
        with contextlib.closing(self.progress), self.progress.quiet(self.log), _one_engine():
            self.ahead = GradingAhead(
                self.run.assignment,
                upcoming,
                lambda folder: triage_submission(folder, self.released),
                settings,
                *self.graders,
                self.progress.update,
            )
            super().convert_notebooks()
            self.run.remarks += self.graders.remarks()

    def _upcoming(self) -> Iterator[Upcoming]:
        """What nbgrader is about to ask for, as far as can be told; what is told wrongly is graded when it asks."""
        for folder in sorted(self.assignments):
            student = Path(folder).parent.name
            done = Path(self._format_dest(self.run.assignment, student)).exists()
            if self.force or not (done and is_up_to_date(self.verdicts / student, self._state(student))):
                names = tuple(sorted(Path(path).stem for path in self.assignments[folder]))
                yield Upcoming(student, Path(folder), names)

    def _state(self, student_id: str) -> str:
        student = Path(self._format_source(self.run.assignment, student_id)).parent
        basis = verdict_basis(self.run.assignment, content_key({}), self.settings.grading_settings(self))
        return state_of(student, basis, self.release)

    def _require_what_grading_needs(self, root: Path) -> None:
        self.release = Path(self.coursedir.format_path(self.coursedir.release_directory, ".", self.run.assignment))
        self.released = read_released(self.release)
        edited = [f"{name}.ipynb" for name in self.released if is_edited(self.release / f"{name}.ipynb")]
        if edited:
            raise CourseError(
                f"Nothing was graded: {', '.join(edited)} in {self.release} was edited or run since it was built, and "
                "submissions are held against it. Move it elsewhere and run "
                f"`make release ASSIGNMENT={self.run.assignment}`."
            )
        autograded = Path(self.coursedir.format_path(self.coursedir.autograded_directory, "x", "y")).parent.parent
        _require_writable((root, self.verdicts.parent, self.verdicts, autograded), root / "gradebook.db")
        require_known(root, self.run.assignment)
        self.groups = read_groups(root)
        course_secret(root)
        require_device(self.settings.device)
        self._require_rules()

    def _require_sandbox(self) -> None:
        if self.settings.unsafe_without_sandbox:
            self.log.warning(UNSAFE)
        else:
            self.graders.begin()
            require_sandbox()

    def _require_rules(self) -> None:
        """Whether trained models can be evaluated: refuse what cannot be used, and say if nobody's is."""
        if self.settings.rules.images is None and evaluated_cells(self.run.assignment):
            self.run.remarks.append(NO_RESULTS)

    def _expected(self, assignment: str) -> dict[str, list[str]]:
        """By folder of a submission the notebooks that should be in it, whatever is."""
        folders = set(self.assignments)
        for folder in glob.glob(self._format_source(assignment, self.coursedir.student_id)):
            folders.add(folder)
        students = Path(self.coursedir.format_path(self.coursedir.submitted_directory, "x", "y")).parent.parent
        for student in sorted(students.glob(self.coursedir.student_id)):
            folder = self._format_source(assignment, student.name)
            visible = student.is_dir() and not student.name.startswith(".")
            if folder not in folders and visible and self._hands_in(Path(folder)):
                folders.add(folder)
        wanted = [name for name in self.released if fnmatch(name, self.coursedir.notebook_id)]
        return {folder: [str(Path(folder) / f"{name}.ipynb") for name in wanted] for folder in folders}

    def _hands_in(self, folder: Path) -> bool:
        """A student without a folder of that name may have put the notebooks elsewhere."""
        found = triage_submission(folder, self.released).notebooks.values()
        return any(triaged.unreadable is None for triaged in found)

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        """Whether to grade this submission: not if nothing has changed since, and nobody insists."""
        self.state = self._state(student_id)
        if self.coursedir.notebook_id == "*" and not is_up_to_date(self.verdicts / student_id, self.state):
            _remove(Path(self._format_dest(assignment_id, student_id)))
        return super().init_destination(assignment_id, student_id)

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """Triage, and nbgrader's own preparation without the files that must not be followed."""
        with _sentences():
            _require_space(Path(self.coursedir.root))
            mark_begun(self.verdicts / student_id)
            self.found = []
            folder = Path(self._format_source(assignment_id, student_id))
            self.submission = self.ahead.submission(student_id, folder)
            if notes := [*self.submission.notes, *misnamed(self.groups, student_id, self.submission.named)]:
                self.run.notes[student_id] = notes
            refused = [glob.escape(path.name) for path in self.submission.refused_files]
            self.coursedir.ignore = [*self.ignored, *NOT_COPIED, *refused]
            try:
                super().init_assignment(assignment_id, student_id)
            except OSError as error:
                if error.errno in FULL:
                    raise
                sentence = f"its files beside the notebooks could not be copied to autograded/ ({error.strerror})"
                self.run.notes.setdefault(student_id, []).append(sentence)
                self.coursedir.ignore = ["*"]
                super().init_assignment(assignment_id, student_id)

    def convert_single_notebook(self, notebook_filename: str) -> None:
        """As nbgrader's."""
        with _sentences():
            super().convert_single_notebook(notebook_filename)

    def set_permissions(self, assignment_id: str, student_id: str) -> None:
        """The last step of a submission, when its marks stand in the gradebook: now its verdicts count."""
        super().set_permissions(assignment_id, student_id)
        with _sentences():
            for verdict in self.found:
                path = self.verdicts / student_id / f"{verdict.notebook}.json"
                self.run.record(student_id, verdict, path)
                verdict.write(path)
            self.run.graded.append(student_id)
            self.progress.recorded(student_id, self.found)
            if self.coursedir.notebook_id == "*":
                record_members(self.verdicts / student_id, self.groups.who(student_id))
                mark_done(self.verdicts / student_id, self.state)
            self.run.notebooks = self.ahead.asked
            self.run.write(self.verdicts)

    def _timestamp(self, folder: str) -> datetime | None:
        """When a submission was handed in; a file that does not say it properly must not end the batch."""
        path = Path(folder) / "timestamp.txt"
        try:
            return parse_utc(_read_small(path).strip())
        except FileNotFoundError:
            return None
        except (OSError, ValueError, OverflowError):
            sentence = "timestamp.txt holds no date and time: counted as handed in on time"
            if sentence not in self.run.notes.setdefault(path.parent.parent.name, []):
                self.run.notes[path.parent.parent.name].append(sentence)
            return None


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise SystemExit(
            f"autograder: {folder} cannot be replaced ({error.strerror}), so grading stopped here: look at its "
            "permissions and run this again. What was graded is kept."
        ) from None


def _read_small(path: Path) -> str:
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise ValueError(path)
    with path.open(encoding="utf-8") as file:
        return file.read(100)


def _require_writable(folders: Iterable[Path], gradebook: Path) -> None:
    """Refuse at once where every submission would fail; what is not there yet is made later."""
    for folder in folders:
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno in FULL:
                raise
            raise CourseError(
                f"Nothing was graded: the folder {folder} may not be written to ({error.strerror})."
            ) from None
    if gradebook.exists():
        try:
            with contextlib.closing(sqlite3.connect(f"{gradebook.absolute().as_uri()}?mode=rw", uri=True)) as database:
                database.execute("BEGIN IMMEDIATE")
                database.execute("CREATE TABLE may_be_written_to (x)")  # never committed
        except sqlite3.Error as error:
            raise CourseError(
                f"Nothing was graded: the gradebook {gradebook} cannot be written to ({error}). Look at its "
                "permissions, close what else uses it, and run this again."
            ) from None


def _require_space(root: Path) -> None:
    free = shutil.disk_usage(root).free
    if free < LEAST_FREE:
        raise OSError(errno.ENOSPC, f"{free / 2**20:.0f} MiB are left")


@contextlib.contextmanager
def _sentences() -> Iterator[None]:
    """Turn what concerns the whole course into one sentence that ends the run; nothing graded so far is lost."""
    try:
        yield
    except CourseError as error:
        raise SystemExit(f"autograder: {error}") from None
    except KeyboardInterrupt:
        raise SystemExit("autograder: interrupted; what was finished is kept, run this again to go on.") from None
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise SystemExit(_disk_full(error)) from None
    except (OperationalError, InvalidEntry) as error:  # nbgrader makes the second of the first where it adds something
        if "disk is full" in str(error) or "disk I/O error" in str(error):
            raise SystemExit(_disk_full(getattr(error, "orig", error))) from None
        if "readonly" in str(error):
            raise SystemExit(
                "autograder: the gradebook may not be written to, so grading stopped here: look at the permissions of "
                "gradebook.db and of its folder, and run this again. What was graded is kept."
            ) from None
        if "locked" in str(error):
            raise SystemExit(
                "autograder: another program kept the gradebook locked, so grading stopped here: close it and run this "
                "again. What was graded is kept."
            ) from None
        raise


def _disk_full(error: BaseException) -> str:
    return (
        f"autograder: the disk is full ({error}), so grading stopped here: make room and run this again. What was "
        "graded is kept, and the gradebook is as it was."
    )


@contextlib.contextmanager
def _one_engine() -> Iterator[None]:
    """nbgrader opens the gradebook ten times per notebook; with an engine for all, no query is compiled again."""
    create = nbgrader.api.create_engine
    nbgrader.api.create_engine = functools.cache(create)
    try:
        yield
    finally:
        nbgrader.api.create_engine = create
