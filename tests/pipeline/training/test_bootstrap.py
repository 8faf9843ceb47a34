import pytest

from pipeline.training.bootstrap import mean_by_day, ratio


def test_values_of_one_day_count_as_one_draw() -> None:
    alone = [f"2024-01-{day:02}" for day in range(1, 21)]
    values = [float(number % 2) for number in range(20)]
    apart = mean_by_day(values, alone)
    together = mean_by_day(values, [alone[number % 2] for number in range(20)])

    assert apart.mean == together.mean == 0.5
    assert apart.high - apart.low < together.high - together.low == 1.0


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    # 0 or 1 by a fixed shuffle, days of three: the truth is a half.
    covered = 0
    for trial in range(40):
        values = [float((trial * 7919 + number * 104_729) % 211 < 105) for number in range(300)]
        found = mean_by_day(values, [str(number // 3) for number in range(300)])
        covered += found.low <= 105 / 211 <= found.high
    assert covered >= 34


def test_the_same_seed_draws_the_same_days_and_another_one_others() -> None:
    values, days = [0.1, 0.4, 0.2, 0.9, 0.3], ["a", "a", "b", "c", "d"]

    assert mean_by_day(values, days, 7) == mean_by_day(values, days, 7)
    many = [float(number * 37 % 11) for number in range(45)]
    assert mean_by_day(many, list("abcdefghi") * 5, 7) != mean_by_day(many, list("abcdefghi") * 5, 8)


@pytest.mark.parametrize(("values", "days"), [([], []), ([1.0], []), ([1.0], ["a", "b"])])
def test_values_without_their_days_are_refused(values: list[float], days: list[str]) -> None:
    with pytest.raises(ValueError):
        mean_by_day(values, days)


def test_a_ratio_is_of_sums_and_draws_its_terms_together() -> None:
    # Whatever is drawn, above is half of below.
    found = ratio([1.0, 20.0, 3.0], [2.0, 40.0, 6.0])

    assert found == (0.5, 0.5, 0.5)
    assert ratio([1.0, 0.0], [1.0, 3.0]).mean == 0.25
