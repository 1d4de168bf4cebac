"""`authsvc bench`: measure this machine, side by side in one run, and print one JSON object."""

from authsvc.cli.bench.command import bench

__all__ = ["bench"]
