"""Whether a measured capture is what it says: one face, doing what was asked, alive. Pure.

The checks go on where service.py's list has them, in its order and with its numbers. A capture that fails 9 or 10 shows
a person who has to try again; one that fails 11 or 12 shows something that should not be there, and is over.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from authsvc.factors.face.matching.score import one_face
from authsvc.factors.face.measured import Measured, MeasuredFrame
from authsvc.factors.face.prompts import Prompt, unfollowed

# Whether the motion between the frames is that of a flat picture that is moved, and not of a head (liveness/).
Moved = Callable[[Sequence[MeasuredFrame]], bool]


@dataclass(frozen=True)
class Fault:
    """What is wrong with a capture. `final`: its ticket is over, and it counts as a failure."""

    code: str
    frame: int | None = None
    final: bool = False


def fault_of(measured: Measured, said: Sequence[Prompt], *, moved: Moved, attack_limit: float) -> Fault | None:
    """Return what is wrong with a capture, or None.

    Args:
        attack_limit: log-odds of an attack from which on a capture is refused; one that is no number is refused.
    """
    if not one_face([frame.embedding for frame in measured.frames]):  # 9
        return Fault("face.frames_differ")
    wrong = unfollowed(said, [frame.pose for frame in measured.frames])
    if wrong is not None:  # 10
        return Fault("face.prompt_not_followed", wrong)
    if moved(measured.frames):  # 11
        return Fault("face.moved_picture", final=True)
    if not measured.attack.log_odds < attack_limit:  # 12
        return Fault("face.attack_suspected", final=True)
    return None
