"""Products of operations: what closes a set of them, and what is missing for a group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import ArgumentError
from .operation import MOST_FOLD, Operation, index_of

MOST = 192
"""The largest group that is built: m-3m1' has 96 operations, the twelvefold axis with all mirrors and 1' as many."""


def closed(operations: Sequence[Operation], dim: int) -> list[Operation]:
    """The operations and all their products, sorted; raises ArgumentError if there is no end to them."""
    found = [Operation(np.eye(dim))]
    for operation in operations:
        place = index_of(found, operation)
        if place is None:
            found.append(operation)
    keys = {key_of(operation): operation for operation in found}
    fresh = list(keys.values())
    while fresh:
        products = [a @ b for a in fresh for b in operations]
        fresh = []
        for product in products:
            key = key_of(product)
            if key not in keys:
                keys[key] = product
                fresh.append(product)
        if len(keys) > MOST:
            worst = next((item for item in operations if _fold(item) is None), operations[0])
            raise ArgumentError(
                f"the operations generate no finite group (over {MOST} products): {worst.label} fits badly with the "
                f"others; rotation {np.round(worst.rotation, 6).tolist()}"
            )
    return ordered(keys.values())


def missing_products(operations: Sequence[Operation]) -> list[Operation]:
    """Products of two operations that are not among them."""
    keys = {key_of(operation) for operation in operations}
    absent: dict[tuple[float, ...], Operation] = {}
    for a in operations:
        for b in operations:
            product = a @ b
            if key_of(product) not in keys:
                absent[key_of(product)] = product
    return list(absent.values())


def ordered(operations: object) -> list[Operation]:
    """Without time reversal first; rotations before improper ones; the identity first, then by angle and axis."""

    def place(operation: Operation) -> tuple[object, ...]:
        rotation = operation.rotation
        improper = np.linalg.det(rotation) < 0
        return (
            operation.time_reversal,
            improper,
            -round(float(np.trace(rotation)) * (-1 if improper else 1), 6),
            (operation.label),
        )

    return sorted(operations, key=place)  # pyright: ignore[reportArgumentType, reportCallIssue]


def key_of(operation: Operation) -> tuple[float, ...]:
    """What tells operations apart in a dictionary."""
    rounded = np.round(operation.rotation, 4) + 0.0
    return (*rounded.ravel().tolist(), float(operation.time_reversal))


def _fold(operation: Operation) -> int | None:
    """How often an operation must be repeated to give one that leaves space as it is; None beyond MOST_FOLD."""
    power = np.eye(operation.dim)
    for count in range(1, 2 * MOST_FOLD + 1):
        power = power @ operation.rotation
        if np.abs(power - np.eye(operation.dim)).max() < 1e-4:
            return count
    return None
