"""The page of symmetry and its table."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from sigmaijk.symmetry import all_symbols

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_examples_of_the_page_print_what_they_say(capsys: pytest.CaptureFixture[str]):
    blocks = re.findall(r"^```python\n(.*?)^```$", (DOCS / "symmetry.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "symmetry.md", "exec"), names)
    printed = capsys.readouterr().out
    for promised in (
        "2'm'm: E, Mx, PT, MyT\n",
        "yxx = -2 xxy\n",
        "PT forbids the Berry curvature dipole",
        "strain xz, of",
        "2'm'm: E, My, PT, MxT 2\n",
    ):
        assert promised in printed


def test_the_table_is_what_the_program_writes():
    spec = importlib.util.spec_from_file_location("make_symmetry_table", DOCS / "make_symmetry_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = (DOCS / "symmetry_table.md").read_text(encoding="utf-8")
    assert text == module.page()
    named = set(re.findall(r"`([^`|\n]+)`", text))
    assert named >= set(all_symbols())


def test_files_that_the_page_names_exist():
    for name in re.findall(r"`((?:docs|tests|src)/[\w./]+)`", (DOCS / "symmetry.md").read_text("utf-8")):
        assert (DOCS.parent / name).exists(), name
