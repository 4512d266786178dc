"""What the page says about itself."""

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from netlib.app.service import Service
from netlib.app.views.panels import NetworkFacts, all_of

INTRODUCTION = """
**What this is.** {all} read the same digit, 28×28 pixels once it is cut out and centred. A standard
convolution does all at once: every output map has a kernel for every input map. A depthwise
separable one takes two steps: one kernel filters each input map, then 1×1 weights mix the filtered
maps (MobileNet, Howard et al. 2017). *Inside one block* shows the blocks at work on your digit.

{networks}

**What they do not know.** {classes} Other
things may be taken for one of these, most of all kinds of pictures that they have never met.

**What is kept.** Drawings stay in the server’s memory, and in your browser: in the page’s own
address or, if they are too long for it, in the tab’s memory until the pad is emptied. Uploaded
files are kept while they are chosen on an open page or being read, and deleted within two
minutes after that.{teach}

**Words.**

* *Map*, also *channel*: a picture inside a network. A block makes output maps of its input maps.
* *Kernel*: a small grid of learned weights that is laid over each place of a map (over
  every second one both ways where a block halves its maps’ sides); the products with the pixels
  beneath are summed up.
* *Bias*: a learned number that is added to all of a map.
* *ReLU*: what is negative becomes 0.
* *Batch norm*: each map is rescaled as training has learned; here it is part of kernels and biases.
* *Parameters*: all learned numbers together.
* *MAC*: multiply–accumulate, a multiplication whose product is added to a sum.
* *Time*: the median for one picture on this server, one picture at a time.
* *Confidence*: the probability that a network gives its answer. Where it is *calibrated*, of
  the answers given with 90 % about 90 % should be right.
"""
TEACH = " A correction that you save under *Teach* is kept, the 28×28 picture and its label."

SERVER = "http://127.0.0.1:7860"  # until the browser says where the page came from
PROGRAM = """from urllib.request import urlretrieve

from gradio_client import Client, handle_file

urlretrieve("{server}/seven.png", "seven.png")  # or a picture of yours
client = Client("{server}")
answer = client.predict(handle_file("seven.png"), api_name="/predict")
print(answer[{name}]["prediction"], answer[{name}]["probabilities"])
"""
SHELL = "curl -O {server}/seven.png\ncurl --data-binary @seven.png {server}/predict\n"
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
        '<h2>For programmers</h2><p class="hint">Both endpoints, predict and predict_batch (a list '
        "of files), are described under <i>Use via API</i> at the foot of the page (Gradio’s own: "
        "only its examples in Python serve both); where the server was started with "
        "<code>--mcp</code>, they are MCP tools at <code>/gradio_api/mcp/</code>; "
        "<code>GET /health</code> answers when the server can.</p>"
        f'<pre class="usage" tabindex="0" aria-label="In Python">{program}</pre>'
        f'<pre class="usage" tabindex="0" aria-label="In a shell">{shell}</pre>'
    )


def about_markdown(service: Service) -> str:
    """What is loaded: how it is built, what it knows and costs."""
    metadata = {name: service.reader.predictor.info[name].metadata for name in service.facts}
    networks = [_network(fact, metadata[name]) for name, fact in service.facts.items()]
    knows = {name: _knows(fact, metadata[name]) for name, fact in service.facts.items()}
    if len(set(knows.values())) == 1:
        classes = f"They were made to tell apart {next(iter(knows.values()))}."
    else:
        told = (f"{plain(service.facts[name].title)}: {text}." for name, text in knows.items())
        classes = f"They were made to tell apart different classes. {' '.join(told)}"
    return INTRODUCTION.format(
        all=all_of(service.facts),
        networks="\n".join(networks),
        classes=classes,
        teach=TEACH if service.teach is not None else "",
    )


def _knows(facts: NetworkFacts, metadata: Mapping[str, Any]) -> str:
    """The classes of which training images were shown, all where the checkpoint does not say."""
    none = metadata.get("untrained_classes")
    none = none if isinstance(none, list) else []
    shown = [name for i, name in enumerate(facts.class_names) if i not in none]
    rest = [name for name in facts.class_names if name not in shown]
    return _listed(shown) + (f" (outputs for {_listed(rest)}, too, but shown none)" if rest else "")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(plain, names))


def plain(text: str) -> str:
    """A stranger's text as Markdown that shows it as it is."""
    return "".join(letter if letter.isalnum() else f"&#{ord(letter)};" for letter in text)


def _network(facts: NetworkFacts, metadata: Mapping[str, Any]) -> str:
    """How it is built, what it was trained on and what its confidence means; below, its costs."""
    records = metadata.get("data") or []
    records = records if isinstance(records, list) else [records]
    named = [str(r["source"]) for r in records if isinstance(r, dict) and "source" in r]
    sources = dict.fromkeys(SOURCES.get(name, name) for name in named)
    trained = (
        f"trained on {', '.join(map(plain, sources))}" if sources else "its data is not recorded"
    )
    if families := (metadata.get("fine_tuning") or {}).get("families"):
        trained += f", then on more digits and on {len(families)} kinds of what is no digit"
    calibrated = "calibrated" if metadata.get("temperature", 1) != 1 else "not calibrated"
    accuracy = "not recorded" if facts.accuracy is None else f"{100 * facts.accuracy:.2f} %"
    return (
        f"* **{plain(facts.title)}**: {facts.subtitle}; {trained}; its confidence is {calibrated}; "
        f"{_refuses(metadata.get('no_digit'))}.\n"
        f"    * {facts.num_params:,} parameters; a digit takes {facts.macs:,} MACs and "
        f"{1e3 * facts.latency:.3f} ms; test accuracy, nothing refused: {accuracy}."
    )


def _refuses(rule: Mapping[str, Any] | None) -> str:
    """What it takes for no digit, and how often it is right in that, as its checkpoint records."""
    if not rule:
        return "it refuses nothing"
    digits, others = rule.get("refused_of_validation"), rule.get("refused_of_validation_families")
    if not isinstance(digits, float) or not isinstance(others, float):
        return "it refuses what looks like none of them"
    return (
        "its thresholds were set by pictures that it had not trained on: of digits they refuse at "
        f"most {100 * digits:.1f} % (the mean over their origins), of what is no digit, of the "
        f"kinds that it was trained to refuse, {100 * others:.0f} %"
    )


SOURCES = {"mnist": "MNIST", "unipen": "pen strokes", "rehearsal": "a rehearsal of old digits"}
