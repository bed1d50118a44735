"""What a run says while it works, on stderr: a live line on a terminal, plain lines elsewhere, or nothing."""

from __future__ import annotations

import math
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.live import Live

SECONDS_BETWEEN_LINES = 30.0


class Progress(Protocol):
    """Told by the driver how far it is; a context manager around the run."""

    def update(self, k_points: int, error_ratio: float, message: str = "") -> None:
        """k-points spent so far, the largest error over its tolerance (inf if unknown), and what is being done."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def make_progress(enabled: bool, stream: TextIO | None = None) -> Progress:
    """The progress that suits `stream` (default stderr), or a silent one."""
    target = sys.stderr if stream is None else stream
    if not enabled:
        return SilentProgress()
    return LiveProgress(target) if target.isatty() else LineProgress(target)


class SilentProgress:
    """Says nothing."""

    def update(self, k_points: int, error_ratio: float, message: str = "") -> None:
        """Do nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing."""


class LineProgress(SilentProgress):
    """One plain line at most every 30 s, for log files and batch queues."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._start = self._last = clock()

    def update(self, k_points: int, error_ratio: float, message: str = "") -> None:
        """Write a line if the last one is 30 s old."""
        now = self._clock()
        if now - self._last < SECONDS_BETWEEN_LINES:
            return
        self._last = now
        self._stream.write(f"sigmaijk: {status(now - self._start, k_points, error_ratio, message)}\n")
        self._stream.flush()


class LiveProgress(SilentProgress):
    """One line that is redrawn in place on a terminal."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock, self._start = stream, clock, clock()
        self._live: Live | None = None

    def __enter__(self) -> Self:
        from rich.console import Console
        from rich.live import Live

        self._live = Live(console=Console(file=self._stream), transient=True, refresh_per_second=4)
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the line away."""
        if self._live is not None:
            self._live.stop()

    def update(self, k_points: int, error_ratio: float, message: str = "") -> None:
        """Redraw the line."""
        from rich.text import Text

        if self._live is not None:
            self._live.update(Text(status(self._clock() - self._start, k_points, error_ratio, message)))


def status(seconds: float, k_points: int, error_ratio: float, message: str) -> str:
    """One line: elapsed time, k-points, error over tolerance, what is being done."""
    minutes, rest = divmod(int(seconds), 60)
    ratio = f"{error_ratio:.3g}" if math.isfinite(error_ratio) else "not known yet"
    line = f"{minutes}:{rest:02d} elapsed, {k_points:,} k-points, error/tolerance {ratio}"
    return f"{line}, {message}" if message else line
