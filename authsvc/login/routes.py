"""The journey's pages: which one a flow shows, and how a step is answered.

A page that posts gets back either a redirect to the flow's next page, or itself with a sentence (`Stay`). What a
service refuses as bad input becomes such a sentence too; the code stays in the request's log line and evidence.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from authsvc.accounts.addresses import hint
from authsvc.accounts.consents.service import WORDINGS, Purpose
from authsvc.accounts.devices.service import COOKIE_DAYS
from authsvc.accounts.levels import ProofKind
from authsvc.core.errors import AuthsvcError, BadInput, Conflict, Gone, NotAllowed, TooMany
from authsvc.login.service import Flows
from authsvc.login.sign_up.service import SignUp
from authsvc.login.step_up.service import StepUp
from authsvc.login.steps import RECOVERY_KIND, Go, Stay, page_of, recovery_page_of, reset_page_of
from authsvc.login.store import Flow
from authsvc.login.transitions import State
from authsvc.login.unlock.service import Unlock
from authsvc.login.visitor import Visitor
from authsvc.web import cookies
from authsvc.web.browser import browser_of
from authsvc.web.csrf import Csrf
from authsvc.web.origin import origin_of
from authsvc.web.pages import Pages

# A bounded text, so that pydantic looks at its characters: an unbounded one may hold half a surrogate pair, which no
# database takes (a multipart field in UTF-7 makes one).
MAX_TEXT = 8192
Text = Annotated[str, Form(max_length=MAX_TEXT)]

STEP_UP_WHY = "This sign-in looks different from your usual ones, so we need one more proof that it is you."
LEVEL_WHY = "The shop asks for a stronger proof for what you are about to do."
OWN_WHY = "What comes next can change who gets into your account, so we ask for the strongest proof that it has."


@dataclass(frozen=True)
class FlowPages:
    """Shows flows and answers their steps."""

    pages: Pages
    flows: Flows
    sign_up: SignUp
    step_up: StepUp
    session_days: int
    staff_hours: int

    def open(self, request: Request, flow_id: str) -> Flow:
        return self.flows.open(flow_id, browser=browser_of(request), origin=origin_of(request))

    def answer(
        self,
        request: Request,
        flow_id: str,
        work: Callable[[Flow], Go | Stay],
        show: Callable[..., Response] | None = None,
        **typed: str,
    ) -> Response:
        """Run one step and answer a form post. Args: typed is what the page shows again when it stays."""
        try:
            flow = self.open(request, flow_id)
            outcome = work(flow)
        except Conflict as problem:
            if problem.code != "flow.out_of_step":
                return self._stay(request, flow_id, Stay(problem.detail, 409), problem.code, show, typed)
            return RedirectResponse(page_of(flow_id), status_code=303)  # a double click or an old tab: show where it is
        except (BadInput, TooMany) as problem:
            status = 429 if isinstance(problem, TooMany) else 400
            stay = Stay(problem.detail, status, retry_after_s=getattr(problem, "retry_after_s", None))
            return self._stay(request, flow_id, stay, problem.code, show, typed)
        except (Gone, NotAllowed) as problem:
            return self.lost(request, problem)
        if isinstance(outcome, Stay):
            return self._stay(request, flow_id, outcome, None, show, typed)
        response = RedirectResponse(outcome.to, status_code=303)
        self.keep(response, outcome)
        return response

    def answer_json(self, request: Request, flow_id: str, work: Callable[[Flow], Go | Stay]) -> Response:
        """Run one step and answer a script: where to go next, or a problem document."""
        outcome = work(self.open(request, flow_id))
        if isinstance(outcome, Stay):
            if outcome.code is not None:
                refusal = BadInput if outcome.status == 400 else NotAllowed
                raise refusal(outcome.code, outcome.error, members=outcome.members)
            raise BadInput("passkey.refused", outcome.error)
        response = JSONResponse({"next": outcome.to})
        self.keep(response, outcome)
        return response

    def show(
        self, request: Request, flow: Flow, stay: Stay | None = None, *, typed: Mapping[str, str] | None = None
    ) -> Response:
        """Return the page of the flow's state. Args: typed is what the person had filled in."""
        if flow.kind == RECOVERY_KIND:
            return RedirectResponse(recovery_page_of(flow.id), status_code=303)
        typed, error, status = typed or {}, stay.error if stay else None, stay.status if stay else 200
        common: dict[str, Any] = {"flow": flow.id, "client_name": flow.client_name, "error": error}
        common["leads_back"] = flow.kind in ("client", "face")  # our own pages would only ask for a sign-in again
        common["team"] = flow.client_name if flow.kind == "client" else self.step_up.service_name
        common |= self.dress(flow)
        form_action = (flow.redirect_origin,) if flow.redirect_origin else ()

        def page(name: str, **context: Any) -> Response:
            return self.pages.render(
                request, f"login/{name}.html", status=status, form_action=form_action, **common, **context
            )

        match flow.state:
            case State.IDENTIFY:
                if flow.grant_role or "create" in flow.prompt:
                    return self.show_create(request, flow, stay, typed=typed)
                if flow.account_id is not None:  # signed in, and about to prove it once more
                    locked = stay is not None and stay.locked
                    return page("confirm", email=flow.email or "", with_passkey=False, locked=locked)
                return page(
                    "sign_in",
                    email=typed.get("email", flow.email or ""),
                    can_create=flow.kind == "client",
                    locked=stay is not None and stay.locked,
                    passkey_only=flow.kind == "console",
                )
            case State.PROVE_ADDRESS | State.UNLOCK:
                purpose = "sign_up" if flow.state is State.PROVE_ADDRESS else "unlock"
                return page("code", address_hint=hint(flow.email or ""), purpose=purpose, can_resend=True)
            case State.CHOOSE_CREDENTIAL:
                wording = WORDINGS[Purpose.TYPING]
                return page(
                    "credential",
                    passkey_only=self.sign_up.passkey_only(flow),
                    min_length=self.sign_up.passwords.settings.min_length,
                    typing_consent_text=wording.text,
                    typing_consent_version=wording.version,
                    email=flow.email or "",
                )
            case State.STEP_UP if flow.kind == "account" and not flow.proofs:
                return page("confirm", with_passkey=True)
            case State.STEP_UP:
                ladder = self.step_up.ladder(flow, device=cookies.read(request, cookies.DEVICE))
                why = OWN_WHY if flow.kind in ("account", "face") else LEVEL_WHY
                why = STEP_UP_WHY if flow.risk_level >= flow.required_level else why
                options = [{"kind": kind.value, "prompt": ladder.prompts.get(kind)} for kind in ladder.rungs]
                return page("step_up", options=options, why=why, has_passkey=ladder.has_passkey, has_app=ladder.has_app)
            case State.STEP_UP_CODE:
                if (factor := self.step_up.typed_factor(flow.step_up_kind)) is not None:
                    return page("typed", prompt=factor.prompt)
                ladder = self.step_up.ladder(flow)
                can_resend = ProofKind.EMAIL_CODE in ladder.rungs
                return page("code", address_hint=ladder.address_hint, purpose="step_up", can_resend=can_resend)
            case State.MUST_CHANGE | State.RESET_CODE | State.NEW_PASSWORD:
                return RedirectResponse(reset_page_of(flow.id), status_code=303)
            case State.DENIED:
                return page("denied", next_steps=DENIED_NEXT_STEPS)
            case (
                State.READY
                | State.REFUSED
                | State.SPENT
                | State.RECOVERY_ADDRESS
                | State.RECOVERY_CODE
                | State.RECOVERY
            ):
                return RedirectResponse(_arrival_of(flow), status_code=303)

    def show_create(
        self, request: Request, flow: Flow, stay: Stay | None = None, *, typed: Mapping[str, str] | None = None
    ) -> Response:
        """Return the page that asks a newcomer for name and address."""
        typed = typed or {}
        return self.pages.render(
            request,
            "login/create.html",
            status=stay.status if stay else 200,
            form_action=(flow.redirect_origin,) if flow.redirect_origin else (),
            flow=flow.id,
            client_name=flow.client_name,
            error=stay.error if stay else None,
            leads_back=flow.kind == "client",
            name=typed.get("name", flow.display_name or ""),
            email=typed.get("email", flow.email or ""),
            **self.dress(flow),
        )

    def dress(self, flow: Flow) -> dict[str, Any]:
        """Return what a page of this flow shows of the client that began it."""
        brand = self.flows.brand_of(flow)
        if brand is None:
            return {}
        support = brand.letterhead.support
        return {"brand": brand} | ({"support_contact": support} if support else {})

    def lost(self, request: Request, problem: AuthsvcError) -> Response:
        """Return the plain page for a flow that is over, or belongs to another browser."""
        name = {"flow.expired": "expired", "flow.foreign_browser": "foreign_browser"}.get(problem.code)
        if name is None:
            raise problem
        request.scope["state"]["problem"] = problem.code
        context: dict[str, Any] = {"flow": "", "client_name": "", "error": None}
        return self.pages.render(request, f"login/{name}.html", status=410 if name == "expired" else 403, **context)

    def keep(self, response: Response, outcome: Go) -> None:
        """Give the browser what a completed step earned it."""
        if outcome.session_secret:
            cookies.put(response, cookies.SESSION, outcome.session_secret, max_age_s=self.session_days * 86_400)
        if outcome.staff_secret:
            cookies.put(response, cookies.CONSOLE, outcome.staff_secret, max_age_s=self.staff_hours * 3600)
        if outcome.device_cookie:
            cookies.put(response, cookies.DEVICE, outcome.device_cookie, max_age_s=COOKIE_DAYS * 86_400)

    def _stay(
        self,
        request: Request,
        flow_id: str,
        stay: Stay,
        code: str | None,
        show: Callable[..., Response] | None,
        typed: dict[str, str],
    ) -> Response:
        if code:
            request.scope["state"]["problem"] = code
        flow = self.open(request, flow_id)  # a step that stays may have moved on in another tab
        response = (show or self.show)(request, flow, stay, typed=typed)
        if stay.retry_after_s:
            response.headers["retry-after"] = str(stay.retry_after_s)
        return response


DENIED_NEXT_STEPS = [
    "If you are the owner of this account, try again from a device and a place you usually sign in from.",
    "Sign in with a passkey, if you have one for this account.",
    "If neither works, please contact us.",
]


def visitor_of(request: Request, flow: Flow) -> Visitor:
    """Return what the browser sent along."""
    name = cookies.CONSOLE if flow.kind == "console" else cookies.SESSION
    return Visitor(origin_of(request), cookies.read(request, cookies.DEVICE), cookies.read(request, name))


def build_router(shown: FlowPages, unlock: Unlock, csrf: Csrf) -> APIRouter:
    """Return the routes that every flow shares: its page, codes, turning back."""
    router = APIRouter(prefix="/login", dependencies=[Depends(csrf.require)], include_in_schema=False)
    flows, sign_up, step_up = shown.flows, shown.sign_up, shown.step_up

    @router.get("")
    def page(request: Request, flow: str = "") -> Response:
        try:
            return shown.show(request, shown.open(request, flow))
        except (Gone, NotAllowed) as problem:
            return shown.lost(request, problem)

    @router.post("/code")
    def code(request: Request, flow: Text, code: Text) -> Response:
        def work(opened: Flow) -> Go | Stay:
            match opened.state:
                case State.STEP_UP_CODE:
                    return step_up.check_code(opened, typed=code, visitor=visitor_of(request, opened))
                case State.UNLOCK:
                    return unlock.check_code(opened, typed=code, origin=origin_of(request))
                case _:
                    return sign_up.check_code(opened, typed=code, origin=origin_of(request))

        return shown.answer(request, flow, work)

    @router.post("/code/resend")
    def resend(request: Request, flow: Text) -> Response:
        def work(opened: Flow) -> Go:
            match opened.state:
                case State.PROVE_ADDRESS:
                    return sign_up.resend(opened, origin=origin_of(request))
                case State.UNLOCK:
                    return unlock.resend(opened, origin=origin_of(request))
                case _:
                    return step_up.send_code(opened, origin=origin_of(request))

        return shown.answer(request, flow, work)

    @router.post("/back")
    def back(request: Request, flow: Text) -> Response:
        def work(opened: Flow) -> Go:
            return Go(page_of(flows.back(opened).id))

        return shown.answer(request, flow, work)

    @router.post("/cancel")
    def cancel(request: Request, flow: Text) -> Response:
        def work(opened: Flow) -> Go:
            unmet = opened.state is State.STEP_UP and not step_up.ladder(opened).rungs
            return Go(_arrival_of(flows.cancel(opened, unmet=unmet, origin=origin_of(request))))

        return shown.answer(request, flow, work)

    return router


def _arrival_of(flow: Flow) -> str:
    """Return where a finished or refused flow leads."""
    if flow.kind == "client":
        return f"/oauth2/authorize/resume?flow={flow.id}"
    return "/console" if flow.kind == "console" and flow.state is not State.REFUSED else "/account"
