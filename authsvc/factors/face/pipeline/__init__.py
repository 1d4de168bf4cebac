"""From bytes to what they show: decode, find the face, align, judge, embed. Runs in worker processes (measure.py)."""
