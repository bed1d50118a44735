"""Writes docs/symmetry_table.md: what each of the 122 magnetic point groups leaves of each term.

    python docs/make_symmetry_table.py [--check]

With --check nothing is written; the exit status is 1 if the file is not what would be written.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sigmaijk.symmetry import all_symbols, group, tensor_form

TERMS = {"drude": "Drude", "bcd": "Berry curvature dipole", "qm": "quantum metric dipole"}
PAGE = Path(__file__).with_name("symmetry_table.md")
HEAD = """# The 122 magnetic point groups

Written by `docs/make_symmetry_table.py`; the counts are checked in `tests/symmetry/test_forms.py` against characters of
the groups in spglib's database. z is the main axis, y that of the monoclinic groups; x is a twofold axis or the normal
of a mirror of the trigonal and hexagonal groups. Components stand for both orders of jk; what is not listed vanishes.
LKA and QK (Table 1 of the founding paper) have as many independent components as Drude and quantum metric dipole
together. Groups in which all terms vanish are named at the end.

"""


def page() -> str:
    """The whole text."""
    rows, silent = [], []
    for symbol in all_symbols():
        operations = group(symbol)
        forms = {term: tensor_form(operations, term) for term in TERMS}
        both = forms["drude"].count + forms["qm"].count
        assert tensor_form(operations, "LKA").count == both
        if not any(form.count for form in forms.values()):
            silent.append(f"`{symbol}`")
            continue
        cells = [f"{form.count}: {form}" if form.count else "0" for form in forms.values()]
        rows.append(f"| `{symbol}` | {len(operations)} | {' | '.join(cells)} |")
    columns = ["group", "order", *TERMS.values()]
    head = f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n"
    closing = f"\nAll terms vanish in {len(silent)} groups: {', '.join(silent)}.\n"
    return HEAD + head + "\n".join(rows) + "\n" + closing


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        sys.exit(PAGE.read_text(encoding="utf-8") != page())
    PAGE.write_text(page(), encoding="utf-8")
