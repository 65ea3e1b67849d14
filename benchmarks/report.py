"""How long does the class report take, and does it find copies among many students?

`python benchmarks/report.py --students 300`

Makes up a class: everybody writes right answers or misconceptions, drawn from those that the tests know, in a hand of
their own, and two students hand in another one's notebooks with names changed, comments added and methods in another
order. Prints a table, then one line of JSON. Making up the class takes longer than the report, and does not count.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from report_class import ASSIGNMENT, COPIES, make_class, realistic_class

from autograder.course.marks import read_marks
from autograder.report.answers import read_answers
from autograder.report.page import pairs_of
from autograder.report.writing import compare_all, make_report, write_report


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--students", type=int, default=300)
    students = parser.parse_args().students
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), students)
    for name, value in figures.items():
        print(f"{name:<42}{value:>10}")
    print(json.dumps(figures))


def measure(root: Path, students: int) -> dict[str, float]:
    """Seconds of the whole report and of its parts, and what was found."""
    members = realistic_class(students)
    make_class(root, members)
    ids = sorted(member.id for member in members)
    write, out = timed(write_report, root, ASSIGNMENT, root / "report.html")
    marks, _ = timed(read_marks, root, ASSIGNMENT)
    reading, (answers, released) = timed(read_answers, root, ASSIGNMENT, ids)
    comparing, comparisons = timed(compare_all, ASSIGNMENT, answers, released)
    strong, weak = pairs_of(make_report(root, ASSIGNMENT, out))
    copies = [{members[original].id, members[copy].id} for original, copy in COPIES]
    places = [place for place, row in enumerate(strong, start=1) if set(row["names"]) in copies]
    return {
        "students": students,
        "pairs compared": sum(one.students * (one.students - 1) // 2 for one in comparisons),
        "seconds for the report": round(write, 1),
        "seconds for the gradebook": round(marks, 1),
        "seconds for the submissions": round(reading, 1),
        "seconds for comparing": round(comparing, 1),
        "peak memory, MiB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "size of the page, KiB": round(out.stat().st_size / 1024),
        "copies, in all": len(copies),
        "copies, among the first pairs": sum(place <= len(copies) for place in places),
        "other pairs with strong signs": len(strong) - len(places),
        "other pairs with weaker signs": len(weak),
    }


def timed(do, *given):
    """Seconds, and what it gave."""
    start = time.perf_counter()
    result = do(*given)
    return time.perf_counter() - start, result


if __name__ == "__main__":
    main()
