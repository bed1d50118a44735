"""Integrals over level sets of sheets E_n(k); knows no physics: a function k -> (E, v, F) and peaks in energy."""
