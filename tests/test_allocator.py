"""Training keeps the memory that it frees."""

import sys

import pytest

from netlib.training.allocator import SETTINGS, keep_freed_memory


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator is Linux's")
def test_the_settings_are_taken_or_refused_without_an_error() -> None:
    assert keep_freed_memory() in (True, False)
    assert keep_freed_memory() == keep_freed_memory()


def test_the_parameters_are_those_of_malloc_h() -> None:
    assert set(SETTINGS) == {-1, -2, -4}  # M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX


def test_another_system_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert keep_freed_memory.__wrapped__() is False
