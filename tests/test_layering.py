"""What may import what beyond the contracts of `make lint`, and what every file keeps to."""

from collections import Counter

from import_graph import ANALYSIS, DEMO, NETLIB, imported_packages, python

MOST_MODULES = 16


def test_the_demo_imports_no_script_and_nothing_imports_the_demo() -> None:
    assert "analysis" not in imported_packages(DEMO)
    assert not [path for path in [*NETLIB, *ANALYSIS] if "demo" in imported_packages(path)]


def test_no_module_name_stands_twice_and_no_folder_is_full() -> None:
    modules = [path for path in [*NETLIB, *ANALYSIS, DEMO] if not path.stem.startswith("__")]
    names = Counter(path.stem for path in modules)
    assert {name for name, times in names.items() if times > 1} == set()
    folders = Counter(path.parent for path in modules)
    assert {folder.name for folder, size in folders.items() if size > MOST_MODULES} == set()


def test_the_library_and_its_light_rooms_import_nothing_heavy() -> None:
    rooms = ("nets", "training", "data", "picture", "answer", "measure")
    program = (
        f"import sys, netlib, {', '.join(f'netlib.{room}' for room in rooms)}\n"
        "heavy = {'torch', 'torchvision', 'sklearn', 'pandas', 'matplotlib', 'gradio', 'onnx'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert python("-c", program).stdout.strip() == "[]"


def test_every_public_name_of_a_room_can_be_loaded() -> None:
    import netlib
    from netlib import answer, data, measure, nets, picture, training

    for room in (netlib, answer, data, measure, nets, picture, training):
        assert room.__all__
        assert all(getattr(room, name) is not None for name in room.__all__)
