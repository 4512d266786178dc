"""What the page says about itself."""

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from netlib.app.service import Service
from netlib.app.views.panels import NetworkFacts, all_of, percent

INTRODUCTION = """
{all} read the same digit, 28×28 pixels once it is cut out and centred. A standard convolution does
all at once: every filter reads every channel. A depthwise separable one takes two steps: one 3×3
filter a channel, then 1×1 convolutions that mix the channels (MobileNet, Howard et al. 2017).

{networks}

**What they do not know.** They answer with what they were trained on: {classes}. What is nothing of
that may pass for it now and then. For the shipped pair the model card, checkpoints/README.md, says
how often; printed digits are outside of what was measured.

**What is kept.** Drawings stay in memory. Uploaded files are deleted within two hours.{teach}
"""
TEACH = " A correction that you save under *Teach* is kept, the 28×28 picture and its label."

SERVER = "http://127.0.0.1:7860"  # until the browser says where the page came from
PROGRAM = """from gradio_client import Client, handle_file

client = Client("{server}")
answer = client.predict(handle_file("seven.png"), api_name="/predict")
print(answer[{name}]["prediction"], answer[{name}]["probabilities"])
"""
SHELL = "curl --data-binary @seven.png {server}/predict\n"
# The page knows the server's address as its visitor does, whatever stands in between.
TELL_ADDRESS = """
const here = new URL(".", document.baseURI).href.replace(/\\/$/, "");
for (const node of element.querySelectorAll(".server")) node.textContent = here;
"""


def usage_html(service: Service) -> str:
    """How programs ask; `TELL_ADDRESS` puts the server's address into it."""
    name = json.dumps(next(iter(service.facts)))
    server = f'<span class="server">{SERVER}</span>'
    program, shell = (
        escape(text.format(server="\0", name=name), quote=False).replace("\0", server)
        for text in (PROGRAM, SHELL)
    )
    return (
        '<h2>From programs</h2><p class="hint">Both endpoints, predict and predict_batch (a list '
        "of files), are described under <i>Use via API</i> at the foot of the page; "
        "<code>GET /health</code> answers when the server can.</p>"
        f'<pre class="usage" tabindex="0" aria-label="In Python">{program}</pre>'
        f'<pre class="usage" tabindex="0" aria-label="In a shell">{shell}</pre>'
    )


def about_markdown(service: Service) -> str:
    """What is loaded: how it is built, what it knows and costs."""
    metadata = {name: service.reader.predictor.info[name].metadata for name in service.facts}
    networks = [_network(fact, metadata[name]) for name, fact in service.facts.items()]
    names = dict.fromkeys(name for fact in service.facts.values() for name in fact.class_names)
    introduction = INTRODUCTION.format(
        all=all_of(service.facts),
        networks="\n".join(networks),
        classes=", ".join(map(plain, names)),
        teach=TEACH if service.teach is not None else "",
    )
    rows = [_row(fact) for fact in service.facts.values()]
    return "\n".join([introduction, *HEAD, *rows])


def plain(text: str) -> str:
    """A stranger's text as Markdown that shows it as it is."""
    return "".join(letter if letter.isalnum() else f"&#{ord(letter)};" for letter in text)


def _network(facts: NetworkFacts, metadata: Mapping[str, Any]) -> str:
    """One line on how it is built, what it was trained on and what its confidence means."""
    records = metadata.get("data") or []
    records = records if isinstance(records, list) else [records]
    sources = dict.fromkeys(
        str(r["source"]) for r in records if isinstance(r, dict) and "source" in r
    )
    trained = (
        f"trained on {', '.join(map(plain, sources))}" if sources else "its data is not recorded"
    )
    calibrated = (
        "its confidence is calibrated: of the answers given with 90 %, about 90 % should be right"
        if "temperature" in metadata
        else "its confidence is not calibrated"
    )
    refuses = "" if metadata.get("no_digit") else "; it refuses nothing"
    return f"* **{plain(facts.title)}**: {facts.subtitle}; {trained}; {calibrated}{refuses}."


HEAD = ("| Network | Parameters | MACs | Time | Test accuracy |", "|---|--:|--:|--:|--:|")


def _row(facts: NetworkFacts) -> str:
    shown = percent(facts.accuracy) if facts.accuracy is not None else "not recorded"
    return (
        f"| {plain(facts.title)} | {facts.num_params:,} | {facts.macs:,} | "
        f"{1e3 * facts.latency:.2f} ms | {shown} |"
    )
