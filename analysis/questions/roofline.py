"""Why the measured speed-up is smaller than the promised one."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from analysis.build.plan import Plan, Step
from analysis.frame.results import LAYERS, SPEED, Results
from analysis.frame.wording import count_text
from analysis.look.maps import draw_roofline
from analysis.look.style import FULL, NETWORKS, blank, key_above, name_of
from analysis.questions import Drawn, Section, Sections, figure

FILES = (LAYERS, "benchmark/layers.json", "benchmark/roofline.csv")


def steps(plan: Plan) -> Iterator[Step]:
    """The benchmark of single layers, which are those of the shipped networks."""
    if plan.own:
        return
    quick = plan.pick(("--quick",), ("--quick",), ())
    files = " ".join(Path(name).name for name in FILES)
    words, place = ("--only", "layers", *quick), "benchmark"
    yield plan.step("benchmark", *words, outputs=files, folder=place, name="layers")


def machine(data: Results) -> str:
    """The processor that was measured."""
    made_by = data.record("benchmark/layers.json").get("made_by", {})
    return made_by.get("machine", {}).get("processor") or "one processor"


def one_thread(data: Results, which: str = "kind != 'network'") -> pd.DataFrame:
    """Every layer alone, as the engine computes it on one thread; or others of its rows."""
    return data.table(FILES[0]).query(f"threads == 1 and engine == 'ours' and {which}")


def layers_of(data: Results) -> tuple[pd.DataFrame, pd.Series]:
    """Single layers in the largest batch, and the roofs of one thread.

    The arithmetic roof is the highest rate in that session, of a matrix product or, in the median,
    of a layer: what a processor can do at most is not known better.
    """
    table = one_thread(data)
    roofs = data.table(FILES[2]).set_index("threads").loc[1].copy()
    roofs["peak_gmacs_per_s"] = max(roofs["peak_gmacs_per_s"], table["gmacs_per_s"].max())
    table = table[table["batch"] == table["batch"].max()]
    roof = (table["intensity"] * roofs["cache_gb_per_s"]).clip(upper=roofs["peak_gmacs_per_s"])
    return table.assign(share=table["gmacs_per_s"] / roof), roofs


@figure("Layers under the roofline", *FILES)
def roofline(data: Results) -> Drawn:
    """The layers under the roofs."""
    layers, roofs = layers_of(data)
    figure = blank(FULL, 6.4)
    ax = figure.subplots()
    draw_roofline(ax, roofs, layers[layers["gmacs_per_s"].notna()])
    key_above(figure, ax)
    return figure, (
        "Measured roofline of one thread: what memory and cache allow, the highest rate of a "
        "matrix product or, in the median, of a layer (lines), and what the convolutions reach "
        f"({layers['batch'].max()} images a call, ONNX Runtime, medians, {machine(data)}). "
        "Layers that are the same in both show how finely this measures. Both axes are logarithmic."
    )


def say(data: Results) -> Sections:
    """Where the time goes."""
    table, roofs = layers_of(data)
    totals = table.groupby("network")["us"].sum()
    mobile = table[table["network"] == "mobilenet"].set_index("kind")
    depthwise = mobile.loc[["depthwise"]].sort_values("layer")
    dense = table[table["kind"].isin(["conv", "pointwise"]) & (table["macs"] > 1e6)]
    ridge = roofs["peak_gmacs_per_s"] / roofs["cache_gb_per_s"]
    first, last = depthwise.iloc[0], depthwise.iloc[-1]
    section = {
        "one": shares_of_one(data),
        "others": other_ways(data),
        "peak": f"{roofs['peak_gmacs_per_s']:.0f}",
        "bandwidth": f"{roofs['cache_gb_per_s']:.0f}",
        "ridge": f"{ridge:.2f}",
        "images": str(table["batch"].max()),
        "depthwise_macs": f"{100 * depthwise['macs'].sum() / mobile['macs'].sum():.1f}",
        "depthwise_time": f"{100 * depthwise['us'].sum() / totals['mobilenet']:.0f}",
        "depthwise_bytes": " and ".join(
            f"{row.get('bytes', row['macs'] / row['intensity']) * row['batch'] / 1e6:.1f}"
            for row in (first, last)
        ),
        "rest_time": f"{100 * mobile.loc[['rest'], 'us'].sum() / totals['mobilenet']:.0f}",
        "first_intensity": f"{first['intensity']:.2f}",
        "last_intensity": f"{last['intensity']:.2f}",
        "sides": sides(first["intensity"] > ridge, last["intensity"] > ridge),
        "depthwise_share": " and ".join(f"{100 * x:.0f}" for x in depthwise["share"]),
        "depthwise_reach": reach(depthwise),
        "dense_share": f"{100 * dense['share'].min():.0f} to {100 * dense['share'].max():.1f}",
        "roof_of": roof_of(data),
    }
    return {"roofline": section}


def roof_of(data: Results) -> str:
    """What set the arithmetic roof, see `layers_of`."""
    table = one_thread(data)
    fastest = table.loc[table["gmacs_per_s"].idxmax()]
    if fastest["gmacs_per_s"] < layers_of(data)[1]["peak_gmacs_per_s"]:
        return "a matrix product"
    block = int(fastest["layer"].split(".")[1]) + 1
    images = count_text([fastest["batch"]], "image")
    return f"{name_of(fastest['network'])}’s block {block} in a call of {images}"


def reach(layers: pd.DataFrame) -> str:
    """Quartiles of each layer's share of its roof, percent; "" where only medians were kept."""
    if "us_low" not in layers:
        return ""
    quartiles = (
        [100 * row.share * row.us / time for time in (row.us_high, row.us_low)]
        for row in layers.itertuples()
    )
    return " and ".join(f"{low:.0f} to {high:.0f}" for low, high in quartiles)


def shares_of_one(data: Results) -> Section:
    """What depthwise layers and the rest take of one image's time; empty where it was not timed."""
    table = one_thread(data).query("network == 'mobilenet' and batch == 1")
    times = table.groupby("kind")["us"].sum()
    if times.empty:
        return {}
    shares = 100 * times / times.sum()
    return {"depthwise": f"{shares['depthwise']:.0f}", "rest": f"{shares['rest']:.0f}"}


def other_ways(data: Results) -> str:
    """How many times faster MobileNet answers one image, over all other ways that were timed."""
    if not data.has(SPEED):
        return ""
    table = data.table(SPEED).query("quantity == 'one image, MobileNet over standard'")
    whole = data.table(FILES[0]).query("kind == 'network' and batch == 1")
    whole = whole.query("threads != 1 or engine != 'ours'").set_index(["engine", "threads"])
    standard, mobilenet = (whole.query("network == @name")["us"] for name in NETWORKS)
    times = [*table[table["arm"] != "ours, 1 thread"]["median"], *(standard / mobilenet)]
    return f"{min(times):.2f} to {max(times):.2f}"


def sides(first: bool, last: bool) -> str:
    """On which side of the ridge the two depthwise layers lie."""
    one, other = ("to the right" if right else "to the left" for right in (first, last))
    return f"both {one}" if first == last else f"the first {one}, the second {other}"


def conclude(data: Results, sections: Sections) -> Iterator[str]:
    """Whether arithmetic turns into time."""
    head, roof = sections["headline"], sections["roofline"]
    yield (
        f"Of the promised {head['macs_ratio']} the clock gives {head['one']} for one image and "
        f"{head['batch']} in batches of {head['batch_images']}. Depthwise layers have "
        f"{roof['depthwise_macs']} % of the MobileNet network's MACs and, in batches of "
        f"{roof['images']}, take {roof['depthwise_time']} % of its time."
    )
