"""Jupyter's own programs and pages for tests: a server on a folder, and what a person does in JupyterLab."""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

START_SECONDS = 90
expect.set_options(timeout=60_000)  # milliseconds: a busy machine is no mistake
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},  # else cells outside the window are no part of the page
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


@contextlib.contextmanager
def jupyter_lab(folder: Path, private: Path, *, without: tuple[str, ...] = ()) -> Iterator[str]:
    """JupyterLab on a folder, with nobody's settings; its address.

    Args:
        private: a folder for its own files.
        without: variables of the environment that it does not get.
    """
    for name, values in SETTINGS.items():
        path = private / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    own = {"HOME": private, "JUPYTER_CONFIG_DIR": private / "config", "JUPYTER_RUNTIME_DIR": private / "runtime"}
    own |= {"JUPYTERLAB_SETTINGS_DIR": private / "settings", "JUPYTER_DATA_DIR": private / "data"}
    environment = {name: value for name, value in os.environ.items() if name not in without}
    environment |= {name: str(value) for name, value in own.items()}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
    call = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", "--IdentityProvider.token="]
    call += ["--ServerApp.port=0", "--ServerApp.port_retries=0"]  # whichever is free when it asks
    with (private / "log").open("wb") as log, subprocess.Popen(call, cwd=folder, env=environment, stderr=log) as server:
        try:
            yield _wait_until_it_answers(server, private)
        finally:
            server.terminate()


def _wait_until_it_answers(server: subprocess.Popen, private: Path) -> str:
    """Its address, which it writes down for other programs."""
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        for written in (private / "runtime").glob("jpserver-*.json"):
            with contextlib.suppress(OSError, ValueError):  # not yet
                address = f"http://127.0.0.1:{json.loads(written.read_text())['port']}"
                urllib.request.urlopen(f"{address}/api/status", timeout=5).close()
                return address
        time.sleep(0.2)
    raise AssertionError(f"Jupyter did not start: {(private / 'log').read_text()[-2000:]}")


def open_notebook(page: Page, address: str, path: str) -> None:
    """Open a notebook in JupyterLab and wait for its kernel."""
    page.goto(f"{address}/lab/tree/{path}?reset")
    expect(page.locator(".jp-NotebookPanel .jp-Cell").nth(3)).to_be_attached(timeout=60_000)
    expect(page.get_by_role("button", name=re.compile("ipykernel.*Idle"))).to_be_visible(timeout=60_000)


def menu(page: Page, *names: str) -> None:
    """Choose from the menu: `menu(page, "Run", "Run All Cells")`."""
    first, *rest = names
    page.locator(".lm-MenuBar-item").get_by_text(first, exact=True).click()
    for name in rest:
        page.locator(".lm-Menu-item").filter(has=page.get_by_text(name, exact=True)).click()


def cell(page: Page, source: str) -> Locator:
    """The code cell that holds this text."""
    return page.locator(".jp-CodeCell").filter(has=page.locator(".cm-content", has_text=source))


def write(page: Page, one: Locator, source: str) -> None:
    """Replace what stands in a cell, as somebody who pastes."""
    one.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(source)


def run(page: Page, one: Locator) -> None:
    """Run a cell with the keyboard and wait for it to end."""
    one.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    expect(one.locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\d+\]"))
