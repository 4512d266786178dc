"""The page: where everything stands and what calls what. What is shown is made elsewhere."""

import asyncio
import gc
import inspect
import itertools
import json
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from html import escape
from typing import Any

import gradio as gr
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import Route

from netlib import __version__
from netlib.answer.reading import Reading
from netlib.app import api, route, uploads
from netlib.app.about import TELL_ADDRESS, about_markdown, usage_html
from netlib.app.batch import read_batch
from netlib.app.direct import Direct, explain_validation
from netlib.app.gallery import examples_for, gallery
from netlib.app.inside import Inside, page_of, routes, starter, stylesheet
from netlib.app.pad import ASSETS, drawing_pad, split_value
from netlib.app.service import Service, guarded, visitor
from netlib.app.stress import FACTORS, NEUTRAL, POINTS
from netlib.app.teach import Taught, Teacher
from netlib.app.uploads import own_folder, paths
from netlib.app.views.batch_view import batch_html
from netlib.app.views.cost_strip import cost_strip_html
from netlib.app.views.map_view import map_html
from netlib.app.views.panels import BLANK_TEXT, NO_FILE_TEXT, answer_html, number_html
from netlib.app.views.reply import first_digit, first_view, on_pad, on_picture, on_wide_pad
from netlib.app.views.steps import steps_html
from netlib.app.views.stress_view import chart_title, single_digit, stress_html
from netlib.app.views.teach_view import hint_html, taught_line, teach_html
from netlib.app.views.why import why_html
from netlib.errors import UserError

TITLE = "Standard or depthwise separable?"
NUMBERS = {2: "two", 3: "three"}
PAD = (280, 280)
WIDE_PAD, NARROW_PAD = (1120, 240), (700, 360)
MAX_FILE_SIZE = "25mb"
MAX_QUEUE = 64
POLL_SECONDS = 0.02  # Gradio's queue looks for work each millisecond: 7 % of a core, to find none
# Python's usual 5 ms are what each answer waits for at each step while a batch computes.
SWITCH_SECONDS = 0.0005
KEEP_SECONDS = uploads.SECONDS / 2
AS_READ = "as read"
NEWS = itertools.count()
DETAILS = ("why", "map", "stress", "teach")  # events of the answers, while such a tab is open
# Gradio's sizes are in pixels, which the size of text that a visitor has set does not reach.
TEXT = gr.themes.sizes.Size(*(f"{pixels / 16:g}rem" for pixels in (9, 10, 12, 14, 16, 22, 26)))

# For listeners that answer at once: the queue would cost them more than their work, and a hidden
# progress on what they change costs the browser as much as the change.
INSTANT: dict[str, Any] = {
    "queue": False,
    "show_progress": "hidden",
    "show_progress_on": [],
    "api_visibility": "private",
    "trigger_mode": "always_last",
}
# Text goes in and out as it is: each component's own view of it would be another thread's.
UNCHANGED: dict[str, Any] = {"preprocess": False, "postprocess": False}
AS_IT_COMES: dict[str, Any] = {**UNCHANGED, **INSTANT}
MASTHEAD = """
<div class="masthead"><h1>{title}</h1>
<p>A <span class="standard">standard convolution</span> filters and mixes pictures in one step,
a <span class="mobilenet">depthwise separable</span> one filters each by itself, then mixes them.
What do you lose, and what do you win? Draw a digit and see.</p></div>
"""


def build_page(service: Service) -> gr.Blocks:
    """The whole app around the loaded networks; nothing is launched."""
    title = f"One drawing, {NUMBERS[len(service.facts)]} networks"
    inside = Inside.of(service)
    own_folder()
    with gr.Blocks(title=title, analytics_enabled=False) as page:
        page.inside, page.service = inside, service  # for the routes of launch_options
        html(MASTHEAD.format(title=title), js_on_load=asset("gradio.js"))
        html(page_of("lesson.html", inside), js_on_load=starter("lesson.js"), elem_id="lesson")
        teacher = Teacher(service.reader.predictor, service.checkpoints, service.teach)
        lesson = gr.State([Taught()])  # one, as it is by the time that an answer is ready
        answers, current, show = _first_view(service, inside, teacher, lesson)
        with gr.Tabs(elem_id="more-tabs"):
            with gr.Tab("Inside one block", elem_id="inside-tab"):
                view = page_of("inside.html", inside)
                html(view, js_on_load=starter("inside.js"), elem_id="inside")
            with gr.Tab("What if", elem_id="what-if-tab"):
                view = page_of("whatif.html", inside)
                html(view, js_on_load=starter("whatif.js"), elem_id="what-if")
            with gr.Tab("Examples", elem_id="examples-tab"):
                gallery(examples_for(service.reader))
            _why_tab(service, answers, current)
            if service.atlases:
                _map_tab(service, answers, current)
            _stress_tab(service, answers, current)
            _teach_tab(service, teacher, lesson, answers, current, show)
            with gr.Tab("About", elem_id="about"):
                gr.Markdown(about_markdown(service))
                html(usage_html(service), js_on_load=TELL_ADDRESS)
        api.add_endpoints(service)
    page.queue(max_size=MAX_QUEUE)
    page._queue.sleep_when_free = POLL_SECONDS
    return page


def html(value: str = "", **arguments: Any) -> gr.HTML:
    """A `gr.HTML` that brings no looks of its own."""
    return gr.HTML(value, apply_default_css=False, **arguments)


def _first_view(
    service: Service, inside: Inside, teacher: Teacher, lesson: gr.State
) -> tuple[gr.HTML, gr.State, Callable[[list[Taught], Reading], str]]:
    """What is read on the left, the answers on the right; how a taught reading is shown there."""
    current, turn = gr.State(), gr.State([0])
    with gr.Row(equal_height=False, elem_classes="first-view"):
        with gr.Column(scale=4, min_width=300):
            with gr.Tabs(elem_id="input-tabs"):
                with gr.Tab("Draw", elem_id="draw-tab") as draw_tab:
                    pad = drawing_pad("pad", PAD, PAD, "Drawing pad.", "Draw a digit here")
                with gr.Tab("Upload", elem_id="upload-tab") as upload_tab:
                    # Not a gr.Image: that refuses a file before the listener can say why.
                    picture = gr.File(show_label=False, height=120, elem_id="picture")
                    boxed = html(elem_id="boxed")
                    _keep(picture)
                _number_tab(service)
                _batch_tab(service)
            steps = html(steps_html(None, service.networks), elem_id="steps")
        with gr.Column(scale=7, min_width=320):
            empty = service.reader.read_pad("")
            answers = html(
                answer_html(empty, service.facts),
                js_on_load=_answers_script("pad", DETAILS),
                elem_id="answers",
            )
            html(cost_strip_html(inside.manifest["networks"]), elem_id="cost-strip")

    def shown(reading: Reading, problem: str = "", blank: str = BLANK_TEXT) -> tuple:
        return first_view(reading, service.facts, service.networks, problem, blank)

    def show(taught: list[Taught], first: tuple, number: str, file: str | None = None) -> tuple:
        answer, strip, reading, *rest = first
        answer += taught_line(teacher, service.facts, taught[0], reading)
        return answers_to(number, answer, file), strip, reading, *rest

    async def read_pad(
        value: str | None, taught: list[Taught], request: gr.Request | None
    ) -> tuple:
        drawing, number = split_value(value)
        read = guarded(service.draw, partial(shown, empty))
        first = await read(on_pad, drawing, service.facts, visitor=visitor(request))
        return show(taught, first, number)

    async def read_picture(file: Any, taught: list[Taught], request: gr.Request | None) -> tuple:
        first, name = (*shown(empty, blank=NO_FILE_TEXT), ""), ""
        for path in paths(file):
            first = await service.read(on_picture, path, service.facts, visitor=visitor(request))
            name = path.name
        return show(taught, first, "file", name)

    for event in (pad.change, draw_tab.select, answers.drawing):
        event(newest(read_pad), [turn, pad, lesson], [answers, steps, current], **AS_IT_COMES)
    for event in (picture.change, upload_tab.select, answers.file):
        read = guarded(
            read_picture, lambda text: show([Taught()], (*shown(empty, text), ""), "file")
        )
        outputs = [answers, steps, current, boxed]
        event(newest(read), [turn, picture, lesson], outputs, **AS_IT_COMES)
    return answers, current, lambda taught, reading: show(taught, shown(reading), "taught")[0]


def newest(function: Callable[..., Any]) -> Callable[..., Any]:
    """Leave an answer out where its visitor has asked something newer in the meantime.

    Gradio keeps the order of one event's calls, not that of several events that show their answers
    in the same place. These have the same `gr.State([0])` as their first input.
    """

    async def wrapped(request: gr.Request, turn: list[int], *inputs: Any) -> Any:
        turn[0] = mine = turn[0] + 1
        if inspect.iscoroutinefunction(function):
            answer = await function(*inputs, request)
        else:
            answer = await run_in_threadpool(function, *inputs)
        return answer if turn[0] == mine else gr.skip()

    wrapped.__name__ = function.__name__
    return wrapped


def answers_to(number: str, answers: str, file: str | None = None) -> str:
    """The answers, and which drawing they belong to, or file, "" for none.

    Of its name there are letters and figures alone, and not all: an upload may change the others.
    """
    name = "" if file is None else f' data-file="{"".join(filter(str.isalnum, file))[:NAMED]}"'
    return news(f'<span hidden data-drawing="{number}"{name}></span>{answers}')


def news(text: str) -> str:
    """The same, unlike any before: a page hears nothing of a value that has not changed."""
    return f'{text}<span hidden data-reply="{next(NEWS)}"></span>'


def asset(name: str) -> str:
    """The text of a file of `assets`."""
    return (ASSETS / name).read_text(encoding="utf-8")


def _answers_script(pad: str, details: Sequence[str]) -> str:
    script = asset("answers.js").replace("@PAD@", pad).replace("@NAMED@", str(NAMED))
    return script.replace("@DETAILS@", json.dumps(details))


def follow_digit(
    tab: gr.Tab,
    function: Callable[..., Any],
    inputs: list,
    outputs: list,
    events: Sequence[Callable[..., Any]],
    blank: Sequence[Any] = (),
    preprocess: bool = True,
) -> None:
    """Bring a tab about the current digit up to date: when it is opened, and on these events.

    An error, as when there is no digit to explain, takes the place of the first output, and
    `blank` those of the others. Without `preprocess`, inputs come as the page sends them.
    """

    def show(problem: str) -> Sequence[Any]:
        return [message(problem), *blank]

    def read(*values: Any) -> Sequence[Any]:
        view, *others = guarded(function, show)(*values)
        return [news(view), *others]

    read.__name__ = function.__name__
    with tab:  # among the tabs it would be counted as one
        turn = gr.State([0])
    for event in (tab.select, *events):
        event(newest(read), [turn, *inputs], outputs, preprocess=preprocess, **INSTANT)


def message(text: str, more: str = "") -> str:
    """A line of text in the place of a picture or table; `more` is of its tag."""
    return f'<p class="hint"{more}>{escape(text)}</p>'


alert = partial(message, more=' role="alert"')  # the same, read out at once by screen readers


SPOKEN = 'element.role = "status";'  # read out when it changes
# What was asked for since the answers changed is of the digit that is there.
ARRIVED = """
watch("value", () => {{
  const {{ classList }} = document.documentElement;
  classList.remove("moved-{0}");
  if (classList.contains("asked-{0}")) classList.remove("behind-{0}");
}});
"""
# A correction is sent with the digit that it is of: by the time that it arrives it may be another.
PRESSED = """(lesson, reading, answer) => {
  const { digit = "" } = document.querySelector("#digit-read")?.dataset ?? {};
  return [lesson, reading, `${answer ?? ""}#${digit}`];
}"""
NAMED = 40  # letters of a file's name that tell whose the answers are
STOPPED = "Stopped: no answer was kept."
BELOW = "The tabs below show the digit from Draw or Upload, whichever was open last."
WAIT = message(
    "One moment … If this stays, the server does not answer."
)  # of what is made when its tab is first opened


def _why_tab(service: Service, answers: gr.HTML, current: gr.State) -> None:
    def explain(reading: Reading | None, target: str) -> list[str]:
        chosen = None if target == AS_READ else target
        return [why_html(service.networks, service.facts, reading, chosen)]

    with gr.Tab("Why this answer", elem_id="why-tab") as tab:
        target = gr.Radio(
            [AS_READ, *service.reader.class_names], value=AS_READ, label="Explain the score of"
        )
        view = html(WAIT, elem_id="why-detail", js_on_load=ARRIVED.format("why"))
    follow_digit(tab, explain, [current, target], [view], (answers.why, target.change))


def _map_tab(service: Service, answers: gr.HTML, current: gr.State) -> None:
    def locate(reading: Reading | None) -> list[str]:
        return [map_html(service.atlases, service.facts, reading)]

    with gr.Tab("Similar digits", elem_id="map-tab") as tab:
        view = html(WAIT, elem_id="map-detail", js_on_load=ARRIVED.format("map"))
    follow_digit(tab, locate, [current], [view], (answers.map,))


def _stress_tab(service: Service, answers: gr.HTML, current: gr.State) -> None:
    def stress(reading: Reading | None, *values: Any) -> list[str]:
        setting = {f.name: f.within(value) for f, value in zip(FACTORS, values, strict=True)}
        summary, charts = stress_html(service.reader, service.facts, reading, setting)
        return [summary, *charts]

    charts, sliders = [], []
    with gr.Tab("Stress test", elem_id="stress-tab") as tab:
        html(
            '<p class="hint">Distort the digit until a network gives up. Each curve is the '
            "confidence in what that network read undistorted, at "
            f"{POINTS} values of one slider, with the other sliders where they stand. It holds "
            "as far around no distortion as the network reads the same and takes it for a digit, "
            "without a break, however sure it is.</p>"
        )
        with gr.Row(equal_height=False):
            script = SPOKEN + ARRIVED.format("stress")
            summary = html(WAIT, elem_id="stress-detail", js_on_load=script)
            reset = gr.Button("Reset", size="sm", scale=0, min_width=90)
        with gr.Row(elem_classes="stress-grid"):
            for factor in FACTORS:
                with gr.Column(min_width=280):
                    charts.append(html(elem_classes="stress-chart"))
                    sliders.append(
                        gr.Slider(
                            factor.low,
                            factor.high,
                            factor.neutral,
                            step=factor.step,
                            label=factor.title,
                            show_label=False,
                            container=False,
                            buttons=[],
                            elem_id=f"stress-{factor.name}",
                        )
                    )
    events = (answers.stress, *(slider.change for slider in sliders))
    shown, titles = [summary, *charts], [chart_title(factor) for factor in FACTORS]
    # A number that is being typed may be none, or beyond its slider.
    follow_digit(tab, stress, [current, *sliders], shown, events, titles, preprocess=False)
    reset.click(lambda: list(NEUTRAL.values()), None, sliders, **INSTANT)


def _number_tab(service: Service) -> None:
    async def read_number(value: str | None, request: gr.Request | None = None) -> str:
        drawing, number = split_value(value)
        read = guarded(service.draw, lambda text: number_html(empty, service.facts, text))
        answer = await read(on_wide_pad, drawing, service.facts, visitor=visitor(request))
        return answers_to(number, answer)

    with gr.Tab("Write a number", elem_id="number-tab"):
        hint = "Write a number of up to 20 digits"
        pad = drawing_pad("wide-pad", WIDE_PAD, NARROW_PAD, "Wide drawing pad.", hint)
        empty = service.reader.read_pad("")
        answers = html(
            answers_to("", number_html(empty, service.facts)),
            js_on_load=_answers_script("wide-pad", ()),
            elem_id="number-answers",
        )
        html(message(BELOW))
    pad.change(read_number, pad, answers, **AS_IT_COMES)


def _batch_tab(service: Service) -> None:
    # Visitors, each with what reads their batch, None until it begins. Gradio's own way to end an
    # event shows it as an error.
    running: dict[str, asyncio.Task[str] | None] = {}
    begun_with: dict[str, int] = {}  # which files, by hash

    async def read_files(
        chosen: Any,
        request: gr.Request | None = None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008
    ) -> str:
        def report(done: int, total: int) -> None:
            progress((done, total), desc="Reading", unit="files")

        found = paths(chosen)
        if not found:
            raise UserError("There is no picture to read: choose pictures, or a zip of pictures.")
        show, who = partial(batch_html, facts=service.facts), visitor(request)
        with service.batches.admit(who):
            if who not in running:
                raise UserError(STOPPED)
            reading = read_batch(partial(service.ask, heavy=True), found, show, report)
            running[who] = task = asyncio.create_task(reading)
            try:
                return await task
            except asyncio.CancelledError:
                if running.get(who) is task:
                    raise  # whoever asked has gone
                raise UserError(STOPPED) from None
            finally:
                if running.get(who) is task:
                    del running[who]

    async def begin(chosen: Any, request: gr.Request | None = None) -> str:
        who = visitor(request)
        running.setdefault(who)
        begun_with[who] = hash(tuple(paths(chosen)))
        return ""

    async def end(request: gr.Request | None = None) -> None:
        task = running.pop(visitor(request), None)
        if task is not None:
            task.cancel()

    async def empty(chosen: Any, request: gr.Request | None = None) -> Any:
        if begun_with.pop(visitor(request), None) == hash(tuple(paths(chosen))):
            return gr.skip()  # the news of the files come later than the wish to read them
        await end(request)
        return ""

    with gr.Tab("Many pictures", elem_id="many-tab"):
        html(
            '<p class="hint">Pictures or a zip of pictures, one digit or number each. To have the '
            "answers scored, add a CSV with a line for each picture: its file’s name and its "
            f"label, which is what stands in it without signs, {_label_examples(service)}; what an "
            "answer has as “?” is left out, too, when the two are compared. A picture without a "
            "label is not scored, one that cannot be read counts as wrong. What "
            "the networks read differently comes first; their disagreement is how far their "
            "probabilities lie apart, from 0 to 1.</p>"
        )
        files = gr.File(
            file_count="multiple",
            show_label=False,
            height=140,
            elem_id="batch-files",
        )
        with gr.Row():
            button = gr.Button("Read them", variant="primary", elem_id="batch-button")
            stop = gr.Button("Stop", scale=0, min_width=90)
        table = html(elem_id="batch-table", js_on_load=asset("batch.js"))
        html(message(BELOW))
    read = guarded(read_files, alert)
    begun = button.click(guarded(begin, alert), files, table, preprocess=False, **INSTANT)
    # As many at once as the turnstile lets in.
    begun.then(read, files, table, api_visibility="private", concurrency_limit=None, **UNCHANGED)
    files.change(guarded(empty, alert), files, table, preprocess=False, **INSTANT)
    _keep(files)
    stop.click(end, None, None, **INSTANT)


def _label_examples(service: Service) -> str:
    """How a label is written, in the networks' own names."""
    names = service.reader.class_names
    if all(name.isdecimal() for name in names):
        return "as in “7.png,7” or “house.png,42”"
    return f"as the networks name their classes: {escape(', '.join(names[:3]))} …"


def _keep(files: gr.File) -> None:
    """While the page is open, what was chosen on it is used, and so not removed."""
    timer = gr.Timer(KEEP_SECONDS, active=False)
    files.upload(lambda: gr.Timer(active=True), None, timer, **INSTANT)
    use = guarded(lambda chosen: paths(chosen) and None, lambda _: None)
    timer.tick(use, files, None, preprocess=False, **INSTANT)


def _teach_tab(
    service: Service,
    teacher: Teacher,
    lesson: gr.State,
    answers: gr.HTML,
    current: gr.State,
    show: Callable[[list[Taught], Reading], str],
) -> None:
    def follow(taught: list[Taught], reading: Reading | None) -> tuple[str, None]:
        view = teach_html(teacher, service.facts, taught[0], reading)
        return view, None  # the answer chosen was of no digit but that one

    def shown(taught: list[Taught], reading: Reading | None) -> Any:
        if reading is None or reading.is_blank:
            return gr.skip()  # what is told where there is no digit stays
        return show(taught, reading)

    def correct(taught: list[Taught], reading: Reading | None, pressed: str) -> str:
        reading = single_digit(reading)
        answer, _, digit = pressed.rpartition("#")
        if not answer:
            raise UserError("Choose the right answer first.")
        if digit != first_digit(reading, service.networks):
            raise UserError(
                "Nothing was taught, as another digit was read meanwhile: choose again."
            )
        taught[0] = teacher.correct(taught[0], reading, answer)
        return message(f"The last correction: it is {answer}.")

    def undo(taught: list[Taught]) -> str:
        taught[0] = teacher.undo(taught[0])
        return message("The last correction is taken back.")

    with gr.Tab("Teach", elem_id="teach-tab") as tab:
        html(hint_html(teacher))
        with gr.Row(equal_height=False):
            label = gr.Radio(
                list(service.reader.class_names),
                label="The right answer",
                scale=3,
                min_width=300,
                elem_id="teach-answer",
            )
            button = gr.Button(
                "Teach it", variant="primary", scale=0, min_width=120, elem_id="teach-button"
            )
            back = gr.Button("Undo", scale=0, min_width=90)
        note = html(elem_id="teach-note", js_on_load=SPOKEN + asset("teach.js"))
        view = html(elem_id="teach-detail", js_on_load=ARRIVED.format("teach"))
    followed = [answers.teach]
    for event, function, inputs, pressed in (
        (button.click, correct, [lesson, current, label], PRESSED),
        (back.click, undo, [lesson], None),
    ):
        done = event(guarded(function, message), inputs, note, js=pressed, **AS_IT_COMES)
        # Of the digit that is there by then: the visitor may have gone on drawing.
        done.then(shown, [lesson, current], answers, **INSTANT)
        followed.append(done.then)
    follow_digit(tab, follow, [lesson, current], [view, label], followed, [None])


def launch_options() -> dict[str, Any]:
    """How to launch the page, wherever it is launched: looks, limits and the health route."""
    started = {"ETag": f'"{secrets.token_hex(8)}"'}  # tells one server from the next
    return {
        "theme": gr.themes.Default(
            primary_hue=gr.themes.colors.sky,
            text_size=TEXT,
            font=["ui-sans-serif", "system-ui", "sans-serif"],
            font_mono=["ui-monospace", "Consolas", "monospace"],
        ),
        "css": asset("style.css") + stylesheet(),
        "footer_links": ["api"],
        "run_history": False,
        "enable_monitoring": False,
        "max_file_size": MAX_FILE_SIZE,
        "show_error": True,
        "ssr_mode": False,
        # It would end a slow server that does not answer itself within 3 s, for a false reason.
        "_frontend": False,
        "i18n": gr.I18n(en={"common.complete": "Done", "common.upload": "Add files"}),
        "app_kwargs": {
            "title": TITLE,
            "version": __version__,
            "lifespan": _lifespan,
            "middleware": [Middleware(Direct)],
            "exception_handlers": {RequestValidationError: explain_validation},
            "routes": [
                Route("/health", lambda _: JSONResponse({"status": "ok"}, headers=started)),
                *routes(),
                *route.routes(),
            ],
        },
    }


@asynccontextmanager
async def _lifespan(app: Any) -> AsyncIterator[None]:
    """What runs while the server does: the processes that read, the removal of uploads."""
    page = app.get_blocks()
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    pool = page.service.pool
    tasks = [asyncio.create_task(uploads.clean_up(page))]
    if pool is not None:
        tasks.append(asyncio.create_task(pool.start()))
    gc.freeze()  # or each full collection goes through all of Gradio while every visitor waits
    yield
    gc.unfreeze()
    for task in tasks:
        task.cancel()
    if pool is not None:
        pool.close()
    sys.setswitchinterval(usual)
    uploads.remove_old(page, 0)
