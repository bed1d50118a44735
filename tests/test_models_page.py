"""docs/models.md: its blocks run as printed, the recipes for other programs where these are installed."""

from __future__ import annotations

import importlib
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import sigmaijk as sg

PAGE = Path(__file__).resolve().parents[1] / "docs" / "models.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
LIBRARIES = [re.findall(r"^import (\w+)", block, re.MULTILINE) for block in BLOCKS]
RECIPES = {"sympy", "pythtb", "tbmodels", "sisl", "kwant", "qsymm"}


def test_every_recipe_is_on_the_page():
    assert {name for names in LIBRARIES for name in names} == RECIPES | {"numpy", "sigmaijk"}


@pytest.mark.parametrize("number", range(len(BLOCKS)), ids=["-".join(names) for names in LIBRARIES])
def test_a_block_of_the_page_runs_as_printed(number: int):
    names: dict[str, object] = {"sg": sg, "np": np}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of other libraries when they are imported are theirs
        for library in LIBRARIES[number]:
            pytest.importorskip(library)
        if "kwant" in LIBRARIES[number]:
            importlib.import_module("kwant.wraparound")
        exec(compile(BLOCKS[number], str(PAGE), "exec"), names)
    model = names["model"] if "model" in names else sg.from_model(names["graphene"])
    assert isinstance(model, sg.LatticeModel | sg.ContinuumModel)
    assert np.abs(model.hamiltonian(np.full((1, model.dim), 0.3))).max() > 0.1
