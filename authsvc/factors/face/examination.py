"""Whether a capture is what it says: first what can be read of it; once measured, one face, as asked, alive. Pure.

The checks have the numbers of the list in captures/service.py. A capture that fails 5 to 10 shows a person who has to
try again; one that fails 11 or 12 shows something that should not be there, and is over.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from authsvc.factors.face.claim import Capture
from authsvc.factors.face.matching.score import one_face
from authsvc.factors.face.measured import Measured, MeasuredFrame
from authsvc.factors.face.pipeline.decode import FrameBounds, check_frames
from authsvc.factors.face.prompts import Prompt, in_order, plausible_offsets, unfollowed
from authsvc.factors.face.refusals import FrameRefusal

# Whether the motion between the frames is that of a flat picture that is moved, and not of a head (liveness/).
Moved = Callable[[Sequence[MeasuredFrame]], bool]


@dataclass(frozen=True)
class Fault:
    """What is wrong with a capture. `final`: its ticket is over, and it counts as a failure."""

    code: str
    frame: int | None = None
    final: bool = False


def unfit(capture: Capture, *, asked: Sequence[Prompt], bounds: FrameBounds, elapsed_ms: float) -> FrameRefusal | None:
    """Return why a capture is not worth measuring, or None; reads headers only.

    Args:
        asked: the prompts of the ticket.
        elapsed_ms: since the server gave the order.
    """
    if len(capture.claim.frames) != len(capture.frames):
        return FrameRefusal("face.malformed_upload")
    if bad := check_frames(capture.frames, bounds):  # 7; first: an empty capture has no order
        return bad
    if not in_order(asked, capture.prompts):  # 5
        return FrameRefusal("face.prompts_out_of_order")
    if not plausible_offsets(capture.prompts, capture.offsets_ms, elapsed_ms=elapsed_ms):  # 6
        return FrameRefusal("face.offsets_implausible")
    return None


def fault_of(measured: Measured, said: Sequence[Prompt], *, moved: Moved, attack_limit: float) -> Fault | None:
    """Return what is wrong with a capture, or None.

    Args:
        attack_limit: log-odds of an attack from which on a capture is refused; one that is no number is refused.
    """
    if not one_face(measured.embeddings):  # 9
        return Fault("face.frames_differ")
    wrong = unfollowed(said, [frame.pose for frame in measured.frames])
    if wrong is not None:  # 10
        return Fault("face.prompt_not_followed", wrong)
    if moved(measured.frames):  # 11
        return Fault("face.moved_picture", final=True)
    if not measured.attack.log_odds < attack_limit:  # 12
        return Fault("face.attack_suspected", final=True)
    return None
