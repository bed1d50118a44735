"""A pool of threads over independent pieces of NumPy work, which releases the interpreter lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def usable_cores() -> int:
    """Number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(function: Callable[[Task], Result], tasks: Sequence[Task], threads: int | None = None) -> Iterable[Result]:
    """Results in the order of the tasks, a few of them ahead of the consumer; what a task raises is raised here."""
    workers = min(usable_cores() if threads is None else threads, len(tasks))
    if workers <= 1:
        return (function(task) for task in tasks)
    return _pooled(function, tasks, workers)


def _pooled(function: Callable[[Task], Result], tasks: Sequence[Task], workers: int) -> Iterator[Result]:
    with ThreadPoolExecutor(workers) as pool:
        waiting: list[Future[Result]] = []
        for task in tasks:
            waiting.append(pool.submit(function, task))
            if len(waiting) > 2 * workers:
                yield waiting.pop(0).result()
        while waiting:
            yield waiting.pop(0).result()
