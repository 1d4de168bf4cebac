"""What a ticket asks for, and when the frames have followed it."""

import pytest

from authsvc.factors.face.measured import Pose
from authsvc.factors.face.prompts import (
    RANDOM_BYTES,
    SEQUENCES,
    Prompt,
    in_order,
    plausible_offsets,
    sequence_of,
    unfollowed,
)

STRAIGHT, LEFT, RIGHT, CLOSER = Prompt.STRAIGHT, Prompt.LEFT, Prompt.RIGHT, Prompt.CLOSER


def pose(yaw: float = 0.0, eyes: float = 60.0) -> Pose:
    return Pose(yaw_deg=yaw, pitch_deg=0.0, roll_deg=0.0, eyes_px=eyes)


def test_each_sequence_is_chosen_and_begins_with_the_pose_that_the_others_are_measured_against() -> None:
    chosen = {sequence_of(number.to_bytes(RANDOM_BYTES)) for number in range(12)}
    assert chosen == set(SEQUENCES)
    assert len(chosen) == 6
    assert all(each[0] is STRAIGHT and len(set(each)) == 3 for each in chosen)


@pytest.mark.parametrize("count", [0, 1, RANDOM_BYTES - 1, RANDOM_BYTES + 1])
def test_a_sequence_is_never_chosen_by_fewer_random_bytes(count: int) -> None:
    with pytest.raises(ValueError, match="random bytes"):
        sequence_of(bytes(count))


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ((STRAIGHT, LEFT, CLOSER), True),
        ((STRAIGHT, STRAIGHT, LEFT, LEFT, CLOSER), True),
        ((STRAIGHT, CLOSER, LEFT), False),
        ((STRAIGHT, LEFT), False),
        ((LEFT, CLOSER, STRAIGHT), False),
        ((STRAIGHT, LEFT, STRAIGHT, CLOSER), False),
        ((STRAIGHT, LEFT, CLOSER, RIGHT), False),
        ((), False),
    ],
)
def test_frames_answer_every_prompt_in_order(said: tuple[Prompt, ...], right: bool) -> None:
    assert in_order((STRAIGHT, LEFT, CLOSER), said) is right


@pytest.mark.parametrize(
    ("offsets", "right"),
    [
        ((0, 400, 900), True),
        ((700, 850, 1000), True),
        ((0, 149, 900), False),  # no head moves so fast
        ((0, 400, 400), False),
        ((900, 400, 0), False),
        ((-1, 400, 900), False),
        ((0, 400, 12_000), True),
        ((0, 400, 12_001), False),  # after we had it
    ],
)
def test_frames_are_taken_one_after_another_before_they_arrive(offsets: tuple[int, ...], right: bool) -> None:
    assert plausible_offsets((STRAIGHT, LEFT, CLOSER), offsets, elapsed_ms=10_000) is right


def test_frames_of_one_prompt_may_follow_as_fast_as_a_camera_takes_them() -> None:
    assert plausible_offsets((STRAIGHT, STRAIGHT), (0, 10), elapsed_ms=1000)
    assert not plausible_offsets((STRAIGHT, STRAIGHT), (0, 9), elapsed_ms=1000)


@pytest.mark.parametrize(
    ("said", "poses", "wrong"),
    [
        ((STRAIGHT, LEFT, CLOSER), (pose(), pose(15), pose(0, 75)), None),
        ((STRAIGHT, RIGHT, LEFT), (pose(), pose(-15), pose(15)), None),
        # the same face's own error is in every frame
        ((STRAIGHT, LEFT, RIGHT), (pose(6), pose(14), pose(-2)), None),
        ((STRAIGHT, LEFT, RIGHT), (pose(6), pose(12), pose(-2)), 1),
        ((STRAIGHT, LEFT, CLOSER), (pose(21), pose(35), pose(21, 75)), 0),  # not straight
        ((STRAIGHT, LEFT, CLOSER), (pose(), pose(6.9), pose(0, 75)), 1),  # hardly turned
        ((STRAIGHT, LEFT, CLOSER), (pose(), pose(-15), pose(0, 75)), 1),  # the other way: a mirrored film
        ((STRAIGHT, LEFT, CLOSER), (pose(), pose(41), pose(0, 75)), 1),
        ((STRAIGHT, LEFT, CLOSER), (pose(), pose(15), pose(0, 68)), 2),  # not closer
        ((STRAIGHT, LEFT, CLOSER), (pose(), pose(15), pose(15, 75)), 2),  # closer, but turned
        ((STRAIGHT, LEFT, RIGHT), (pose(), pose(), pose()), 1),  # a photograph
    ],
)
def test_poses_show_what_was_asked_for(said: tuple[Prompt, ...], poses: tuple[Pose, ...], wrong: int | None) -> None:
    assert unfollowed(said, poses) == wrong


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_pose_that_is_no_number_follows_nothing(bad: float) -> None:
    assert unfollowed((STRAIGHT, LEFT, CLOSER), (pose(bad), pose(15), pose(0, 75))) == 0
    assert unfollowed((STRAIGHT, LEFT, CLOSER), (pose(), pose(bad), pose(0, 75))) == 1
    assert unfollowed((STRAIGHT, LEFT, CLOSER), (pose(), pose(15), pose(0, float("nan")))) == 2
