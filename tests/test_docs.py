"""The documentation: its examples run as printed, its pictures and files are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = ["README.md", "docs/method.md", "docs/theory.md", "docs/maps.md", "docs/published.md"]


@pytest.mark.parametrize("page", [*PAGES, "docs/small_gaps.md"])
def test_examples_of_the_page_run_as_printed(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert blocks
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, page, "exec"), names)


@pytest.mark.parametrize("page", PAGES)
def test_pictures_of_the_page_are_small_and_there(page: str):
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", (ROOT / page).read_text(encoding="utf-8"))
    assert pictures
    for picture in pictures:
        path = (ROOT / page).parent / picture
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size <= 200_000, f"{picture} is too large"


@pytest.mark.parametrize("page", PAGES)
def test_files_that_the_page_names_exist(page: str):
    named = set(re.findall(r"`((?:docs|benchmarks|tests|src)/[\w./]+|[A-Z]+\.md)`", (ROOT / page).read_text("utf-8")))
    assert named
    for name in named:
        assert (ROOT / name).exists(), name


def test_the_notebook_goes_from_a_wannier_file_to_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    """Its numbers are those of the model that the file was written from, in a cell of 0.382 nm."""
    folder = ROOT / "docs" / "examples"
    (tmp_path / "cumnas_tb.dat").write_bytes((folder / "cumnas_tb.dat").read_bytes())
    monkeypatch.chdir(tmp_path)
    text = (folder / "wannier_to_figure.py").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) <= 12
    exec(compile(text, "wannier_to_figure.py", "exec"), {})
    assert (tmp_path / "cumnas.png").read_bytes().startswith(b"\x89PNG")
    warm = float(capsys.readouterr().out.split("]")[0].split()[-1])
    assert warm == pytest.approx(0.382 * 0.01867602417 * 243.4134807, rel=2e-3)
