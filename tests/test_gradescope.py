"""The zip for Gradescope, run as Gradescope runs it: in a folder laid out like its /autograder, one case per mode."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import nbformat
import pytest
from intro_course import NOTEBOOK, ORDER, worth
from small_submissions import commands

from autograder.__main__ import main
from autograder.completion import complete_assignment
from autograder.gradescope.settings import REQUIREMENTS_FILE, SECRET_FILE
from autograder.grading.cases import course_secret
from autograder.paths import NOTEBOOKS
from autograder.sources import AUTOMATIC, BY_HAND

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
# What root may do in a container that Docker starts by default: everything but what namespaces need.
DOCKER = (
    "chown,dac_override,fowner,fsetid,kill,setgid,setuid,setpcap,net_bind_service,net_raw,sys_chroot,mknod,"
    "audit_write,setfcap"
)
METADATA = {
    "id": 1,
    "created_at": "2026-11-01T14:22:32.365935-07:00",
    "assignment": {"due_date": "2026-11-02T23:00:00.000000-07:00", "title": "Warm-up", "total_points": "20.0"},
    "users": [{"email": "ada@uni.example", "id": 1234, "name": "Ada Lovelace"}],
    "previous_submissions": [],
}
MARK = f"86398.{os.getpid()}"  # seconds that nobody else sleeps
SPY = """
def _spy():
    import os
    read = [path for path in {secret!r} if os.access(path, os.R_OK)]
    os.spawnlp(os.P_NOWAIT, "setsid", "setsid", "sleep", "{mark}")
    raise RuntimeError(f"root: {{os.getuid() == 0}}, reads: {{read}}, writes: {{os.access({results!r}, os.W_OK)}}")

_seen = _spy()
"""
# What a test of a task carries is rounded to hundredths: five of them may be off by some.
FULL = {task: pytest.approx((most, most), abs=0.025) for task, most in worth(AUTOMATIC).items()}
EMPTY = {task: pytest.approx((0, most), abs=0.025) for task, most in worth(AUTOMATIC).items()}
CODE, WORDS = (sum(worth(role).values()) for role in (AUTOMATIC, BY_HAND))


def build(folder: Path, *options: str) -> Path:
    """The zip of the warm-up."""
    out = folder / "autograder.zip"
    assert main(["gradescope", "--assignment", "intro", "--out", str(out), *options]) == 0
    return out


@pytest.fixture
def folder():
    """Laid out as Gradescope's, where everybody may read; the temporary folders of pytest are their owner's alone."""
    with tempfile.TemporaryDirectory(prefix="gradescope-") as root:
        Path(root).chmod(0o755)
        for name in ("source", "submission", "results"):
            (Path(root) / name).mkdir()
        yield Path(root)


def grade(folder: Path, *options: str, under: Sequence[str] = ()) -> tuple[dict | None, str]:
    """Unpack and run a zip as Gradescope does; the results, if there are any, and what was printed."""
    with zipfile.ZipFile(build(folder, *options)) as archive:
        archive.extractall(folder / "source")
    shutil.copy(folder / "source" / "run_autograder", folder)
    (folder / "run_autograder").chmod(0o755)
    (folder / "submission_metadata.json").write_text(json.dumps(METADATA))
    variables = {"AUTOGRADER_ROOT": str(folder), "AUTOGRADER_PYTHON": sys.executable, "PATH": os.environ["PATH"]}
    call = [*under, str(folder / "run_autograder")]
    ran = subprocess.run(call, cwd=folder, env=variables, capture_output=True, text=True, timeout=600)
    results = folder / "results" / "results.json"
    found = json.loads(results.read_text()) if results.exists() else None
    assert (ran.returncode == 0) == (found is not None), ran.stderr
    return found, ran.stdout


def in_docker() -> list[str]:
    """What runs a program with Docker's privileges, and with an interpreter that everybody may run."""
    prefixes = [Path(sys.base_prefix), Path(sys.prefix)]
    closed = [folder for path in prefixes for folder in path.parents if not folder.stat().st_mode & stat.S_IXOTH]
    view = [option for folder in closed[-1:] for option in ("--perms", "0755", "--tmpfs", str(folder))]
    for path in (path for path in prefixes if closed and closed[-1] in path.parents):
        above = [folder for folder in reversed(path.parents) if closed[-1] in folder.parents]
        view += [option for folder in above for option in ("--perms", "0755", "--dir", str(folder))]
        view += ["--ro-bind", str(path), str(path)]
    privileges = "-all," + ",".join(f"+{name}" for name in DOCKER.split(","))
    return ["bwrap", "--dev-bind", "/", "/", *view, "setpriv", f"--bounding-set={privileges}"]


def by_task(results: dict) -> dict[str, tuple[float, float]]:
    """Points and maximum by task, from the entries of the tests."""
    found: dict[str, tuple[float, float]] = {}
    for test in results["tests"]:
        task = test["name"].split(":")[0]
        earned, most = found.get(task, (0, 0))
        found[task] = (round(earned + test["score"], 2), round(most + test["max_score"], 2))
    return found


def test_a_right_submission_gets_all_automatic_points(folder):
    complete_assignment("intro", folder / "submission")
    results, said = grade(folder, "--visibility", "after_published")
    assert results, said
    assert results["score"] == CODE
    assert by_task(results) == FULL
    assert {test["visibility"] for test in results["tests"]} == {"after_published"}
    assert {test["status"] for test in results["tests"]} == {"passed"}
    assert results["leaderboard"] == [{"name": "Automatic points", "value": CODE}]
    assert results["stdout_visibility"] == "hidden" and results["execution_time"] > 0
    assert results["extra_data"]["students"] == ["Ada Lovelace <ada@uni.example>"]
    assert results["extra_data"]["weaker_sandbox"] is None and "in bubblewrap's sandbox" in said
    assert f"Written answers ({WORDS:g} points) are marked by hand and are not in this score." in results["output"]
    assert f"20 points on Gradescope; here it has {CODE:g} automatic ones, 10 with written answers" in said


@AS_ROOT
def test_where_docker_allows_no_namespaces_a_weaker_mode_must_be_asked_for_and_is_said(folder):
    [path] = complete_assignment("intro", folder / "submission", [ORDER])
    notebook = nbformat.read(path, as_version=4)
    secret = [folder / "source" / name for name in ("", SECRET_FILE, "autograder/hidden_tests", "solutions")]
    spy = SPY.format(secret=[str(name) for name in secret], results=str(folder / "results"), mark=MARK)
    notebook.cells.append(nbformat.v4.new_code_cell(spy))
    nbformat.write(notebook, path)

    results, said = grade(folder, under=in_docker())
    assert results is None and "bubblewrap may not make a sandbox here" in said

    results, said = grade(folder, "--sandbox", "bubblewrap-or-user", "--no-leaderboard", under=in_docker())
    assert "WEAKER SANDBOX: Student code ran as another user" in said
    assert "reach the network" in results["extra_data"]["weaker_sandbox"]
    assert "root: False, reads: [], writes: False" in results["output"]
    assert not [command for command in commands() if MARK in command]  # it had left its parent's session
    earned = by_task(results)
    left, most = earned["image_to_patches"]
    assert 0 <= left < most and earned == FULL | {"image_to_patches": (left, most)}
    [told] = {test["output"] for test in results["tests"] if "patches" in test["output"]}
    assert "leaderboard" not in results and results["score"] < CODE and told


@pytest.mark.parametrize("content", [None, b"{ no notebook", b""])
def test_an_empty_or_a_broken_submission_gets_nothing_and_the_reason(folder, content):
    if content is not None:
        (folder / "submission" / f"{NOTEBOOK}.ipynb").write_bytes(content)
    (folder / "submission" / "link.ipynb").symlink_to(NOTEBOOKS / "intro" / f"{NOTEBOOK}.ipynb")
    results, _ = grade(folder)
    assert results["score"] == 0 and by_task(results) == EMPTY
    assert f"{NOTEBOOK}: nothing in this notebook could be graded: " in results["output"]


def test_the_zip_holds_one_assignment_and_the_course_s_secret_only_if_asked(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COURSE_SECRET", raising=False)
    secret = course_secret(tmp_path).decode()
    with zipfile.ZipFile(build(tmp_path, "--pip-options=--prefer-binary")) as archive:
        names = archive.namelist()
        assert {"setup.sh", "run_autograder", "solutions/intro/01_warmup.py"} <= set(names)
        assert not [name for name in names if "segformer/" in name and "segkit/" not in name]
        assert [archive.getinfo(name).external_attr >> 16 for name in ("setup.sh", "run_autograder")] == [0o755] * 2
        assert archive.read(REQUIREMENTS_FILE) == b"--prefer-binary\n-r requirements.txt\n"
        assert all(secret.encode() not in archive.read(name) for name in names)
    assert "a secret of its own" in capsys.readouterr().out
    with zipfile.ZipFile(build(tmp_path, "--with-course-secret")) as archive:
        assert archive.read(SECRET_FILE).decode().strip() == secret
    assert "this course's secret" in capsys.readouterr().out
