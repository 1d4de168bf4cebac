"""Which page the state of a flow has, and what stands on it; or where a flow without a page of its own leads.

Nothing of HTTP is here: routes.py renders a Page and redirects to a path.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from authsvc.accounts.addresses import hint
from authsvc.accounts.consents.service import WORDINGS, Purpose
from authsvc.accounts.levels import ProofKind
from authsvc.login.sign_up.service import SignUp
from authsvc.login.step_up.service import StepUp
from authsvc.login.steps import RECOVERY_KIND, recovery_page_of, reset_page_of, resume_of
from authsvc.login.store import Flow
from authsvc.login.transitions import State

STEP_UP_WHY = "This sign-in looks different from your usual ones, so we need one more proof that it is you."
LEVEL_WHY = "The shop asks for a stronger proof for what you are about to do."
OWN_WHY = "What comes next can change who gets into your account, so we ask for the strongest proof that it has."
DENIED_NEXT_STEPS = [
    "If you are the owner of this account, try again from a device and a place you usually sign in from.",
    "Sign in with a passkey, if you have one for this account.",
    "If neither works, please contact us.",
]


@dataclass(frozen=True)
class Page:
    """A template of login/, by name, and what it shows beside what all of them do."""

    name: str
    shows: Mapping[str, Any]


@dataclass(frozen=True)
class Seen:
    """What a page depends on beside its flow."""

    typed: Mapping[str, str] = field(default_factory=dict)  # what the person had filled in
    locked: bool = False  # passwords are refused until the owner shows up
    device: str | None = None  # the browser's device cookie


@dataclass(frozen=True)
class StatePages:
    """The pages of a sign-in."""

    sign_up: SignUp
    step_up: StepUp

    def page_of(self, flow: Flow, seen: Seen) -> Page | str:
        """Return the page, or the path that this flow leads to."""
        if flow.kind == RECOVERY_KIND:
            return recovery_page_of(flow.id)
        match flow.state:
            case State.IDENTIFY:
                return _identify(flow, seen)
            case State.PROVE_ADDRESS:
                return _code("sign_up", hint(flow.email or ""))
            case State.UNLOCK:
                return _code("unlock", hint(flow.email or ""))
            case State.CHOOSE_CREDENTIAL:
                return self._credential(flow)
            case State.STEP_UP if flow.kind == "account" and not flow.proofs:
                return Page("confirm", {"with_passkey": True})
            case State.STEP_UP:
                return self._step_up(flow, seen)
            case State.STEP_UP_CODE:
                return self._typed(flow)
            case State.MUST_CHANGE | State.RESET_CODE | State.NEW_PASSWORD:
                return reset_page_of(flow.id)
            case State.DENIED:
                return Page("denied", {"next_steps": DENIED_NEXT_STEPS})
            case (
                State.READY
                | State.REFUSED
                | State.SPENT
                | State.RECOVERY_ADDRESS
                | State.RECOVERY_CODE
                | State.RECOVERY
            ):
                return arrival_of(flow)

    def _credential(self, flow: Flow) -> Page:
        wording = WORDINGS[Purpose.TYPING]
        shows = {
            "passkey_only": self.sign_up.passkey_only(flow),
            "min_length": self.sign_up.passwords.settings.min_length,
            "typing_consent_text": wording.text,
            "typing_consent_version": wording.version,
            "email": flow.email or "",
        }
        return Page("credential", shows)

    def _step_up(self, flow: Flow, seen: Seen) -> Page:
        ladder = self.step_up.ladder(flow, device=seen.device)
        why = OWN_WHY if flow.kind in ("account", "face") else LEVEL_WHY
        shows = {
            "options": [{"kind": kind.value, "prompt": ladder.prompts.get(kind)} for kind in ladder.rungs],
            "why": STEP_UP_WHY if flow.risk_level >= flow.required_level else why,
            "has_passkey": ladder.has_passkey,
            "has_app": ladder.has_app,
        }
        return Page("step_up", shows)

    def _typed(self, flow: Flow) -> Page:
        if (factor := self.step_up.typed_factor(flow.step_up_kind)) is not None:
            return Page("typed", {"prompt": factor.prompt})
        ladder = self.step_up.ladder(flow)
        return _code("step_up", ladder.address_hint, can_resend=ProofKind.EMAIL_CODE in ladder.rungs)


def create_page(flow: Flow, typed: Mapping[str, str]) -> Page:
    """Return the page that asks a newcomer for name and address."""
    name, email = typed.get("name", flow.display_name or ""), typed.get("email", flow.email or "")
    return Page("create", {"name": name, "email": email})


def arrival_of(flow: Flow) -> str:
    """Return where a finished or refused flow leads."""
    if flow.kind == "client":
        return resume_of(flow.id)
    return "/console" if flow.kind == "console" and flow.state is not State.REFUSED else "/account"


def _identify(flow: Flow, seen: Seen) -> Page:
    if flow.grant_role or "create" in flow.prompt:
        return create_page(flow, seen.typed)
    if flow.account_id is not None:  # signed in, and about to prove it once more
        return Page("confirm", {"email": flow.email or "", "with_passkey": False, "locked": seen.locked})
    shows = {
        "email": seen.typed.get("email", flow.email or ""),
        "can_create": flow.kind == "client",
        "locked": seen.locked,
        "passkey_only": flow.kind == "console",
    }
    return Page("sign_in", shows)


def _code(purpose: str, address_hint: str, *, can_resend: bool = True) -> Page:
    return Page("code", {"address_hint": address_hint, "purpose": purpose, "can_resend": can_resend})
