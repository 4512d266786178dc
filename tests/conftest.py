"""Fixtures for every test: a real browser, servers and small digit data sets.

Nothing here needs a network, a downloaded data set or a file outside the clone.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from helpers_data import drawn_digits, png, table, write_folder, write_zip
from helpers_family import end_with_this_run
from helpers_visitor import Visitor

from analysis.frame.children import HOST, free_port
from netlib.errors import WorkError

# Libraries read these when they are imported, so a fixture would set them too late.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
os.environ["MPLBACKEND"] = "Agg"
os.environ["NUMBA_OPT"] = "0"  # UMAP lays out few points: compiling it takes longer
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny networks lose time on more threads

end_with_this_run()

LOOKS = ("size", "scheme", "motion", "fragment")  # which a window may have in any context
NO_BROWSER = pytest.StashKey[str]()


# --- A real browser -----------------------------------------------------------------------------


def browser_required() -> bool:
    """Whether a browser test that did not run is a failure (REQUIRE_BROWSER=1, as in CI)."""
    return os.environ.get("REQUIRE_BROWSER", "") not in ("", "0")


@pytest.fixture(scope="module")
def browser(request):
    """A headless Chromium, driven by Playwright (playwright.sync_api.Browser).

    One per module: Playwright's event loop must not outlive it and meet other tests' asyncio.
    Without a browser the tests that ask for this fixture are skipped, and the summary says so;
    with REQUIRE_BROWSER=1 they fail.
    """
    from analysis.screenshots import browsing, find_browser

    try:
        find_browser()
    except WorkError as error:
        request.config.stash[NO_BROWSER] = str(error)
        if browser_required():
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
    with browsing() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def room(browser) -> Iterator[Any]:
    """A browser context for all windows of a module that need none of their own."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    yield context
    context.close()


@pytest.fixture
def visit(browser, room, address: str) -> Iterator[Callable[..., Visitor]]:
    """`visit(size=..., scheme=...)` opens a window in the room, with other words in another.

    At the end no script may have failed in any.
    """
    visitors: list[Visitor] = []

    def open_window(alone: bool = False, **options: Any) -> Visitor:
        looks = {k: options.pop(k) for k in LOOKS if k in options}
        context = browser.new_context(**options) if options or alone else room
        visitors.append(Visitor(context, address, **looks))
        return visitors[-1]

    yield open_window
    for visitor in visitors:
        visitor.page.close()
        if visitor.context is not room:
            visitor.context.close()
        visitor.check()


@pytest.fixture(scope="module")
def window(room, address: str) -> Visitor:
    """One window for all tests of a module that leave it as they found it."""
    return Visitor(room, address)


@pytest.fixture
def visitor(window: Visitor) -> Iterator[Visitor]:
    """The module's window, with an empty pad."""
    window.rest()
    yield window
    window.check()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that asks for the browser, so that `-m "not browser"` leaves it out.

    Files with such tests come first, then those with slow ones: a long file that began last would
    keep one processor while the other has nothing to do.
    """
    first: dict[Path, int] = {}  # a file's rank
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
        marks = {mark.name for mark in item.iter_markers()}
        rank = 0 if "browser" in marks else 1 if "slow" in marks else 2
        first[item.path] = min(rank, first.get(item.path, rank))
    items.sort(key=lambda item: first[item.path])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """Under REQUIRE_BROWSER=1 a skipped browser test is a failure, unless it lacks axe alone."""
    report = yield
    needed = item.get_closest_marker("browser") and "AXE_CORE" not in str(report.longrepr)
    if report.skipped and needed and browser_required():
        report.outcome = "failed"
        report.longrepr = f"REQUIRE_BROWSER is set, but this test was skipped: {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    """Say plainly at the end of the run that the browser tests did not take place."""
    if reason := config.stash.get(NO_BROWSER, None):
        terminalreporter.section("The browser tests did not run", yellow=True)
        terminalreporter.line(reason)


# --- Commands -----------------------------------------------------------------------------------


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """`refused(NAME, *words)` is the one sentence of a command that ends with status 2."""

    def run(name: str, *words: object) -> str:
        from analysis.frame.command import start

        capsys.readouterr()
        assert start(name, [str(word) for word in words]) == 2
        sentence = capsys.readouterr().err
        assert ": " in sentence and sentence.count("\n") == 1
        return sentence

    return run


# --- Servers ------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def address(serving, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app as it is shipped, which may keep what it is taught; one for all tests."""
    import demo

    with serving(demo.build_demo(teach_folder=tmp_path_factory.mktemp("teach"))) as address:
        yield f"{address}/"


@pytest.fixture(scope="session")
def reader() -> Any:
    """Reads pictures with both shipped networks (netlib.answer.reader.Reader)."""
    import demo
    from netlib.answer.predictor import Predictor
    from netlib.answer.reader import Reader

    return Reader(Predictor({"standard": demo.STANDARD, "mobilenet": demo.MOBILENET}))


# --- Small data sets ----------------------------------------------------------------------------


@pytest.fixture(scope="session")
def serving() -> Callable[[Any], AbstractContextManager[str]]:
    """Runs an app as long as its context lasts, which is its address, http://127.0.0.1:PORT."""

    @contextmanager
    def serve(app: Any) -> Iterator[str]:
        from netlib.app.page import launch_options

        port = free_port()
        app.launch(
            server_name=HOST,
            server_port=port,
            prevent_thread_lock=True,
            quiet=True,
            **launch_options(),
        )
        try:
            yield f"http://{HOST}:{port}"
        finally:
            app.close(verbose=False)

    return serve


@pytest.fixture(scope="session")
def digit_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write a small data set in the course's layout; every call makes one of its own.

    `digit_folder(train=6, test=2, num_classes=10, seed=0, zipped=False)` returns a folder with
    train_new/, train_new.csv, test_new/ and test_new.csv, or with train.zip and test.zip that hold
    them. `train` and `test` are images of each class, or a list of counts, one for each class;
    with 0 the split is not written. Images are grey PNGs, 28×28, ink 255 on 0.
    """

    def write(train=6, test=2, *, num_classes=10, seed=0, zipped=False) -> Path:
        folder = tmp_path_factory.mktemp("digits")
        for split, counts, offset in (("train", train, 0), ("test", test, 1)):
            counts = [counts] * num_classes if isinstance(counts, int) else counts
            if not sum(counts):
                continue
            images, labels = drawn_digits(counts, 2 * seed + offset)
            names = [f"{number:05d}.png" for number in range(len(labels))]
            files = {f"{split}_new/{name}": png(x) for name, x in zip(names, images, strict=True)}
            files[f"{split}_new.csv"] = table(names, labels)
            if zipped:
                write_zip(folder / f"{split}.zip", files)
            else:
                write_folder(folder, files)
        return folder

    return write
