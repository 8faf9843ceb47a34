from producers.tally import MOST_REASONS, Tally


def test_a_report_spells_out_the_most_frequent_reasons_and_counts_the_others() -> None:
    tally = Tally()
    for nth in range(MOST_REASONS + 3):
        for place in range(2 if nth == 7 else 1):
            tally.refuse("odds.snapshots", f"reason {nth}", f"place {place}")

    report = tally.report()

    assert report[1] == f"refused {MOST_REASONS + 4}"
    assert report[2] == "  2 x reason 7 (first: place 0)"
    assert report[-1] == "  and 3 more reasons"
