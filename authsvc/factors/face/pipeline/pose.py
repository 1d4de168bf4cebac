"""How a head is held, from dlib's five points. Pure.

The points are seen as from afar (weak perspective): a head is turned, then all of it is scaled alike. e is the distance
between the middles of the eyes in the picture, x and y how far the base of the nose lies from between them, along and
across the line of the eyes (y towards the chin). On the head, that base stands DEPTH before the line of the eyes and
DROP below it, in distances of the eyes:

    roll                the angle of the line of the eyes
    x / e             = DEPTH tan(yaw)
    y cos(yaw) / e    = DROP cos(pitch) - DEPTH sin(pitch) = R cos(pitch + A)
                        with R = sqrt(DEPTH^2 + DROP^2), A = atan(DEPTH / DROP)

Signs are those of measured.Pose: yaw grows to the person's own left, pitch with the chin going up, roll towards their
own left shoulder.

Limits: every head has another DEPTH and DROP, and no nose is quite straight. So an angle is off by some degrees that
stay the same for one person: compare frames of one capture with one another. A fifth more or less DEPTH than ours
reads 15 degrees as 18 or 12, and a turn of 25 with a nod of 10 reads as 31 (chin up) or 17; the nod could be taken out,
but where DROP is not the person's, that does more harm. Pitch ends at -29 degrees, where the nose's base lies lowest.
Points are whole pixels: at 70 pixels between the eyes, one is 2 degrees of yaw. docs/measurements.md has what that
means on people.
"""

import math

import numpy as np

from authsvc.factors.face.measured import FloatArray, Pose

# Where dlib's mean face has it (render_face_detections.h), and the median of 1,610 photographs of LFW: 0.76.
DROP = 0.77
# The base of a nose stands some 26 mm before the corners of eyes whose middles are some 62 mm apart.
DEPTH = 0.42

_REACH = math.hypot(DROP, DEPTH)
_ANGLE = math.atan2(DEPTH, DROP)


def pose_of(landmarks: FloatArray) -> Pose:
    """Return the pose that these five points show. Args: landmarks: as FoundFace has them."""
    right, left, nose = landmarks[:2].mean(axis=0), landmarks[2:4].mean(axis=0), landmarks[4]
    line = right - left
    eyes = max(float(np.hypot(line[0], line[1])), 1.0)  # points that fall together are no face, and no error either
    along = line / eyes
    across = np.array([-along[1], along[0]])
    from_middle = (nose - (right + left) / 2) / eyes
    yaw = math.atan(float(from_middle @ along) / DEPTH)
    drop = float(from_middle @ across) * math.cos(yaw)
    pitch = math.acos(min(max(drop / _REACH, -1.0), 1.0)) - _ANGLE
    roll = math.atan2(float(line[1]), float(line[0]))
    return Pose(math.degrees(yaw), math.degrees(pitch), math.degrees(roll), eyes)
