"""Progress: plain lines at most every 30 s, a live line on a terminal, or silence."""

from __future__ import annotations

import io
import math

from sigmaijk.progress import LineProgress, LiveProgress, SilentProgress, make_progress, status


class Clock:
    """A clock that tests set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_plain_lines_come_at_most_every_30_seconds():
    stream, clock = io.StringIO(), Clock()
    with LineProgress(stream, clock) as progress:
        for clock.now in (1.0, 29.0, 31.0, 45.0, 60.9, 61.1):
            progress.update(int(1000 * clock.now), 2.5, "refining")
    assert stream.getvalue().splitlines() == [
        "sigmaijk: 0:31 elapsed, 31,000 k-points, error/tolerance 2.5, refining",
        "sigmaijk: 1:01 elapsed, 61,100 k-points, error/tolerance 2.5, refining",
    ]


def test_an_error_that_is_not_known_yet_is_called_so():
    assert status(3723.0, 5, math.inf, "") == "62:03 elapsed, 5 k-points, error/tolerance not known yet"


def test_a_terminal_gets_a_live_line_that_goes_away():
    stream = Terminal()
    with make_progress(True, stream) as progress:
        assert isinstance(progress, LiveProgress)
        progress.update(1234, 7.0)
    assert "1,234 k-points, error/tolerance 7" in stream.getvalue()
    assert stream.getvalue().endswith("\x1b[2K")


def test_disabled_progress_says_nothing():
    stream = Terminal()
    with make_progress(False, stream) as progress:
        assert isinstance(progress, SilentProgress)
        progress.update(1, 1.0)
    assert stream.getvalue() == ""
