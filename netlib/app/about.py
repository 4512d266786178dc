"""What the page says about itself."""

from netlib.app.service import Service
from netlib.app.views.panels import NetworkFacts, percent

INTRODUCTION = """
Two networks of four blocks each read the same 28×28 picture. One convolves in the standard way:
every filter reads every channel. In the other, the last two blocks do it in two steps: one 3×3
filter a channel, then 1×1 convolutions that mix the channels (MobileNet, Howard et al. 2017).
The shipped pair was trained in one way, on MNIST and pen strokes. Confidence is calibrated: of the
answers given with 90 %, about 90 % should be right.

**What they do not know.** They have seen single handwritten digits on a plain background, nothing
else. Letters and objects pass for digits now and then; the model card, checkpoints/README.md, says
how often. Printed digits are outside of what was measured.

**What is kept.** Drawings stay in memory. Uploaded files are deleted within two hours.{teach}
"""
TEACH = " A correction that you save under *Teach* is kept, the 28×28 picture and its label."

USAGE = """
**From programs.** Both endpoints are described under *Use via API* below.

```python
from gradio_client import Client, handle_file

client = Client("http://127.0.0.1:7860")
answer = client.predict(handle_file("seven.png"), api_name="/predict")
print(answer["standard"]["prediction"], answer["mobilenet"]["probabilities"])
```

```bash
SERVER=http://127.0.0.1:7860
FILE=$(curl -s -F files=@seven.png $SERVER/gradio_api/upload | tr -d '[]"')
curl -s $SERVER/gradio_api/run/predict -H "Content-Type: application/json" \\
  -d '{"data": [{"path": "'$FILE'", "meta": {"_type": "gradio.FileData"}}]}'
```

`/predict_batch` takes a list of files; `GET /health` answers when the server can.
"""


def about_markdown(service: Service) -> str:
    """Both networks' facts and how to use the API."""
    introduction = INTRODUCTION.format(teach=TEACH if service.teach is not None else "")
    return f"{introduction}\n{_table(service)}\n{USAGE}"


def _table(service: Service) -> str:
    rows = ["|  | Parameters | MACs | Time | Test accuracy |", "|---|--:|--:|--:|--:|"]
    for name, facts in service.facts.items():
        metadata = service.reader.predictor.info[name].metadata
        rows.append(_row(facts, metadata))
    return "\n".join(rows) + "\n"


def _row(facts: NetworkFacts, metadata: dict) -> str:
    accuracy = (metadata.get("scores") or {}).get("test", {}).get("accuracy")
    shown = percent(accuracy) if accuracy is not None else "not recorded"
    return (
        f"| {facts.title} | {facts.num_params:,} | {facts.macs:,} | "
        f"{1e3 * facts.latency:.2f} ms | {shown} |"
    )
