"""Projections of embeddings: the implementations of t-SNE and UMAP, their time and their quality.

Quality is trustworthiness (Venna and Kaski 2001): whether neighbours in the picture are neighbours
among the embeddings.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from analysis.benchmark.arms import Arm, interleave
from analysis.benchmark.record import Row, ratios, row
from analysis.benchmark.settings import Settings, as_input
from netlib.answer.predictor import Predictor

AREA = "projection"
SAMPLE = 2000  # trustworthiness takes memory that grows with the square
NEIGHBOURS = 10
PERPLEXITY = 30
TIME, QUALITY = "time", "trustworthiness"


def run(settings: Settings) -> list[Row]:
    """Seconds and trustworthiness of each implementation, on the standard network's embeddings."""
    images = as_input(settings.digits("test")[0])[: settings.choose(300, 10_000)]
    predictor = Predictor({"standard": settings.checkpoints["standard"]})
    embeddings = predictor.predict_one("standard", images).embeddings
    n = settings.threads
    methods: dict[str, dict[str, Any]] = {
        "scikit-learn t-SNE": {"kind": "sklearn", "n_jobs": n},
        "openTSNE, FFT": {"kind": "openTSNE", "n_jobs": n, "negative_gradient_method": "fft"},
        "openTSNE, Barnes-Hut": {"kind": "openTSNE", "n_jobs": n, "negative_gradient_method": "bh"},
        "UMAP, seeded": {"kind": "umap", "random_state": 0, "n_jobs": 1},
        "UMAP, parallel": {"kind": "umap", "n_jobs": n},
        "UMAP, seeded, 200 epochs": {
            "kind": "umap", "random_state": 0, "n_jobs": 1, "n_epochs": 200,
        },
    }  # fmt: skip
    if settings.quick:
        methods = {name: methods[name] for name in ("scikit-learn t-SNE", "openTSNE, FFT")}
    arms = {name: Arm(make, (embeddings, options), threads=n) for name, options in methods.items()}
    results = interleave(arms, [TIME, QUALITY], 1)
    what = f"{len(embeddings):,} embeddings"
    rows = []
    for case, unit in ((TIME, "s"), (QUALITY, "")):
        rows += [row(AREA, f"{what}, {case}", arm, results[arm, case], unit) for arm in arms]
    sklearn = results["scikit-learn t-SNE", TIME]
    rows.append(row(AREA, f"{what}, speed-up over scikit-learn", "openTSNE, FFT",
                    ratios(sklearn, results["openTSNE, FFT", TIME]), "×"))  # fmt: skip
    return rows


def make(embeddings: np.ndarray, options: dict[str, Any]) -> Callable[[str], float]:
    """An arm that projects, then tells the time (compilation not counted) or the quality."""
    options = dict(options)
    kind = options.pop("kind")
    project = {"sklearn": _sklearn, "openTSNE": _opentsne, "umap": _umap}[kind]
    if kind == "umap":
        project(embeddings[:200], options)  # numba compiles
    found: list[np.ndarray] = []

    def work(case: str) -> float:
        if case == TIME:
            start = time.perf_counter()
            found[:] = [project(embeddings, options)]
            return time.perf_counter() - start
        return quality(embeddings, found[0])

    return work


def quality(embeddings: np.ndarray, projection: np.ndarray) -> float:
    """Trustworthiness among the first `SAMPLE` points, from 0 to 1."""
    from sklearn.manifold import trustworthiness

    few = embeddings[:SAMPLE], projection[:SAMPLE]
    return float(trustworthiness(*few, n_neighbors=NEIGHBOURS))


def _sklearn(embeddings: np.ndarray, options: dict[str, Any]) -> np.ndarray:
    from sklearn.manifold import TSNE

    return TSNE(perplexity=PERPLEXITY, random_state=0, **options).fit_transform(embeddings)


def _opentsne(embeddings: np.ndarray, options: dict[str, Any]) -> np.ndarray:
    from openTSNE import TSNE

    return np.asarray(TSNE(perplexity=PERPLEXITY, random_state=0, **options).fit(embeddings))


def _umap(embeddings: np.ndarray, options: dict[str, Any]) -> np.ndarray:
    import umap

    return umap.UMAP(**options).fit_transform(embeddings)
