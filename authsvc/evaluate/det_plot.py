"""Draws error trade-offs (DET curves) into a PNG file with matplotlib, on the axes of ISO/IEC 19795-1."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import norm

from authsvc.evaluate.rates import Curve

TICKS = (0.0001, 0.001, 0.01, 0.05, 0.1, 0.2, 0.4)
LEAST = 0.00005  # a rate of nought lies at minus infinity on these axes


def draw(
    curves: Mapping[str, Curve],
    path: Path,
    *,
    title: str,
    across: str = "false match rate",
    down: str = "false non-match rate",
) -> None:
    """Write a DET plot, one line for each name."""
    figure = Figure(figsize=(6, 5), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    for name, each in curves.items():
        axes.plot(norm.ppf(np.clip(each.fmr, LEAST, 0.6)), norm.ppf(np.clip(each.fnmr, LEAST, 0.6)), label=name)
    places, words = norm.ppf(TICKS), [f"{100 * tick:g} %" for tick in TICKS]
    axes.set_xticks(places, words)
    axes.set_yticks(places, words)
    axes.set(xlabel=across, ylabel=down, title=title)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path)
