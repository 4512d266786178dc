"""Training keeps the memory that it frees."""

import ctypes

from netlib.training.allocator import SETTINGS, keep_freed_memory


def test_the_allocator_gets_every_setting_and_another_c_library_is_left_alone(monkeypatch) -> None:
    got = {}
    library = type("Library", (), {"mallopt": lambda self, name, value: got.update({name: value})})
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library())
    keep_freed_memory.__wrapped__()
    assert got == SETTINGS
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    keep_freed_memory.__wrapped__()
