"""Draws a reliability diagram into a PNG file with matplotlib: what was said against what came of it.

Axes are in log-odds, because most probabilities of an attack are tiny; a bin of which nothing came true lies on the
lower edge, its interval still tells how much could be.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from authsvc.evaluate.calibration import Calibration

TICKS = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
EDGE = 0.0003


def draw_reliability(found: Calibration, path: Path, *, title: str) -> None:
    """Write the diagram."""
    figure = Figure(figsize=(6, 5), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    ends = _places([EDGE, 1 - EDGE])
    axes.plot(ends, ends, color="gray", linestyle="--", label="as said")
    said, true = _places([each.said for each in found.bins]), _places([each.came_true.rate for each in found.bins])
    low = _places([each.came_true.low for each in found.bins])
    high = _places([each.came_true.high for each in found.bins])
    axes.errorbar(said, true, yerr=[true - low, high - true], marker="o", capsize=3, label="labels, 95 % interval")
    for each, x, y in zip(found.bins, said, true, strict=True):
        axes.annotate(str(each.count), (x, y), textcoords="offset points", xytext=(6, -10), fontsize=7)
    places, words = _places(TICKS), [f"{100 * tick:g} %" for tick in TICKS]
    axes.set_xticks(places, words)
    axes.set_yticks(places, words)
    axes.set(xlabel="probability of an attack that was said", ylabel="share of attacks among labels", title=title)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path)


def _places(probabilities: "list[float] | tuple[float, ...]") -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    kept = np.clip(np.array(probabilities, np.float64), EDGE, 1 - EDGE)
    return np.log(kept / (1 - kept))
