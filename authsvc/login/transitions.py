"""Every step a sign-in flow can take: (state, event) -> state. What is not in the table can't happen. Pure.

identify ──sign_up_begun──▶ prove_address ──address_proven──▶ choose_credential ──signed_up──▶ ready
   │  ├──allowed─────────────────────────────────────────────────────────────────────────────▶ ready
   │  ├──step_up_asked──▶ step_up ◀─back─▶ step_up_code ──proven──▶ ready
   │  ├──unlock_begun───▶ unlock ──unlocked──▶ identify
   │  └──denied─────────▶ denied
   identify ──reset_begun──▶ reset_code ──mailbox_proven──▶ new_password ──▶ as from identify
   identify ──change_demanded──▶ must_change ──reset_begun──▶ reset_code
   recovery_address ──recovery_begun──▶ recovery_code ──mailbox_proven──▶ recovery ──recovered──▶ spent
   any open state ──cancelled──▶ refused          ready, refused ──resumed──▶ spent
"""

from enum import StrEnum


class State(StrEnum):
    """Where a flow stands; the page of each is in login/routes.py (`show`), reset/routes.py and recovery/routes.py."""

    IDENTIFY = "identify"
    PROVE_ADDRESS = "prove_address"
    CHOOSE_CREDENTIAL = "choose_credential"
    STEP_UP = "step_up"
    STEP_UP_CODE = "step_up_code"
    UNLOCK = "unlock"
    MUST_CHANGE = "must_change"
    RESET_CODE = "reset_code"
    NEW_PASSWORD = "new_password"
    RECOVERY_ADDRESS = "recovery_address"
    RECOVERY_CODE = "recovery_code"
    RECOVERY = "recovery"
    READY = "ready"  # finished; whoever began it has not taken it yet
    DENIED = "denied"  # by the policy
    REFUSED = "refused"  # by the person, who turned back, or because what the client asks can't be proven
    SPENT = "spent"


class Event(StrEnum):
    """What moves a flow on."""

    SIGN_UP_BEGUN = "sign_up_begun"
    ADDRESS_PROVEN = "address_proven"
    SIGNED_UP = "signed_up"
    ALLOWED = "allowed"
    STEP_UP_ASKED = "step_up_asked"
    DENIED = "denied"
    FACTOR_CHOSEN = "factor_chosen"
    CODE_SENT = "code_sent"
    PROVEN = "proven"
    UNLOCK_BEGUN = "unlock_begun"
    UNLOCKED = "unlocked"
    CHANGE_DEMANDED = "change_demanded"
    RESET_BEGUN = "reset_begun"
    RECOVERY_BEGUN = "recovery_begun"
    MAILBOX_PROVEN = "mailbox_proven"
    RECOVERED = "recovered"
    BACK = "back"
    CANCELLED = "cancelled"
    RESUMED = "resumed"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.IDENTIFY, Event.SIGN_UP_BEGUN): State.PROVE_ADDRESS,
    (State.IDENTIFY, Event.ALLOWED): State.READY,
    (State.IDENTIFY, Event.STEP_UP_ASKED): State.STEP_UP,
    (State.IDENTIFY, Event.DENIED): State.DENIED,
    (State.IDENTIFY, Event.UNLOCK_BEGUN): State.UNLOCK,
    (State.IDENTIFY, Event.CANCELLED): State.REFUSED,
    (State.PROVE_ADDRESS, Event.SIGN_UP_BEGUN): State.PROVE_ADDRESS,  # another address, or a new code
    (State.PROVE_ADDRESS, Event.ADDRESS_PROVEN): State.CHOOSE_CREDENTIAL,
    (State.PROVE_ADDRESS, Event.BACK): State.IDENTIFY,
    (State.PROVE_ADDRESS, Event.CANCELLED): State.REFUSED,
    (State.CHOOSE_CREDENTIAL, Event.SIGNED_UP): State.READY,
    (State.CHOOSE_CREDENTIAL, Event.CANCELLED): State.REFUSED,
    (State.STEP_UP, Event.FACTOR_CHOSEN): State.STEP_UP_CODE,
    (State.STEP_UP, Event.CODE_SENT): State.STEP_UP_CODE,
    (State.STEP_UP, Event.PROVEN): State.READY,
    (State.STEP_UP, Event.DENIED): State.DENIED,  # the proof itself was suspicious
    (State.STEP_UP, Event.BACK): State.IDENTIFY,
    (State.STEP_UP, Event.CANCELLED): State.REFUSED,
    (State.STEP_UP_CODE, Event.CODE_SENT): State.STEP_UP_CODE,
    (State.STEP_UP_CODE, Event.PROVEN): State.READY,
    (State.STEP_UP_CODE, Event.DENIED): State.DENIED,
    (State.STEP_UP_CODE, Event.BACK): State.STEP_UP,
    (State.STEP_UP_CODE, Event.CANCELLED): State.REFUSED,
    (State.UNLOCK, Event.UNLOCK_BEGUN): State.UNLOCK,
    (State.UNLOCK, Event.UNLOCKED): State.IDENTIFY,
    (State.UNLOCK, Event.BACK): State.IDENTIFY,
    (State.UNLOCK, Event.CANCELLED): State.REFUSED,
    (State.IDENTIFY, Event.RESET_BEGUN): State.RESET_CODE,
    (State.IDENTIFY, Event.CHANGE_DEMANDED): State.MUST_CHANGE,
    (State.MUST_CHANGE, Event.RESET_BEGUN): State.RESET_CODE,
    (State.MUST_CHANGE, Event.BACK): State.IDENTIFY,
    (State.MUST_CHANGE, Event.CANCELLED): State.REFUSED,
    (State.RESET_CODE, Event.RESET_BEGUN): State.RESET_CODE,  # another address, or a new code
    (State.RESET_CODE, Event.MAILBOX_PROVEN): State.NEW_PASSWORD,
    (State.RESET_CODE, Event.BACK): State.IDENTIFY,
    (State.RESET_CODE, Event.CANCELLED): State.REFUSED,
    (State.NEW_PASSWORD, Event.ALLOWED): State.READY,
    (State.NEW_PASSWORD, Event.STEP_UP_ASKED): State.STEP_UP,
    (State.NEW_PASSWORD, Event.DENIED): State.DENIED,
    (State.NEW_PASSWORD, Event.CANCELLED): State.REFUSED,
    (State.RECOVERY_ADDRESS, Event.RECOVERY_BEGUN): State.RECOVERY_CODE,
    (State.RECOVERY_CODE, Event.RECOVERY_BEGUN): State.RECOVERY_CODE,
    (State.RECOVERY_CODE, Event.MAILBOX_PROVEN): State.RECOVERY,
    (State.RECOVERY_CODE, Event.BACK): State.RECOVERY_ADDRESS,
    (State.RECOVERY, Event.RECOVERED): State.SPENT,
    (State.DENIED, Event.CANCELLED): State.REFUSED,
    (State.READY, Event.RESUMED): State.SPENT,
    (State.REFUSED, Event.RESUMED): State.SPENT,
}


def after(state: State, event: Event) -> State | None:
    """Return the state that follows, or None where the event can't happen."""
    return TRANSITIONS.get((state, event))
