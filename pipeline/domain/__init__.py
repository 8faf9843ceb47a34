"""Betting arithmetic: numbers in, numbers out. It knows no records, no time and no I/O.

Everywhere here a price is decimal odds (total return per unit staked, above 1), a probability lies in
[0, 1], and the outcomes of a market keep the order of its kind: home, away[, draw]; over, under.
"""
