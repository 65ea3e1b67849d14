"""How tests share a machine: `make test` runs two processes of pytest-xdist side by side.

The tests of a file stay together in one process and in their order (`--dist loadfile`): they share fixtures and what is
computed once, and some build on others. A test that watches what belongs to the whole machine is marked `alone` and
runs while the other process waits.
"""

import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from autograder.grading.turns import Turns

if TYPE_CHECKING:
    from playwright.sync_api import Browser

IN_A_WORKER = "PYTEST_XDIST_WORKER" in os.environ


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known, and Ctrl-C what it is to a person."""
    config.addinivalue_line("markers", "alone(why): runs while no other process of this run is in a test")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # Started in the background, a shell has it ignored, and whatever the tests interrupt would not notice.
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files of few tests, which run notebooks or grade classes.

    At the end, one process has nothing left to do until the other is through with its file: it should be a quick one.
    """
    if IN_A_WORKER:
        sizes = Counter(item.path for item in items)
        items.sort(key=lambda item: sizes[item.path])


@pytest.hookimpl(wrapper=True, tryfirst=True)  # around everything: waiting is not part of a test's time
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """A test marked `alone` waits until no other process is in a test, and lets none begin one."""
    if not IN_A_WORKER:
        return (yield)
    turns = Turns(item.config.cache.mkdir("alone"))
    with turns.alone() if item.get_closest_marker("alone") else turns.beside_others():
        return (yield)


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Debian's Chromium, without a window."""
    from playwright.sync_api import sync_playwright  # where no test needs it, it need not be installed

    program = shutil.which("chromium")
    assert program, "Chromium is missing: `make browser` installs it, or `sudo apt-get install chromium`."
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=options)
        yield opened
        opened.close()
