"""A sign-in that its owner disowns is labelled: from the activity page, and by the link in a warning."""

from sqlalchemy import select

from authsvc.risk.feedback.labels import Label
from authsvc.risk.feedback.tables import risk_labels
from authsvc.risk.tables import risk_decisions
from tests.support.account_pages import EMAIL, newest_event, rows, second_device, signed_up
from tests.support.running import Running


def newest_decision(service: Running) -> str:
    with service.services.database.read() as connection:
        query = select(risk_decisions.c.id).order_by(risk_decisions.c.at.desc(), risk_decisions.c.id.desc())
        return str(connection.execute(query).scalars().first())


def labels(service: Running) -> dict[str, str]:
    return {row.decision_id: row.label for row in rows(service, risk_labels)}


def test_the_sign_in_chosen_in_the_activity_is_labelled_and_no_other(service: Running) -> None:
    owner = signed_up(service)
    second_device(service)
    thiefs = newest_decision(service)
    event = newest_event(service, EMAIL)
    owner.open(f"/account/activity/not-me?event={event}")
    owner.submit("/account/activity/not-me")
    assert labels(service) == {thiefs: Label.NOT_ME}
    assert service.events("risk:label:set")[-1].facts == {"decision": thiefs, "label": "not_me"}


def test_the_sign_in_that_a_warning_was_about_is_labelled_once(service: Running) -> None:
    signed_up(service)
    service.clock.advance(minutes=5)
    second_device(service)
    thiefs = newest_decision(service)
    (link,) = [word for word in service.mails(EMAIL)[0].text.split() if "/not-me?token=" in word]
    stranger = service.browser(peer="203.0.113.77")
    stranger.open(link)
    stranger.submit("/not-me")
    assert labels(service) == {thiefs: Label.NOT_ME}
