"""Why something was not measured, in words for whoever runs the bench."""


class NotMeasured(Exception):
    """Something that the measurement needs is not there, or does not work; said in a line."""
