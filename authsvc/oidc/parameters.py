"""Read the parameters of an OAuth request, raw, and those of an authorization request that are ours. Pure.

Authlib sees a mapping in which a repeated parameter has already lost a value, so the raw query or body is parsed here.
A parameter sent twice is refused, whichever it is (RFC 6749, 3.1 and 3.2); only `resource` may repeat (RFC 8707).
One without a value counts as absent.

Ours, because Authlib ignores or mishandles them: prompt, max_age, id_token_hint, login_hint, ui_locales, acr_values.
They are read here once and answered before Authlib sees the request; what it sees is in AUTHLIB.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from authsvc.accounts.levels import Level, requested_level
from authsvc.core.errors import BadInput

REPEATABLE = frozenset({"resource"})
MAX_CHARACTERS = 16_384
MAX_PARAMETERS = 50

PROMPTS = ("none", "login", "create", "select_account", "consent")
INTERACTIVE = frozenset(PROMPTS) - {"none"}
AUTHLIB = (
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
)
# What is kept in the flow beside those, for the second look where the code is issued. Never the hint itself: it is
# read once, and the subject it names is kept.
FROZEN = (*AUTHLIB, "prompt", "max_age", "acr_values", "ui_locales")
HINTED_SUBJECT = "hinted_sub"

MAX_NONCE = 512  # the column's width
MAX_LOGIN_HINT = 320  # an e-mail address: 64 + @ + 255

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MAX_AGE = re.compile(r"[0-9]{1,9}", re.ASCII)


class Refused(Exception):
    """An authorization request whose client hears why, by redirect."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description


@dataclass(frozen=True)
class Wishes:
    """What an authorization request says about who signs in, and how."""

    prompt: frozenset[str]
    max_age_s: int | None
    acr: Level
    login_hint: str | None
    id_token_hint: str | None

    @property
    def silent(self) -> bool:
        """Whether no page may be shown."""
        return "none" in self.prompt

    @property
    def interactive(self) -> bool:
        """Whether a page is wanted, whatever the session is worth."""
        return bool(self.prompt & INTERACTIVE)


def parse(raw: str) -> dict[str, list[str]]:
    """Return the values of each parameter of a urlencoded query or body.

    Raises:
        BadInput: `oidc.malformed_parameters`, `oidc.duplicate_parameter`.
    """
    if len(raw) > MAX_CHARACTERS:
        raise BadInput("oidc.malformed_parameters", "The request is longer than we read here.")
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except ValueError as problem:
        raise BadInput("oidc.malformed_parameters", "The request's parameters can't be read.") from problem
    parameters: dict[str, list[str]] = {}
    for name, value in pairs:
        if _CONTROL.search(name) or _CONTROL.search(value):
            raise BadInput("oidc.malformed_parameters", "A parameter holds control characters.")
        parameters.setdefault(name, []).append(value)
    for name, values in parameters.items():
        if len(values) > 1 and name not in REPEATABLE:
            raise BadInput("oidc.duplicate_parameter", "A parameter was sent twice, so the request has no one meaning.")
    return {name: values for name, values in parameters.items() if any(values)}


def single(parameters: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the parameters that have one value each."""
    return {name: values[0] for name, values in parameters.items() if name not in REPEATABLE}


def read_wishes(parameters: Mapping[str, str]) -> Wishes:
    """Return our own parameters, checked.

    Raises:
        Refused: one of them is malformed, or asks for what is not offered.
    """
    if "request" in parameters:
        raise Refused("request_not_supported", "Request objects are not supported.")
    if "request_uri" in parameters:
        raise Refused("request_uri_not_supported", "Request URIs are not supported.")
    if "registration" in parameters:
        raise Refused("registration_not_supported", "Clients are registered beforehand.")
    if parameters.get("response_mode", "query") != "query":
        raise Refused("invalid_request", "Only response_mode=query is supported.")
    if len(parameters.get("nonce", "")) > MAX_NONCE:
        raise Refused("invalid_request", f"A nonce has at most {MAX_NONCE} characters.")
    login_hint = parameters.get("login_hint")
    return Wishes(
        prompt=_prompt(parameters.get("prompt", "")),
        max_age_s=_max_age(parameters.get("max_age")),
        acr=requested_level(parameters.get("acr_values")),
        login_hint=login_hint if login_hint and len(login_hint) <= MAX_LOGIN_HINT else None,
        id_token_hint=parameters.get("id_token_hint"),
    )


def require_known_resources(resources: Sequence[str], known: Sequence[str]) -> None:
    """Refuse a token for a resource that isn't known here, rather than issue one that is good for nothing.

    Raises:
        Refused: `invalid_target` (RFC 8707, 2).
    """
    if any(resource not in known for resource in resources):
        raise Refused("invalid_target", "The resource is not known here.")


def freeze(parameters: Mapping[str, str], *, hinted_subject: str | None) -> dict[str, str]:
    """Return what of a validated request is kept in its flow."""
    kept = {name: parameters[name] for name in FROZEN if name in parameters}
    return kept | ({HINTED_SUBJECT: hinted_subject} if hinted_subject else {})


def for_authlib(parameters: Mapping[str, str]) -> dict[str, str]:
    """Return what Authlib may see: a request without prompt, so that it has nothing to ask again."""
    return {name: parameters[name] for name in AUTHLIB if name in parameters}


def _prompt(value: str) -> frozenset[str]:
    asked = frozenset(value.split())
    # OpenID Connect Prompt Create 1.0, 4: a value that is not offered is an error.
    if not asked <= set(PROMPTS):
        raise Refused("invalid_request", "A value of prompt is not supported.")
    if "none" in asked and len(asked) > 1:
        raise Refused("invalid_request", "prompt=none stands alone.")
    return asked


def _max_age(value: str | None) -> int | None:
    if value is None:
        return None
    if not _MAX_AGE.fullmatch(value):
        raise Refused("invalid_request", "max_age is a whole number of seconds.")
    return int(value)
