"""Sums of money as people read them."""


def money(minor: int) -> str:
    """Minor units, hundredths, as 1,234.50."""
    whole, hundredths = divmod(abs(minor), 100)
    return f"{'-' if minor < 0 else ''}{whole:,}.{hundredths:02}"
