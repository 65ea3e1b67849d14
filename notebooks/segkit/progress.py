"""Progress bars that suit where they are shown: a terminal, a log file, or a notebook."""

import io
import sys
import time

from tqdm import tqdm

SECONDS_BETWEEN_LINES = 30  # in a log file


def open_bar(total: int, done: int = 0, *, unit: str = "step", description: str = "", plain: bool = False) -> tqdm:
    """A bar of `total` steps, of which `done` are done; whoever opens it closes it, and then it goes away.

    `plain` prints lines of text as for a log file, wherever it is.
    """
    options = {"total": total, "initial": done, "unit": unit, "desc": description, "leave": False}
    if not plain and _in_notebook():
        return _NotebookBar(**options, file=io.StringIO(), ncols=100, mininterval=0.5, ascii=False)
    if plain or not sys.stdout.isatty():
        return _LogBar(**options, file=io.StringIO(), ncols=100, miniters=1, ascii=" #")
    return tqdm(**options, file=sys.stdout, dynamic_ncols=True)


def print_above(line: str, bar: tqdm):
    """Print a line that stays, above a bar that moves."""
    if type(bar) is tqdm:
        tqdm.write(line, file=sys.stdout)
    else:
        print(line, flush=True)


def _in_notebook() -> bool:
    return "ipykernel" in sys.modules and "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None


class _LogBar(tqdm):
    """The text bar for a log file or a pipe, which would keep every state of the bar: a line every 30 seconds."""

    monitor_interval = 0  # no thread
    _printed = 0.0

    def display(self, msg=None, pos=None):
        if self.n == self.initial:
            self._printed = time.monotonic()
        elif msg is None and time.monotonic() - self._printed > SECONDS_BETWEEN_LINES:
            self._printed = time.monotonic()
            print(self, flush=True)


class _NotebookBar(tqdm):
    """The text bar in an output of its own that is replaced: a saved notebook keeps its last state only.

    tqdm's own notebook bar needs ipywidgets, and its text bar leaves hundreds of lines in a saved notebook.
    """

    monitor_interval = 0
    _shown = None

    def display(self, msg=None, pos=None):
        from IPython.display import display

        content = {"text/plain": str(self) if msg is None else msg}
        if self._shown is None:
            self._shown = display(content, raw=True, display_id=True)
        else:
            self._shown.update(content, raw=True)
