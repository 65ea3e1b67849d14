"""nbgrader's settings for this course, shared by `nbgrader_config.py` and the build."""

from pathlib import Path

from traitlets.config import Config

from autograder.paths import ROOT


def configure(config: Config, root: Path = ROOT) -> None:
    """Set what makes nbgrader grade with us; everything else stays nbgrader's own."""
    config.CourseDirectory.root = str(root)
    config.CourseDirectory.course_id = "segformer-course"
    config.CourseDirectory.source_directory = "solutions"
    config.CourseDirectory.release_directory = "notebooks"
    # nbgrader copies whatever stands in a source folder to the students, and over their files when it grades.
    config.CourseDirectory.ignore = [
        ".ipynb_checkpoints", "*.pyc", "__pycache__", ".pytest_cache", ".ruff_cache", ".*", "*.py", "*.md",
        "data", "checkpoints", "logs", "*.ckpt",
    ]  # fmt: skip
    config.ClearSolutions.text_stub = "*Your answer here.*"
    # What these two lists leave out of nbgrader's own, triage has done already: clearing check cells, unique ids.
    config.Autograde.exporter_class = "autograder.nbgrader_plugin.TriageExporter"
    config.Autograde.sanitize_preprocessors = [
        "nbgrader.preprocessors.OverwriteKernelspec",
        "nbgrader.preprocessors.OverwriteCells",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    config.Autograde.autograde_preprocessors = [
        "autograder.nbgrader_plugin.GradeInWorker",
        "nbgrader.preprocessors.LimitOutput",
        "nbgrader.preprocessors.SaveAutoGrades",
        "nbgrader.preprocessors.AssignLatePenalties",
        "nbgrader.preprocessors.CheckCellMetadata",
    ]
    config.AssignLatePenalties.plugin_class = "autograder.course.late.SharePerDay"
    config.ExportApp.plugin_class = "autograder.exports.capped.CappedGrades"
