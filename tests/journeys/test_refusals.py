"""Whatever is refused leaves evidence, wherever it was refused; and no secret in it."""

import pytest

from authsvc.web.middleware import DEFAULT_BODY_BYTES
from tests.support.running import Running

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TOO_MUCH = b"x" * (DEFAULT_BODY_BYTES + 1)


def pieces() -> object:
    yield from (TOO_MUCH[:1000] for _ in range(100))


@pytest.mark.parametrize("body", [TOO_MUCH, pieces], ids=["declared", "streamed"])
def test_a_body_that_is_too_large(local: Running, body: object) -> None:
    content = body() if callable(body) else body
    answer = local.browser().http.post("/oauth2/token", content=content, headers=FORM)
    assert answer.status_code == 413
    facts = local.events("web:request:refused")[-1].facts
    assert (facts["code"], facts["status"]) == ("request.too_large", 413)
    assert facts["route"].startswith("/oauth2")


def test_the_secret_in_a_link_is_no_evidence(local: Running) -> None:
    assert local.browser().http.post("/not-me/the-secret-of-a-link", content=TOO_MUCH, headers=FORM).status_code == 413
    assert local.events("web:request:refused")[-1].facts["route"] == "/not-me"
