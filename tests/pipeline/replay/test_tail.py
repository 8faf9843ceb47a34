"""Topics and archives as a person reads them."""

import pytest

from pipeline.errors import UsageError
from pipeline.replay.tail import moment


@pytest.mark.parametrize(
    "text",
    ["2025-09-14T16:00Z", "2025-09-14T16:00", "2025-09-14T18:00+02:00", "1757865600", "1757865600000"],
)
def test_a_time_is_iso_or_unix_and_utc_where_it_names_no_zone(text: str) -> None:
    assert moment(text) == 1_757_865_600_000


def test_what_is_no_time_says_how_to_write_one() -> None:
    with pytest.raises(UsageError, match="write it as 2025-09-14T17:00Z"):
        moment("noon")
