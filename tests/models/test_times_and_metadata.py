"""Times, days and metadata: where formats invite guessing."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.models.fields import Day, Duration, Metadata, Timestamp, parse_timestamp
from tests.models.test_fields import is_refused, read
from tests.properties import examples


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-01T14:30:00-03:00", datetime(2026, 3, 1, 17, 30, tzinfo=UTC)),
        ("2026-03-01T14:30:00Z", datetime(2026, 3, 1, 14, 30, tzinfo=UTC)),
        ("2026-03-01t14:30:00z", datetime(2026, 3, 1, 14, 30, tzinfo=UTC)),
        ("2026-03-01 14:30:00+00:00", datetime(2026, 3, 1, 14, 30, tzinfo=UTC)),
        ("2026-03-01T14:30:00-00:00", datetime(2026, 3, 1, 14, 30, tzinfo=UTC)),
        ("2026-03-01T14:30:00.1Z", datetime(2026, 3, 1, 14, 30, 0, 100_000, tzinfo=UTC)),
        ("2026-03-01T14:30:00.123456Z", datetime(2026, 3, 1, 14, 30, 0, 123_456, tzinfo=UTC)),
        ("2024-02-29T23:59:59+14:00", datetime(2024, 2, 29, 9, 59, 59, tzinfo=UTC)),
        ("2000-01-01T00:00:00Z", datetime(2000, 1, 1, tzinfo=UTC)),
        ("2099-12-31T23:59:59.999999Z", datetime(2099, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
    ],
)
def test_a_time_with_an_offset_is_that_moment_in_utc(text: str, moment: datetime) -> None:
    found = read(Timestamp, text)
    assert found == moment
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        "2026-03-01T14:30:00", "2026-03-01", "2026-03-01T14:30-03:00", "2026-03-01T14:30:00-03", "2026-03-01T14:30:00-0300",
        "20260301T143000Z", "2026-W09-7T14:30:00Z", "2026-03-01T14:30:00 Z", "2026-03-01T14:30:00Z\n", " 2026-03-01T14:30:00Z",
        "2026-03-01T14:30:00,5Z", "2026-03-01T14:30:00.Z", "2026-03-01T14:30:00.1234567Z", "2026-03-01T24:00:00Z",
        "2026-03-01T23:59:60Z", "2026-03-01T23:60:00Z", "2026-03-01T14:30:00+24:00", "2026-03-01T14:30:00+10:99",
        "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00", "1999-12-31T23:59:59Z", "2000-01-01T00:00:00+14:00", "2100-01-01T00:00:00Z",
        "2099-12-31T23:59:59-12:00", "10000-01-01T00:00:00Z", "\uff12026-03-01T14:30:00Z", "now", "", "infinity",
        0, 1772384400, 1772384400.5, True, None, float("nan"), 10**30, date(2026, 3, 1), datetime(2026, 3, 1),  # noqa: DTZ001
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))), datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))),
    ],
)  # fmt: skip
def test_a_time_without_an_offset_or_out_of_range_is_refused(value: object) -> None:
    assert is_refused(Timestamp, value)


@examples(100)
@given(
    st.datetimes(
        datetime(2000, 1, 2),  # noqa: DTZ001 - the offset comes with the third argument
        datetime(2099, 12, 30),  # noqa: DTZ001
        timezones=st.integers(-719, 719).map(lambda minutes: timezone(timedelta(minutes=minutes))),
    )
)
def test_every_time_is_read_back_as_it_was_written(moment: datetime) -> None:
    assert parse_timestamp(moment.isoformat()) == moment
    assert parse_timestamp(parse_timestamp(moment).isoformat()) == moment


@examples(100)
@given(
    st.one_of(st.text(), st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{2}:[0-9]{2}"))
)
def test_no_text_makes_reading_a_time_fail_in_another_way(text: str) -> None:
    try:
        moment = parse_timestamp(text)
    except ValueError:
        return
    assert 2000 <= moment.year < 2100


def test_a_day_is_read_from_iso_text() -> None:
    assert read(Day, "2024-02-29") == date(2024, 2, 29)


@pytest.mark.parametrize(
    "value",
    ["2026-02-29", "2026-2-1", "20260201", "2026-02-01T00:00:00Z", "2026-02-01\n", "1999-12-31", "2100-01-01", "", 0, None,
     datetime(2026, 2, 1, tzinfo=UTC)],
)  # fmt: skip
def test_another_day_is_refused(value: object) -> None:
    assert is_refused(Day, value)


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"canal": "site", "urgente": True, "itens": 3, "peso": 1.5, "nota": None},
        {"a" * 40: "b" * 500},
        {"maior": 2**53 - 1, "menor": -(2**53 - 1)},
        {f"chave {number}": number for number in range(20)},
        {"vazio": ""},
    ],
)
def test_metadata_are_kept_as_they_are(metadata: dict[str, Any]) -> None:
    found = read(Metadata, metadata)
    assert found == metadata
    assert [type(value) for value in found.values()] == [type(value) for value in metadata.values()]


@pytest.mark.parametrize(
    "metadata",
    [
        {"": 1}, {"a" * 41: 1}, {"a\u0000": 1}, {"\ud800": 1}, {"a": "b" * 501}, {"a": "\u0000"}, {"a": "\udfff"}, {"a": 2**53},
        {"a": -(2**53)}, {"a": 10**400}, {"a": float("nan")}, {"a": float("inf")}, {"a": 1e16}, {"a": {}}, {"a": []}, {"a": {"b": 1}},
        {1: "a"}, {f"chave {number}": number for number in range(21)}, [], "{}", None,
    ],
)  # fmt: skip
def test_metadata_are_small_and_flat(metadata: object) -> None:
    assert is_refused(Metadata, metadata)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("P3D", timedelta(days=3)),
        ("P2W", timedelta(weeks=2)),
        ("PT36H", timedelta(hours=36)),
        ("P1DT2H3M4S", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("PT90M", timedelta(minutes=90)),
        ("PT0S", timedelta(0)),
    ],
)
def test_a_duration_is_read_from_iso_text(text: str, length: timedelta) -> None:
    assert read(Duration, text) == length


@pytest.mark.parametrize(
    "value",
    ["", "P", "PT", "P1DT", "3 days", "1:00:00", "86400", "-P1D", "P-1D", "P1.5D", "P1Y", "P1M", "PT1H1S", "P1W2D", "p3d", "P3D\n",
     "P99999D", "\uff131D", 86400, None],
)  # fmt: skip
def test_another_duration_is_refused(value: object) -> None:
    assert is_refused(Duration, value)
