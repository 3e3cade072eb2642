"""Silence: only opening hours count."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.test import override_settings

from stockhub_webhooks.operations.checks import configuration
from stockhub_webhooks.operations.health.silence import open_hours

HERE = ZoneInfo("Europe/Amsterdam")
WEEK = {"OPENING_HOURS": ("08:00", "18:00"), "OPENING_WEEKDAYS": (0, 1, 2, 3, 4)}


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=HERE)


@pytest.mark.parametrize(
    ("settings", "since", "until", "hours"),
    [
        ({}, "2026-01-05T09:00", "2026-01-06T10:30", 25.5),
        ({}, "2026-03-28T12:00", "2026-03-29T12:00", 23),  # the clocks go forward
        ({}, "2026-10-24T12:00", "2026-10-25T12:00", 25),
        (WEEK, "2026-01-05T09:00", "2026-01-05T17:00", 8),
        (WEEK, "2026-01-05T07:00", "2026-01-05T23:00", 10),
        (WEEK, "2026-01-09T17:00", "2026-01-12T09:00", 2),  # over a weekend
        (WEEK, "2026-01-10T00:00", "2026-01-11T23:00", 0),
        ({"OPENING_HOURS": ("20:00", "02:00")}, "2026-01-05T21:00", "2026-01-06T12:00", 5),
        ({"OPENING_HOURS": ("20:00", "02:00")}, "2026-01-06T01:00", "2026-01-06T12:00", 1),
        ({"OPENING_HOURS": ("nine", "to five")}, "2026-01-05T09:00", "2026-01-05T23:00", 14),
        ({"OPENING_HOURS": ("08:00",)}, "2026-01-05T09:00", "2026-01-05T23:00", 14),
        ({"OPENING_HOURS": ("08:00", "18:00")}, "2020-01-01T00:00", "2026-01-05T00:00", 4000),
        ({}, "2026-01-05T09:00", "2026-01-05T08:00", 0),
    ],
)
def test_open_hours_count_only_opening_hours(settings, since, until, hours):
    with override_settings(STOCKHUB_WEBHOOKS=settings):
        assert open_hours(at(since), at(until)) == hours


@pytest.mark.parametrize(
    "settings",
    [
        {"OPENING_HOURS": ("8", "18")},
        {"OPENING_HOURS": ("08:00", "25:00")},
        {"OPENING_HOURS": ("08:00",)},
        {"OPENING_HOURS": (8, 18)},
        {"OPENING_WEEKDAYS": (1, 7)},
        {"OPENING_WEEKDAYS": ("Monday",)},
        {"OPENING_WEEKDAYS": ([],)},
    ],
)
def test_invalid_opening_hours_are_reported_by_the_check(settings):
    with override_settings(STOCKHUB_WEBHOOKS=settings):
        (found,) = configuration.opening_times()
    assert found.id.endswith("E012")


@pytest.mark.parametrize("settings", [{}, WEEK, {"OPENING_HOURS": ["20:00", "02:00"], "OPENING_WEEKDAYS": []}])
def test_valid_opening_hours_pass_the_check(settings):
    with override_settings(STOCKHUB_WEBHOOKS=settings):
        assert list(configuration.opening_times()) == []
