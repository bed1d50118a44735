"""Every error and warning that sigmaijk raises on purpose.

Classes for bad arguments derive from `SigmaijkError` and from the built-in class that a caller would expect, so that
`except ValueError` keeps working.
"""

from __future__ import annotations


class SigmaijkError(Exception):
    """Base of every error raised on purpose."""


class ArgumentError(SigmaijkError, ValueError):
    """An argument has a value that cannot be used."""


class ArgumentTypeError(SigmaijkError, TypeError):
    """An argument has a type that cannot be used."""


class ModelError(SigmaijkError, ValueError):
    """A Hamiltonian is not Hermitian, not finite, of the wrong shape, or open where it must be closed."""


class JetError(SigmaijkError, TypeError):
    """A user's H(kx, ky[, kz]) does something that exact differentiation cannot follow."""


class FileFormatError(SigmaijkError, ValueError):
    """A file is truncated, corrupted or of another format; the message names the file and the line."""

    def __init__(self, path: object, line: int | None, problem: str) -> None:
        self.path, self.line = path, line
        where = f"{path}" if line is None else f"{path}, line {line}"
        super().__init__(f"{where}: {problem}")


class InputFileError(SigmaijkError, OSError):
    """An input file is missing or cannot be opened; the message names the path."""


class JobError(SigmaijkError, ValueError):
    """A job file has an unknown key or a value that cannot be used."""


class OutputError(SigmaijkError, OSError):
    """A result can be written nowhere."""


class UnsupportedFeatureError(SigmaijkError, NotImplementedError):
    """The argument belongs to a feature that does not exist yet; the message names the feature."""


class SigmaijkWarning(UserWarning):
    """Base of every warning raised on purpose: the result still holds."""


class ConvergenceWarning(SigmaijkWarning):
    """A limit ended the run before the tolerance was met; the reported error is honest."""


class SingularResponseWarning(SigmaijkWarning):
    """A term diverges at some (kT, mu); the entry holds the resolved part and its error is infinite."""


class MissingPositionsWarning(SigmaijkWarning):
    """A file has no orbital positions, so Omega, g and G lack their contribution."""


class InputHealthWarning(SigmaijkWarning):
    """An input is usable, but something in it deserves a second look (dropped hoppings, asymmetry)."""


class ThresholdWarning(SigmaijkWarning):
    """A result depends on the degeneracy tolerance by more than its error."""


class SymmetryWarning(SigmaijkWarning):
    """A symmetry holds only roughly, or a result does not have one that its model has."""
