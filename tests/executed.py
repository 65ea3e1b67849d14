"""What must hold of a notebook that was run from top to bottom."""

import re

from nbformat import NotebookNode

IN_JUPYTERLAB = ("01_data", "02_modules", "03_model", "04_results", "05_discussion")  # of segformer
PROGRESS = re.compile(r"(?:[\w .-]+:)? *\d+%\|.*\] *$")  # a bar, which is shown where work takes more than a moment


def require_clean_run(notebook: NotebookNode) -> None:
    """Every code cell was run, and nothing but progress was said on the error stream.

    A warning in a student's notebook looks like the student's mistake.
    """
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    assert all(cell.execution_count for cell in cells)
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    said = [output.text for output in outputs if output.get("name") == "stderr"]
    lines = [line for text in said for line in re.split(r"[\r\n]+", text) if line.strip()]
    noise = [line for line in lines if not PROGRESS.match(line)]
    assert not noise, noise[:3]
