"""Every command of the documentation works here, or is run elsewhere in CI, or is listed with the reason why not.

The commands are typed one after the other in one clone of the course, as an instructor with a class of two submissions
would; `documented_commands.toml` has them in this order.
"""

import json
import re
import shutil
import subprocess
import textwrap
import tomllib
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from clone import lend_environment, make_origin, run
from documented import commands_in, documented_commands

from autograder.completion import complete_assignment
from autograder.demo import CLASSMATES
from autograder.paths import ROOT
from autograder.reference import load_reference
from autograder.sources import BY_HAND, read_source
from segkit import submit
from segkit.evaluation.saving import save_results
from segkit.sample import make_sample

TABLE = tomllib.loads((ROOT / "tests" / "documented_commands.toml").read_text(encoding="utf-8"))
HERE = {row["command"]: row for row in TABLE["here"]}
ELSEWHERE = {row["command"]: row for row in TABLE["elsewhere"]}
NOT_RUN = {command: row["reason"] for row in TABLE["not_run"] for command in row["commands"]}
MENTIONS = TABLE["mentions"]["commands"]
DOCUMENTED = documented_commands()
ATTEMPTS = "verdicts/competition/.entries/attempts.json"
STUDENT, GROUP, MEMBERS = "ada1815", "tigers", ["grace1906", "lin1969"]
ROSTER = f"id,first_name,last_name,email\n{STUDENT},Ada,Lovelace,ada@example.edu\n"
WORKSHEET = (
    "Identifier,Full name,ID number,Email address,Status,Grade,Maximum Grade,Last modified (grade),Feedback comments\n"
    f"Participant 12345,Ada Lovelace,{STUDENT},ada@example.edu,Submitted,,100.00,-,\n"
)
CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,segformer (7)\n    Points Possible,,,,,100\n"
    f'"Lovelace, Ada",12345,{STUDENT},ada@example.edu,A,\n'
)

FROM_BEFORE = ("downloads", "*.zip", "students.csv", "exported.csv", "worksheet.csv", "backups", "reports", "who.csv")


# ---- the table and the pages


@pytest.mark.parametrize("command", DOCUMENTED)
def test_a_command_of_the_documentation_is_run_or_listed(command):
    where = ", ".join(sorted(set(DOCUMENTED[command])))
    assert command in {**HERE, **ELSEWHERE, **NOT_RUN} or command in MENTIONS, (
        f"`{command}` ({where}) is not in tests/documented_commands.toml: say there where CI runs it, or why not."
    )


def test_the_table_has_each_command_once_and_none_that_no_page_has():
    listed = [row["command"] for kind in ("here", "elsewhere") for row in TABLE[kind]]
    listed += [command for row in TABLE["not_run"] for command in row["commands"]] + MENTIONS
    assert [command for command, count in Counter(listed).items() if count > 1] == []
    assert [command for command in listed if command not in DOCUMENTED] == []


@pytest.mark.parametrize("command", ELSEWHERE)
def test_what_runs_a_command_elsewhere_is_there(command):
    row = ELSEWHERE[command]
    assert row["words"] in (ROOT / row["file"]).read_text(encoding="utf-8")
    for path in re.findall(r"\S+\.py", command):
        assert (ROOT / path).is_file()


@pytest.mark.parametrize("command", MENTIONS)
def test_a_mention_is_the_beginning_of_a_command_that_is_run(command):
    assert [other for other in {**HERE, **ELSEWHERE} if other.startswith(f"{command} ")]


def test_contributing_lists_what_is_not_run():
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    _, _, section = page.partition("## Commands that CI does not run")
    assert sorted(set(commands_in(section)) & NOT_RUN.keys()) == sorted(NOT_RUN)
    assert [row["reason"] for row in TABLE["not_run"] if row["reason"] not in " ".join(section.split())] == []


def test_commands_are_found_wherever_they_stand():
    page = (
        "Text with `make  \n  demo`, `make` and `DATA=x`.\n\n    make a B=c   # why; not: make d\n    nbgrader x \\\n"
        "      --y        # or: python -m z, w\n    print('make e')\n\n* in a list\n\n      git f\n\n"
        "```\npytest g\n```\n\n| a |\n|---|\n| `pip install h` |\n\n"
        "    python - <<'END'\n    make no command\n    END\n"
    )
    found = ["make demo", "make a B=c", "nbgrader x --y", "python -m z", "git f", "pytest g", "pip install h"]
    assert list(commands_in(page)) == [*found, "python - <<'END'"]


# ---- typed one after the other


@pytest.fixture(scope="module")
def places(tmp_path_factory) -> dict[str, Path]:
    """The folders and files that commands are about, by the names that the table has for them."""
    base = tmp_path_factory.mktemp("documented")
    origin = base / "origin"
    origin.mkdir()
    places = {
        "origin": make_origin(origin),
        "clone": base / "segformer-course",
        "bundle": base / "student" / "segformer-course",
    }
    places |= {"small_sample": base / "ADEChallengeData2016", "set_aside": base / "set_aside"}
    make_sample(places["small_sample"], training=4, validation=3)
    archive = shutil.make_archive(str(base / "sample"), "zip", base, "ADEChallengeData2016")
    return places | {"zipped_sample": Path(archive), "base": base}


@pytest.mark.parametrize("command", HERE)
def test_it_works_as_it_is_written(command, places):
    row = HERE[command]
    typed = command
    for words, others in row.get("with", {}).items():
        assert words in typed
        typed = typed.replace(words, others.format_map(places))
    before = PREPARED.get(command)
    if before:
        before(places)
    result = typed_in(places, f"{typed} {row.get('adds', '')}", row)
    assert result.returncode == row.get("status", 0), result.stdout[-3000:]
    assert re.search(row.get("says", ""), result.stdout, re.MULTILINE), result.stdout[-3000:]
    assert "Traceback" not in result.stdout, result.stdout[-3000:]
    folder = places["base"] if command.startswith("git clone") else places["clone"]
    assert [name for name in row.get("makes", []) if not (folder / name).exists()] == []


def typed_in(places: dict[str, Path], command: str, row: dict) -> subprocess.CompletedProcess:
    """Type it where the documentation says: in the course's folder, which the first command makes."""
    if command.startswith("git clone"):
        call = ["bash", "-c", command]
        result = subprocess.run(call, cwd=places["base"], capture_output=True, text=True, check=False)
        lend_environment(places["clone"])
        return result
    folder = Path(row["folder"].format_map(places)) if "folder" in row else places["clone"]
    return run(command, folder, places["clone"], **row.get("variables", {}))


def test_deleting_a_student_as_the_page_says_leaves_nothing_of_them(places):
    """After the last commands above; what the page says to delete or write anew by hand is deleted here."""
    clone = places["clone"]
    result = run("python -m autograder return", clone, clone)
    assert f"{STUDENT}" not in result.stdout
    page = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
    (written,) = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `report.html`")]
    for name in [*re.findall(r"`([^`]+)`", written), *FROM_BEFORE]:
        for path in clone.glob(name.rstrip("/")):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    tracked = subprocess.run(["git", "ls-files"], cwd=clone, capture_output=True, text=True, check=True).stdout
    files = [file for file in clone.rglob("*") if file.is_file() and not {".venv", ".git"} & {*file.parts}]
    rest = [file for file in files if file.relative_to(clone).as_posix() not in tracked.splitlines()]
    assert len(rest) > 20
    assert [file for file in rest if STUDENT in str(file) or STUDENT.encode() in file.read_bytes()] == []


# ---- what stands ready before a command


def students_hand_in(places: dict[str, Path]) -> None:
    """Zips as students make them: ada's with a model, a group's with a mistake, ada's warm-up; in one download."""
    downloads = places["clone"] / "downloads"
    downloads.mkdir()
    (places["clone"] / "groups.csv").write_text(f"group,student\n{GROUP},{MEMBERS[0]}\n{GROUP},{MEMBERS[1]}\n")
    ada, group, warm_up = (places["base"] / name for name in ("ada", "group", "warm_up"))
    complete_assignment("segformer", ada)
    model = load_reference()["03_model"].SegFormer(num_classes=4)
    save_results(model, ada / "results", image_size=(64, 64), arguments={"num_classes": 4}, name="Ada")
    submit(student=STUDENT, folder=ada, checkpoint=True)
    complete_assignment("segformer", group, CLASSMATES["bo_scaled_by_all_channels"])
    submit(student=MEMBERS[0], group=GROUP, members=MEMBERS, folder=group)
    complete_assignment("intro", warm_up)
    submit(student=STUDENT, folder=warm_up)
    with zipfile.ZipFile(downloads / "submissions.zip", "w") as archive:
        for folder in (ada, group, warm_up):
            (handed_in,) = folder.glob("*.zip")
            archive.write(handed_in, handed_in.name)


def students_unpack_the_bundle(places: dict[str, Path]) -> None:
    """And make an environment beside it, as their page says: the one that this test has."""
    with zipfile.ZipFile(places["clone"] / "dist" / "segformer-course.zip") as archive:
        archive.extractall(places["bundle"].parent)
    (places["bundle"] / ".venv").symlink_to(places["clone"] / ".venv")


def an_author_adds_a_question(places: dict[str, Path]) -> None:
    """The one that the authors' page has as its example, with half the points of the answer that is there.

    It may be there already: an author may have taken the page at its word.
    """
    page = (ROOT / "docs" / "authoring.md").read_text(encoding="utf-8")
    _, _, section = page.partition("## Add a question")
    (example,) = re.findall(r"((?:    .*\n|\n)*    # ### END SOLUTION\n)", section)
    source = places["clone"] / "solutions" / "intro" / "01_warmup.py"
    half = read_source(source).points(BY_HAND)["q1"] / 2
    there, end, after = source.read_text(encoding="utf-8").rpartition("# ### END SOLUTION\n")
    there, halved = re.subn(r'id="q1" points=\S+', f'id="q1" points={half:g}', there)
    assert halved == 1 and 'id="q2" points=1\n' in example
    added = textwrap.dedent(example).replace('id="q2" points=1\n', f'id="one_more" points={half:g}\n')
    source.write_text(there + end + added + after, encoding="utf-8")


def file_in_the_course(name: str, text: str):
    def write(places: dict[str, Path]) -> None:
        file = places["clone"] / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    return write


PREPARED = {
    "python -m autograder collect downloads/submissions.zip": students_hand_in,
    "nbgrader db student import students.csv": file_in_the_course("students.csv", ROSTER),
    "python -m autograder return --zip feedback.zip --moodle worksheet.csv": file_in_the_course(
        "worksheet.csv", WORKSHEET
    ),
    "nbgrader export --exporter=autograder.exports.canvas.CanvasGrades --assignment=segformer "
    "--CanvasGrades.template=exported.csv": file_in_the_course("exported.csv", CANVAS),
    "sed -i '/^ada,/d' roster.csv": file_in_the_course("roster.csv", f"student,name\n{STUDENT},Ada Lovelace\n"),
    f"""sed -i 's/"team": "ada"/"team": "(deleted)"/' {ATTEMPTS}""": file_in_the_course(
        ATTEMPTS, json.dumps([{"team": STUDENT, "file": "1.zip"}])
    ),
    "make notebooks": an_author_adds_a_question,
    ".venv/bin/pip install -r requirements.txt": students_unpack_the_bundle,
}
