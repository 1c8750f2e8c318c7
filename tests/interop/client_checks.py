"""How the scripts about the Python module of this project say what holds: the first that does not ends them.

Not run by itself. Importing it makes `btd` the module in `client/python`, whatever is installed.
"""

import pathlib
import sys
import time

#: Where the module is.
CLIENT = pathlib.Path(__file__).resolve().parents[2] / "client/python"
sys.path.insert(0, str(CLIENT))


def check(what, holds, seen=""):
    """One line: what should hold, and what was seen."""
    print(f"{'ok  ' if holds else 'FAIL'} {what}: {str(seen)[:400 if not holds else 160]}", flush=True)
    if not holds:
        sys.exit(1)


def refused(what, kind, words, call):
    """That a call raises an error of that kind, with those words."""
    try:
        call()
    except kind as error:
        check(what, words in str(error), error)
    else:
        check(what, False, "nothing was said")


def until(what, holds, patience=20):
    """That something holds before long."""
    deadline = time.monotonic() + patience
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    check(what, holds())
