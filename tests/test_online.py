"""A student in Colab or Kaggle: one notebook in an empty folder, and what its first cell makes of that."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from executed import require_clean_run
from file_server import silent_port
from online_session import (
    INSTALLED,
    ON_GITHUB,
    STAND_INS,
    completed,
    edited,
    environment,
    fake_packages,
    released,
    run_start_cell,
    serving,
    with_drive_ticked,
    zipped,
)

from autograder.building.online import put_online
from autograder.sources import assignments, read_sources
from segkit.course import CourseSettings
from segkit.errors import CourseError
from segkit.student import code_cells

LIGHTNING = "2.6.6"
SITE_PACKAGES = "import sysconfig; print(sysconfig.get_path('purelib'))"
SETTINGS = CourseSettings(online_notebooks=ON_GITHUB, online_bundle="https://example.org/segformer-course.zip")


@pytest.fixture(scope="module")
def server():
    with serving() as server:
        server.manners.contents = (zipped(released(server.url)),)
        yield server


@pytest.fixture(scope="module")
def files(server):
    """The published bundle's files."""
    return released(server.url)


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    return fake_packages(tmp_path_factory.mktemp("packages"), INSTALLED | {"lightning": LIGHTNING})


@pytest.fixture
def content(tmp_path):
    """The empty folder in which a session begins."""
    (tmp_path / "content").mkdir()
    return tmp_path / "content"


def put(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


# --- what is built --------------------------------------------------------------------------------------------------


def test_every_notebook_has_badges_and_a_start_cell_that_come_from_the_settings(files, server):
    names = [f"{name}/{source.name}" for name in assignments() for source in read_sources(name)]
    for name in names:
        notebook = nbformat.reads(files[f"{name}.ipynb"].decode(), as_version=4)
        nbformat.validate(notebook)
        badges = notebook.cells[0].source.splitlines()[-1]
        assert f"(https://colab.research.google.com/github/{ON_GITHUB}/{name}.ipynb)" in badges
        assert f"(https://kaggle.com/kernels/welcome?src=https://github.com/{ON_GITHUB}/{name}.ipynb)" in badges
        first = next(cell for cell in notebook.cells if cell.cell_type == "code")
        assert first.id == "start" and f'address = "{server.url}"' in first.source
        assert f'start("{name}", bundle, drive=DRIVE)' in first.source
        assert "urlopen" not in "".join(cell.source for cell in code_cells(notebook))  # nothing of it is graded
    assert set(names) == {path.removesuffix(".ipynb") for path in files if path.endswith(".ipynb")}


def test_without_settings_nothing_is_added(files):
    path = Path(__file__).parents[1] / "notebooks" / "intro" / "01_warmup.ipynb"
    notebook = nbformat.read(path, as_version=4)
    assert "colab" not in path.read_text().lower()
    before = json.dumps(notebook)
    put_online(notebook, "intro/01_warmup", CourseSettings())
    assert json.dumps(notebook) == before


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"online_notebooks": "https://github.com/ada/course"}, "name a folder on GitHub|owner/name/blob"),
        ({"online_bundle": "segformer-course.zip"}, "it is an address"),
        ({"online_bundle": 'https://example.org/"+evil+".zip'}, "it is an address"),
        ({"online_notebooks": ON_GITHUB}, "no online.bundle"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(settings, words):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# A"), nbformat.v4.new_code_cell("1")])
    with pytest.raises(CourseError, match=words):
        put_online(notebook, "intro/01_warmup", CourseSettings(**settings))


# --- the first cell -------------------------------------------------------------------------------------------------


def test_in_colab_without_drive(content, files, packages):
    notebook = put(content, "02_modules.ipynb", files["segformer/02_modules.ipynb"])
    then = "import segkit; print(segkit.__file__); print(os.getcwd())"
    done = run_start_cell(notebook, packages, then=f"import os; {then}")
    assert done.returncode == 0, done.stderr
    course = content / "segformer-course"
    assert done.stdout.splitlines()[-2:] == [str(course / "segkit" / "__init__.py"), str(course / "segformer")]
    assert "Nothing is kept when this session ends" in done.stdout and "tick DRIVE" in done.stdout
    assert "GPU: Tesla T4, 15 GiB." in done.stdout
    assert "Installing" not in done.stdout and "Mounted" not in done.stdout
    assert {path: (course / path).read_bytes() for path in files} == dict(files)
    again = run_start_cell(notebook, packages)
    assert again.returncode == 0 and "The course is up to date." in again.stdout


def test_in_colab_with_drive(content, files, packages):
    notebook = put(content, "02_modules.ipynb", with_drive_ticked(files["segformer/02_modules.ipynb"]))
    then = "import os, segkit; print(segkit.__file__); print(os.getcwd())"
    done = run_start_cell(notebook, packages, then=then)
    assert done.returncode == 0, done.stderr
    drive = content / "drive" / "MyDrive" / "segformer-course"
    assert "Mounted at" in done.stdout and "My Drive > segformer-course > segformer" in done.stdout
    assert done.stdout.splitlines()[-2:] == [
        str(content / "segformer-course" / "segkit" / "__init__.py"),
        str(drive / "segformer"),
    ]
    notebooks = {path.relative_to(drive).as_posix() for path in drive.rglob("*") if path.is_file()}
    assert notebooks == {"release.json", *(path for path in files if path.endswith(".ipynb"))}
    for path in notebooks - {"release.json"}:  # who opens them there has ticked the box already
        assert "DRIVE = True" in (drive / path).read_text()


def test_a_copy_that_colab_has_saved_elsewhere_is_named(content, files, packages):
    copies = content / "drive" / "MyDrive" / "Colab Notebooks"
    copies.mkdir(parents=True)
    put(copies, "Copy of 01_data.ipynb", files["segformer/01_data.ipynb"])
    done = run_start_cell(put(content, "01_data.ipynb", with_drive_ticked(files["segformer/01_data.ipynb"])), packages)
    assert "Colab Notebooks holds Copy of 01_data.ipynb: if that is your work, move it" in done.stdout


def test_drive_that_is_not_allowed_is_a_sentence(content, files, packages):
    notebook = put(content, "01_data.ipynb", with_drive_ticked(files["segformer/01_data.ipynb"]))
    done = run_start_cell(notebook, packages, COLAB_REFUSES_DRIVE="1")
    assert done.stderr.startswith(
        "CourseError: Google Drive was not mounted (mount failed): run this cell again and allow"
    )
    assert len(done.stderr.splitlines()) == 1


def test_in_kaggle_with_an_earlier_notebook_and_data_as_inputs(content, files, packages, tmp_path):
    from segkit.online.kaggle import take_inputs
    from segkit.releases.bundle import describe

    notebook = put(content, "03_model.ipynb", files["segformer/03_model.ipynb"])
    then = "import os; print(os.getcwd())"
    done = run_start_cell(notebook, packages, then=then, colab=False, KAGGLE_KERNEL_RUN_TYPE="Interactive")
    assert done.returncode == 0, done.stderr
    assert "Kaggle saves this notebook itself" in done.stdout
    folder = content / "segformer-course" / "segformer"
    assert done.stdout.splitlines()[-1] == str(folder)

    (tmp_path / "input" / "mine" / "a").mkdir(parents=True)
    mine = completed("segformer/02_modules", files["segformer/02_modules.ipynb"])
    put(tmp_path / "input" / "mine" / "a", "02_modules.ipynb", mine)
    put(tmp_path / "input" / "mine", "01_data.ipynb", files["segformer/01_data.ipynb"])  # nothing written in it
    (tmp_path / "input" / "ade20k" / "ADEChallengeData2016").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DATA", raising=False)
        words = take_inputs(folder, describe(files), tmp_path / "input")
        assert os.environ.pop("DATA") == str(tmp_path / "input" / "ade20k" / "ADEChallengeData2016")
    assert len(words) == 2 and words[0].startswith("02_modules.ipynb is yours")
    assert (folder / "02_modules.ipynb").read_bytes() == mine
    assert take_inputs(folder, describe(files), tmp_path / "nothing") == []


def test_elsewhere_the_notebook_stays_where_it_is(content, files, packages):
    notebook = put(content, "02_modules.ipynb", files["segformer/02_modules.ipynb"])
    done = run_start_cell(notebook, packages, then="import os; print(os.getcwd())", colab=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str(content)
    assert f"Segkit is in {content / 'segformer-course'}" in done.stdout


def test_beside_segkit_it_does_nothing(content, files, packages):
    (content / "segkit").mkdir()
    (content / "segformer").mkdir()
    notebook = put(content / "segformer", "02_modules.ipynb", files["segformer/02_modules.ipynb"])
    done = run_start_cell(notebook, packages, colab=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(path.name for path in content.rglob("*")) == ["02_modules.ipynb", "segformer", "segkit"]


# --- errors ---------------------------------------------------------------------------------------------------------


def sentence(server, content, files, packages, body: bytes | None, **manners) -> str:
    """The one line that the start cell says when the server gives this instead of the bundle."""
    notebook = put(content, "01_warmup.ipynb", files["intro/01_warmup.ipynb"])
    before, refusals = server.manners.contents, server.manners.refusals
    server.requests.clear()
    server.manners.contents = before if body is None else (body,)
    server.manners.refusals = manners.get("refusals", ())
    try:
        done = run_start_cell(notebook, packages)
    finally:
        server.manners.contents, server.manners.refusals = before, refusals
    assert done.returncode == 1 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert not (content / "segformer-course").exists()
    return line


def test_no_network_is_a_sentence(content, files, packages, server):
    with silent_port() as port:
        moved = files["intro/01_warmup.ipynb"].replace(server.url.encode(), f"http://127.0.0.1:{port}/b.zip".encode())
        done = run_start_cell(put(content, "01_warmup.ipynb", moved), packages)
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"CourseError: The course could not be fetched from http://127.0.0.1:{port}/b.zip (")
    assert "refused" in line and "In Kaggle, turn on Settings > Internet" in line


def test_what_is_no_bundle_is_a_sentence(content, files, packages, server):
    def say(body, **manners):
        return sentence(server, content, files, packages, body, **manners)

    assert "(HTTP Error 404" in say(None, refusals=((404, {}),) * 3)
    assert "(what is there is not the course's zip file)" in say(b"<!doctype html><title>Log in</title>")
    bundle = zipped(files)
    assert "(what is there is not the course's zip file)" in say(bundle[: len(bundle) // 2])
    flipped = bytearray(bundle)
    place = bundle.index(b"segformer-course/README.md") + 200
    flipped[place] ^= 255
    assert "is damaged, nothing was changed" in say(bytes(flipped))


def test_files_outside_of_the_course_are_refused(content, files, packages, server, tmp_path):
    for name in ("segformer-course/../evil.py", "/evil.py", "segformer-course/a\\..\\evil.py", "evil.py"):
        path = tmp_path / "evil.zip"
        path.write_bytes(zipped(files))
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(name, "evil")
        assert "which is no file of a course: it was not unpacked" in sentence(
            server, content, files, packages, path.read_bytes()
        )
    assert not list(tmp_path.rglob("evil.py"))


def test_one_changed_file_is_found(content, files, packages, server):
    honest = zipped(files)
    other = zipped({**files, "segkit/machine.py": b"print('another')\n"})
    path = content / "mixed.zip"
    with zipfile.ZipFile(path, "w") as mixed:
        for entry, source in (
            (zipfile.ZipFile(_as_file(content, honest)), True),
            (zipfile.ZipFile(_as_file(content, other)), False),
        ):
            with entry:
                for name in entry.namelist():
                    if (name == "segformer-course/segkit/machine.py") != source:
                        mixed.writestr(name, entry.read(name))
    body = path.read_bytes()
    path.unlink()
    assert "is damaged, nothing was changed" in sentence(server, content, files, packages, body)


def _as_file(folder: Path, content: bytes) -> Path:
    path = folder.parent / f"{hashlib.sha256(content).hexdigest()[:8]}.zip"
    path.write_bytes(content)
    return path


# --- what is installed ----------------------------------------------------------------------------------------------


def make_wheel(folder: Path, name: str, version: str, requires: tuple[str, ...] = ()) -> None:
    """A wheel as pip takes it, with one module and nothing to do."""
    about = f"{name}-{version}.dist-info"
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", *(f"Requires-Dist: {r}" for r in requires)]
    contents = {
        f"{name}/__init__.py": "",
        f"{about}/METADATA": "\n".join(metadata) + "\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {
        path: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        for path, text in contents.items()
    }
    contents[f"{about}/RECORD"] = "".join(f"{path},sha256={digests[path]},{len(contents[path])}\n" for path in digests)
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in contents.items():
            wheel.writestr(path, text)


@pytest.fixture(scope="module")
def colab_python(tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """Python 3.12, or this one where there is no other, with what Colab has installed; and pip's own settings.

    pip is the real one. All it can get are wheels made here; among them is a newer torch, and lightning is missing.
    """
    folder = tmp_path_factory.mktemp("colab")
    wheels = folder / "wheels"
    wheels.mkdir()
    make_wheel(wheels, "torch", "2.14.1")
    make_wheel(wheels, "numpy", "2.4.6")
    make_wheel(wheels, "torchmetrics", "1.9.0", ("torch>=2.0",))
    make_wheel(wheels, "lightning", LIGHTNING, ("torch<4,>=2.1", "torchmetrics>0.7", "numpy"))
    python = next(found for found in (shutil.which("python3.12"), sys.executable) if found and _works(found))
    subprocess.run([python, "-m", "venv", str(folder / "venv")], check=True)
    inside = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    where = subprocess.run(
        [str(inside), "-c", SITE_PACKAGES], capture_output=True, check=True, text=True
    ).stdout.strip()
    fake_packages(Path(where), INSTALLED)
    return inside, {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": str(wheels)}


def _works(python: str) -> bool:
    return subprocess.run([python, "-c", "import ensurepip"], capture_output=True, check=False).returncode == 0


def installed(python: Path) -> dict[str, str]:
    question = "import json, importlib.metadata as m; print(json.dumps({d.name: d.version for d in m.distributions()}))"
    return json.loads(subprocess.run([str(python), "-c", question], capture_output=True, check=True, text=True).stdout)


def run_there(python: Path, notebook: Path, **variables: str) -> subprocess.CompletedProcess:
    from online_session import RUN_START_CELL

    call = [str(python), "-c", RUN_START_CELL, str(notebook), ""]
    variables = environment(PYTHONPATH=str(STAND_INS), **variables)
    return subprocess.run(call, cwd=notebook.parent, env=variables, capture_output=True, text=True, check=False)


def test_only_what_is_missing_is_installed_and_torch_stays(content, files, colab_python):
    python, pip = colab_python
    before = installed(python)
    notebook = put(content, "01_warmup.ipynb", files["intro/01_warmup.ipynb"])

    # A release of lightning that wants another torch is refused, in words, and changes nothing.
    wanting = content.parent / "wanting"
    wanting.mkdir()
    make_wheel(wanting, "lightning", LIGHTNING, ("torch>=2.14",))
    make_wheel(wanting, "torch", "2.14.1")
    done = run_there(python, notebook, **pip | {"PIP_FIND_LINKS": str(wanting)})
    (line,) = done.stderr.splitlines()
    assert line.startswith("CourseError: What the course needs cannot be installed beside what is here (")
    assert installed(python) == before

    done = run_there(python, notebook, **pip)
    assert done.returncode == 0, done.stderr
    assert f"Installing lightning=={LIGHTNING} ..." in done.stdout
    after = installed(python)
    assert after == before | {"lightning": LIGHTNING, "torchmetrics": "1.9.0"}
    assert after["torch"] == "2.11.0+cu128" and after["numpy"] == "2.0.2"

    done = run_there(python, notebook, **pip | {"PIP_FIND_LINKS": "nowhere"})
    assert done.returncode == 0 and "Installing" not in done.stdout


def test_constraints_are_the_versions_that_count_and_pip_reads_all_of_them(tmp_path, monkeypatch):
    """System-wide packages have versions that pip refuses to read, and older copies of what is installed above them."""
    from segkit.online.requirements import _installed

    fake_packages(tmp_path / "system", {"tqdm": "4.1", "shadowed": "1.0", "devscripts": "2.22.1ubuntu1"})
    fake_packages(tmp_path / "own", {"Shadowed": "2.0+cu128", "early": "1.0rc1"})
    monkeypatch.setattr(sys, "path", [str(tmp_path / "own"), str(tmp_path / "system")])
    assert _installed() == ["early==1.0rc1", "shadowed==2.0+cu128", "tqdm==4.1"]


def test_torch_is_never_installed(content, files, tmp_path):
    without = {name: version for name, version in INSTALLED.items() if name != "torch"}
    packages = fake_packages(tmp_path / "packages", without)
    done = run_start_cell(put(content, "01_warmup.ipynb", files["intro/01_warmup.ipynb"]), packages)
    (line,) = done.stderr.splitlines()
    assert line.startswith("CourseError: torch is not installed here, and the course does not choose one")


# --- whole notebooks ------------------------------------------------------------------------------------------------


def execute(notebook: Path, home: Path, **variables: str) -> subprocess.CompletedProcess:
    """`jupyter execute` in a kernel that has imported `google.colab`, as Colab's has."""
    startup = home / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True, exist_ok=True)
    (startup / "00-colab.py").write_text("import google.colab\n")
    call = [sys.executable, "-m", "jupyter", "execute", "--inplace", "--timeout=600", notebook.name]
    variables = environment(PYTHONPATH=str(STAND_INS), IPYTHONDIR=str(home / "ipython"), **variables)
    return subprocess.run(call, cwd=notebook.parent, env=variables, capture_output=True, text=True, check=False)


def test_notebook_1_runs_to_its_end_in_colab_with_data_in_drive(content, files, tmp_path):
    mine = completed("segformer/01_data", with_drive_ticked(files["segformer/01_data.ipynb"]))
    notebook = put(content, "01_data.ipynb", mine)
    result = execute(notebook, tmp_path)
    assert result.returncode == 0, result.stderr[-3000:]
    require_clean_run(nbformat.read(notebook, as_version=4))
    drive = content / "drive" / "MyDrive" / "segformer-course" / "segformer"
    assert list(drive.glob("data/*/manifest.json"))
    assert not (content / "data").exists() and not (content / "segformer-course" / "segformer" / "data").exists()


KEEP = "from segkit.online.colab import keep_notebook; keep_notebook()"


def test_what_is_written_in_a_page_that_a_badge_opened_is_put_into_drive(content, files, packages, tmp_path):
    page = put(tmp_path, "page.ipynb", completed("intro/01_warmup", files["intro/01_warmup.ipynb"]))
    notebook = put(content, "01_warmup.ipynb", with_drive_ticked(files["intro/01_warmup.ipynb"]))
    done = run_start_cell(notebook, packages, then=KEEP, COLAB_PAGE=str(page))
    target = content / "drive" / "MyDrive" / "segformer-course" / "intro" / "01_warmup.ipynb"
    assert f"{target} holds what is open here" in done.stdout, done.stderr
    kept = nbformat.read(target, as_version=4)
    assert [cell.source for cell in kept.cells] == [cell.source for cell in nbformat.read(page, as_version=4).cells]


@pytest.mark.parametrize("other", ["work", "half"])
def test_it_is_not_put_over_other_work(content, files, packages, tmp_path, other):
    page = put(tmp_path, "page.ipynb", completed("intro/01_warmup", files["intro/01_warmup.ipynb"]))
    notebook = put(content, "01_warmup.ipynb", with_drive_ticked(files["intro/01_warmup.ipynb"]))
    assert run_start_cell(notebook, packages).returncode == 0
    drive = content / "drive" / "MyDrive" / "segformer-course" / "intro"
    whole = edited(files["intro/01_warmup.ipynb"], lambda cells: cells[-1].update(source="Other work."))
    target = put(drive, "01_warmup.ipynb", whole if other == "work" else whole[: len(whole) // 2])
    before = target.read_bytes()
    done = run_start_cell(notebook, packages, then=KEEP, COLAB_PAGE=str(page))
    assert "has other work in it" in done.stderr and target.read_bytes() == before


def test_the_warm_up_is_handed_in_from_the_page_that_is_open_in_colab(content, files, tmp_path):
    mine = completed("intro/01_warmup", files["intro/01_warmup.ipynb"])

    def hand_in(cells):
        cell = next(cell for cell in cells if "submit(" in cell["source"])
        cell["source"] = 'from segkit import submit\nsubmit(student="ada")'

    mine = edited(mine, hand_in)
    page = put(tmp_path, "page.ipynb", mine)
    notebook = put(content, "01_warmup.ipynb", mine)
    result = execute(notebook, tmp_path, COLAB_PAGE=str(page))
    assert result.returncode == 0, result.stderr[-3000:]
    executed = nbformat.read(notebook, as_version=4)
    require_clean_run(executed)
    folder = content / "segformer-course" / "intro"
    (handed_in,) = folder.glob("intro-ada-*.zip")
    with zipfile.ZipFile(handed_in) as archive:
        shown = nbformat.reads(archive.read("01_warmup.ipynb").decode(), as_version=4)
    assert [cell.source for cell in shown.cells] == [cell.source for cell in executed.cells]
    last = next(cell for cell in executed.cells if cell.source.startswith("from segkit import submit"))
    said = "".join(output.text for output in last.outputs)
    assert f"The browser downloads {handed_in}" in said
    assert "not written yet" not in said and "is empty" not in said
