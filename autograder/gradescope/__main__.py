"""`python -m autograder.gradescope /autograder`: what `run_autograder` starts. Status 1: nothing could be graded."""

import sys
from pathlib import Path

from segkit.errors import CourseError

if __name__ == "__main__":
    from autograder.gradescope.running import run

    try:
        run(Path(sys.argv[1]).resolve())
    except CourseError as error:
        # Gradescope keeps this for the instructor; without results it gives no marks, and says so to the student.
        print(f"autograder: {error}", flush=True)
        sys.exit(1)
