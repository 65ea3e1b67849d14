"""Hostile trained models in a class of their own, beside an honest one; what each of them got is printed."""

import re
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import pytest
import torch
from attack import Place
from checks import active
from trained_models import CODE, MODEL_ATTACKS, ModelAttack, settings, weights

from autograder.evaluation.trained_model import Judged, KeptEvaluations, Rules, judge_trained_model
from autograder.grading.verdicts import Basis, TaskVerdict, Verdict
from autograder.leaderboard.entries import read_entries
from autograder.leaderboard.page import as_page
from autograder.leaderboard.table import as_csv
from autograder.sandbox import Limits, Submission, Worker
from autograder.sandbox.limits import MIB
from autograder.triage.finding import find_files
from autograder.triage.results import choose_results
from segkit.evaluation.scale import read_scale
from segkit.sample import make_sample
from segkit.student import Cell
from segkit.subset import build_subset

POINTS = 5.0
HONEST = ModelAttack(
    "honest", "nothing", lambda place: {"results/model.safetensors": weights(), "results/settings.json": settings()}, ""
)


@dataclass(frozen=True)
class Class:
    """What came of everybody."""

    root: Path
    place: Place
    judged: dict[str, Judged]

    def points(self, name: str) -> float:
        """Of one of them."""
        return TaskVerdict("trained_model", POINTS, [self.judged[name].finding]).points


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Class]:
    """Everybody hands in, is evaluated, and has a verdict."""
    root, data = tmp_path_factory.mktemp("course"), tmp_path_factory.mktemp("set-aside")
    build_subset(make_sample(data / "raw", 2, 5), data / "four", progress=False)
    names = {"DATA": str(data), "COURSE": str(root), "HOME": str(Path.home())}
    place = Place(secrets.token_hex(8), names)
    rules = Rules(data / "four", read_scale("0: 0, 1: 1"), seconds=60.0)
    judged = {}
    for student in (HONEST, *MODEL_ATTACKS):
        folder = root / "submitted" / student.name / "segformer"
        student.write(folder, place)
        judged[student.name] = _judge(student, folder, rules, place)
        _write_verdict(root, student.name, judged[student.name])
    yield Class(root, place, judged)


def _judge(student: ModelAttack, folder: Path, rules: Rules, place: Place) -> Judged:
    submission = Submission("segformer", "03_model", {"03_model": [Cell(1, place.fill(student.code))]})
    return judge_trained_model(
        choose_results(find_files(folder, [])),
        submission,
        "SegFormer",
        rules,
        limits=Limits(memory=1500 * MIB),
        make_worker=partial(Worker),
        kept=KeptEvaluations(None),
        report=lambda done, total: None,
    )


def _write_verdict(root: Path, student: str, judged: Judged) -> None:
    basis = Basis("", "", "", {}, "cpu", {}, "bubblewrap", "", 0)
    task = {"trained_model": TaskVerdict("trained_model", POINTS, [judged.finding])}
    verdict = Verdict("segformer", "04_results", "", basis, task, [], evaluation=judged.evaluation)
    verdict.write(root / "verdicts" / "segformer" / student / "04_results.json")


def test_the_table(graded: Class, capsys: pytest.CaptureFixture):
    with capsys.disabled():
        print()
        for student in (*MODEL_ATTACKS, HONEST):
            print(f"{student.name:<18} {graded.points(student.name):>5g} of {POINTS:g}  {student.tries}")
            print(f"{'':<31}{student.outcome}")
    assert 0 < graded.points("honest") < POINTS


@pytest.mark.parametrize("attack", MODEL_ATTACKS, ids=lambda attack: attack.name)
def test_nobody_gains_and_what_came_of_it_is_said(graded: Class, attack: ModelAttack):
    judged, honest = graded.judged[attack.name], graded.judged["honest"]
    if attack.says:
        assert attack.says in judged.finding.message and graded.points(attack.name) == 0
        assert judged.evaluation is None
    else:
        # The same weights in code that computes the same: whatever is claimed beside them, the same measurement.
        assert judged.finding.message is None and graded.points(attack.name) == graded.points("honest")
        measured = ("mean_iou", "per_class", "images", "parameters", "multiply_adds")
        assert all(asdict(judged.evaluation)[key] == asdict(honest.evaluation)[key] for key in measured)


def test_nothing_was_executed_or_left_behind(graded: Class):
    (graded.root / graded.place.fill("@MARK@")).touch()  # so that one is there to be found
    assert graded.place.left_behind(graded.root) == {graded.root / graded.place.fill("@MARK@")}


def test_the_attack_on_labels_would_have_found_them_outside_of_the_sandbox(graded: Class):
    """So that its failure is the sandbox's doing."""
    attack = next(attack for attack in MODEL_ATTACKS if attack.name == "reads_labels")
    names = {"__name__": "attack"}
    exec(re.sub(r', "/tmp".*?\]', "]", graded.place.fill(attack.code)), names)  # the two places that it was told
    with pytest.raises(ValueError, match="labels within reach"):
        names["SegFormer"]()(torch.zeros(1, 3, 64, 64))


def test_the_leaderboard_shows_names_as_they_were_typed_and_no_more(graded: Class):
    entries = read_entries(graded.root, "segformer", b"secret")
    page = as_page(entries, "x")
    assert active(page, graded.place.token) == [] and f"mark-{graded.place.token}" in page
    assert "'=1<" in as_csv(entries)
    assert {entry.rank for entry in entries} == {1}, "nobody stands above the honest model"
    assert CODE not in page
