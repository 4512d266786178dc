"""What the probabilities are worth: calibration, and refusing where they are low."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import binom, binomtest

from analysis.frame.results import Results
from analysis.frame.wording import (
    MINUS,
    TITLES,
    count_text,
    holm,
    open_text,
    p_value,
    percent,
    side,
    small_change,
    whole,
)
from analysis.look.lines import draw_reliability, draw_risk
from analysis.look.style import COLUMN, FULL, NETWORKS, blank, key, name_of
from analysis.questions import Drawn, Section, Sections, figure
from analysis.questions.headline import ALPHA
from netlib.measure.metrics import reliability
from netlib.measure.seeds import mean_interval

if TYPE_CHECKING:
    from analysis.build.pairs import Pair, Result

COMPARED = ("calibration.csv", "calibration_scores.csv", "risk_coverage.csv")
POINTS = 200  # of a curve


def compare(pair: "Pair") -> dict[str, Any]:
    """Bins of the seeds together, scores of each run, and mean curves."""
    results = pair.results.values()
    return {
        "calibration.csv": [row for runs in results for row in calibration_rows(runs)],
        "calibration_scores.csv": [calibration_row(result) for result in pair.every],
        "risk_coverage.csv": [row for runs in results for row in risk_rows(runs)],
    }


def calibration_rows(results: "Sequence[Result]") -> list[dict[str, Any]]:
    """One row a bin of confidence, the seeds pooled, before and after temperature scaling."""
    labels = np.concatenate([result.labels for result in results])
    tables = []
    for scaled in (False, True):
        p = np.concatenate([result.probabilities(scaled) for result in results])
        table = pd.DataFrame(asdict(reliability(labels, p)))[["confidence", "accuracy", "count"]]
        run = {"network": results[0].run.network, "temperature_scaled": int(scaled)}
        tables.append(table.assign(**run, bin=table.index))
    columns = ["network", "temperature_scaled", "bin", "confidence", "accuracy", "count"]
    return pd.concat(tables)[columns].to_dict("records")


def calibration_row(result: "Result") -> dict[str, Any]:
    """One run's calibration, with the temperature that its validation images chose."""
    row: dict[str, Any] = {"network": result.run.network, "seed": result.run.seed}
    row["temperature"] = result.temperature
    for name in ("nll", "brier", "ece"):
        row[f"{name}_before"] = getattr(result.before, name)
        row[f"{name}_after"] = getattr(result.after, name)
    return row


def risk_rows(results: "Sequence[Result]") -> list[dict[str, Any]]:
    """Mean risk over seeds at equal coverages, half of them above 0.9, where errors begin."""
    coverage = results[0].risk[0]
    half = POINTS // 2
    wanted = np.concatenate([np.linspace(0, 0.9, half)[1:], np.linspace(0.9, 1, half)])
    rows = []
    for place in np.unique(np.searchsorted(coverage, wanted - 1e-9)):
        risk = mean_interval([result.risk[1][place] for result in results])
        rows.append(
            {
                "network": results[0].run.network,
                "coverage": coverage[place],
                "risk": risk.mean,
                "risk_low": risk.low,
                "risk_high": risk.high,
            }
        )
    return rows


@figure("Are the probabilities right", "calibration.csv")
def calibration(data: Results) -> Drawn:
    """Errors found against errors expected, before and after temperature scaling."""
    table = data.table("calibration.csv")
    figure = blank(FULL, 3.5)
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    limits = []
    for scaled, title in enumerate(("as trained", "after temperature scaling")):
        draw_reliability(axes[scaled], table[table["temperature_scaled"] == scaled])
        axes[scaled].set_title(title, loc="right")
        limits += axes[scaled].get_xlim()
    axes[0].set_xlim(min(limits), max(limits))
    axes[1].set_ylabel("")
    key(axes[0])
    bins = table["bin"].nunique()
    images = table.groupby(["network", "temperature_scaled"])["count"].sum()
    return figure, (
        f"Errors found against errors expected, in {bins} bins of equally many predictions "
        f"({count_text(images, 'prediction')} a network, test images of all seeds together). On "
        "the line probabilities are right; above it the network is too sure. Bins without an "
        "error lie on the lower edge, the surest of them beyond the left edge. Both axes are "
        "logarithmic."
    )


@figure("What refusing pays", "risk_coverage.csv")
def risk_coverage(data: Results) -> Drawn:
    """Errors that remain when the least confident predictions are refused."""
    figure = blank(COLUMN, 3.4)
    table = data.table("risk_coverage.csv")
    banded = table["risk_low"].notna().any()
    free = table[table["risk"] == 0].groupby("network")["coverage"].max()
    clean = [f"{100 * free.get(name, 0):.0f} % ({name_of(name)})" for name in NETWORKS]
    draw_risk(figure.subplots(), table)
    band = "; bands: 95 % t-interval of the mean over seeds" if banded else " (one seed)"
    if (table["risk_high"] > 1).any():
        band += ", cut at 100 %"
    return figure, (
        "Error rate on the test set of the most confident predictions, against how many of them "
        f"are kept{band}. No error is left up to {' and '.join(clean)}, which a logarithmic axis "
        "cannot show; a band whose lower edge is at 0 or below is cut."
    )


def disorder(area: float, error: float, images: int) -> float:
    """Where an AURC lies between a perfect sorting's, 0, and no sorting's, 1; NaN without errors.

    That of a perfect sorting has all errors last (Geifman et al. 2019); without any it is the error
    rate.
    """
    if not 0 < error < 1:
        return float("nan")  # nothing to sort
    answered = np.arange(1, images + 1)
    best = np.maximum(0, answered - images + round(error * images)) / answered
    return (area - best.mean()) / (error - best.mean())


UNSORTED = "not known: a run without an error has nothing to sort"


def number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"


def disorders(data: Results, name: str) -> list[float]:
    """Of each seed, in percent."""
    record = data.record("headline.json")
    found = record["networks"][name]
    both = zip(found["aurc"]["values"], found["error_rate"]["values"], strict=True)
    return [100 * disorder(area, error, record["test_images"]) for area, error in both]


def say(data: Results) -> Sections:
    """Confidence against truth, before and after temperature scaling; and refusing."""
    scores = data.table("calibration_scores.csv")
    table = scores.groupby("network").mean(numeric_only=True)
    reach = scores.groupby("network")["temperature"].agg(["min", "max"])
    section: Section = {}
    for name in NETWORKS:
        section[name] = {
            "temperature": f"{table.loc[name, 'temperature']:.2f}",
            "reach": f"{reach.loc[name, 'min']:.2f} to {reach.loc[name, 'max']:.2f}",
            "disorder": number(fmean(disorders(data, name))),
        }
        for score, digits, factor in (("nll", 4, 1), ("brier", 4, 1), ("ece", 2, 100)):
            for column in (f"{score}_before", f"{score}_after"):
                section[name][column] = f"{factor * table.loc[name, column]:.{digits}f}"
    better = [n for n in NETWORKS if table.loc[n, "nll_after"] < table.loc[n, "nll_before"]]
    section["finding"] = {
        2: "Temperature scaling, fitted on validation images, lowers the NLL of both networks.",
        1: f"Temperature scaling lowers the NLL of {TITLES[better[0]] if better else ''} only.",
        0: "Temperature scaling, fitted on validation images, lowers the mean NLL of neither "
        "network on the test images"
        + "".join(f"; {TITLES[name]}: {change(scores, name, 'nll')}" for name in NETWORKS)
        + ".",
    }[len(better)]
    if (reach == 1).all(axis=None):
        section["finding"] = (
            "Every temperature stays 1: the validation images are too few to fit it."
        )
    risk = data.table("risk_coverage.csv").sort_values("coverage").groupby("network")
    kept = {name: np.interp(0.95, rows["coverage"], rows["risk"]) for name, rows in risk}
    section["kept"] = {name: percent(kept[name]) for name in NETWORKS}
    section["sorting"] = sorting(data)
    section["expected"] = expected(data)
    section["bins"] = bins_text(data)
    section["chance"] = {name: f"{100 * chance_ece(data, name):.2f}" for name in NETWORKS}
    section["ece"] = {name: change(scores, name, "ece", 100, 2) for name in NETWORKS}
    return {"calibration": section}


def change(scores: pd.DataFrame, name: str, score: str, scale: float = 1, digits: int = 4) -> str:
    """By how much scaling changes a network's score."""
    rows = scores[scores["network"] == name]
    values = (rows[f"{score}_after"] - rows[f"{score}_before"]).tolist()
    return small_change(values, scale, digits)


def expected(data: Results) -> str:
    """Errors that the probabilities of both networks expect, as trained, and those they make."""
    sums = {n: bins_of(data, n)[["expected", "made"]].sum().round() for n in NETWORKS}
    (expects, makes), (other_expects, other_makes) = (map(whole, sums[n]) for n in NETWORKS)
    return (
        f"standard expects {expects} errors in all its runs and makes {makes}, MobileNet "
        f"{other_expects} and {other_makes}"
    )


def bins_of(data: Results, network: str) -> pd.DataFrame:
    """A network's bins as trained; `expected` and `made` are errors of all runs together."""
    table = data.table("calibration.csv").query("temperature_scaled == 0 and network == @network")
    errors = (1 - table[["confidence", "accuracy"]]).mul(table["count"], axis=0)
    return table.assign(expected=errors["confidence"], made=errors["accuracy"].round().astype(int))


def bins_text(data: Results) -> str:
    """Whether any bin has other errors than its probabilities expect, after Holm over all."""
    p = {
        (network, place): binomtest(row["made"], int(row["count"]), 1 - row["confidence"]).pvalue
        for network in NETWORKS
        for place, row in bins_of(data, network).iterrows()
    }
    adjusted = holm(p)
    found = sum(value < ALPHA for value in adjusted.values())
    least = f"least p {p_value(min(adjusted.values()))} after Holm over all bins"
    bins = "bins depart" if found > 1 else "bin departs"
    return f"{found or 'no'} {bins} from them beyond chance ({least})"


def chance_ece(data: Results, network: str) -> float:
    """The mean ECE of one run whose probabilities were right, with as many images in its bins."""
    table = bins_of(data, network)
    runs = data.table("calibration_scores.csv").query("network == @network")["seed"].nunique()
    deviations = [
        binom(n, p).expect(lambda made, n=n, p=p: abs(made / n - p))
        for n, p in zip(
            (table["count"] / runs).round().astype(int), 1 - table["confidence"], strict=True
        )
    ]
    return float(np.average(deviations, weights=table["count"]))


def sorting(data: Results) -> str:
    """Whether confidence sorts right from wrong better in one network, whatever its error rate."""
    standard, mobilenet = (disorders(data, name) for name in NETWORKS)
    gaps = [b - a for a, b in zip(standard, mobilenet, strict=True)]
    if np.isnan(gaps).any():
        return UNSORTED
    found, pairs = mean_interval(gaps), count_text([len(gaps)], "pair")
    reach = "" if found.low is None else f", 95 % interval {found.low:+.2f} to {found.high:+.2f}"
    state = {-1: "MobileNet sorts better", 1: "standard sorts better", 0: open_text(gaps)}
    text = f"MobileNet − standard {found.mean:+.2f} points{reach}, {pairs}"
    return f"{state[side(gaps)]} ({text})".replace("-", MINUS)


def conclude(data: Results, sections: Sections) -> Iterator[str]:
    """Which network knows better when it is wrong."""
    both = " and ".join(sections["calibration"][name]["disorder"] for name in NETWORKS)
    if sorting(data) == UNSORTED:
        return
    yield (
        "Sorting right from wrong by confidence, from perfect (0 %) to that of chance (100 %): "
        f"{both} %; {sorting(data)}."
    )


def disappoint(data: Results, sections: Sections) -> Iterator[str]:
    """A temperature that makes both worse."""
    scores = data.table("calibration_scores.csv").groupby("network").mean(numeric_only=True)
    fitted = (scores["temperature"] != 1).any()
    if fitted and (scores["nll_after"] >= scores["nll_before"]).all():
        yield "Temperature scaling lowers the mean NLL of neither network on the test images."
