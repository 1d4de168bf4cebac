"""Every pair of state and event, so that no step exists which nobody thought of."""

import itertools

from authsvc.login.transitions import TRANSITIONS, Event, State, after

OPEN = {
    State.IDENTIFY,
    State.PROVE_ADDRESS,
    State.CHOOSE_CREDENTIAL,
    State.STEP_UP,
    State.STEP_UP_CODE,
    State.UNLOCK,
}


def test_every_pair_is_in_the_table_or_impossible() -> None:
    for state, event in itertools.product(State, Event):
        assert after(state, event) is TRANSITIONS.get((state, event))


def test_nothing_leaves_spent() -> None:
    assert all(after(State.SPENT, event) is None for event in Event)


def test_only_ready_and_refused_can_be_resumed() -> None:
    assert {state for state in State if after(state, Event.RESUMED)} == {State.READY, State.REFUSED}


def test_ready_is_only_reached_by_proof() -> None:
    ways = {event for (_, event), target in TRANSITIONS.items() if target is State.READY}
    assert ways == {Event.ALLOWED, Event.PROVEN, Event.SIGNED_UP}


def test_a_step_up_is_only_left_by_proof_by_a_denial_or_by_giving_up() -> None:
    for state in (State.STEP_UP, State.STEP_UP_CODE):
        targets = {after(state, event) for event in Event} - {None}
        assert targets <= {
            State.READY,
            State.REFUSED,
            State.DENIED,
            State.STEP_UP,
            State.STEP_UP_CODE,
            State.IDENTIFY,
        }
    assert after(State.STEP_UP, Event.ALLOWED) is None


def test_denied_can_only_give_up() -> None:
    assert {event for event in Event if after(State.DENIED, event)} == {Event.CANCELLED}


def test_every_open_state_can_be_cancelled() -> None:
    assert all(after(state, Event.CANCELLED) is State.REFUSED for state in OPEN)


def test_a_recovery_never_becomes_a_sign_in() -> None:
    recovery = {State.RECOVERY_ADDRESS, State.RECOVERY_CODE, State.RECOVERY}
    assert {after(state, event) for state in recovery for event in Event} - {None} == (
        {State.RECOVERY_ADDRESS, State.RECOVERY_CODE, State.RECOVERY, State.SPENT}
    )
    assert not {state for state in set(State) - recovery for event in Event if after(state, event) in recovery}


def test_every_state_is_reachable() -> None:
    reached = {State.IDENTIFY, State.RECOVERY_ADDRESS}
    while grown := {after(state, event) for state in reached for event in Event} - {None} - reached:
        reached |= grown
    assert reached == set(State)
