"""What is made of the settings and the files that they name, and knows no other part."""

from functools import partial

from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.lanes import ProcessLane, ThreadLane
from authsvc.core.mail import Notifier, SmtpNotifier
from authsvc.factors.face.embedder.choice import choice_of
from authsvc.factors.face.pipeline.measure import begin_worker
from authsvc.factors.passkey.authenticator_names import load_names
from authsvc.factors.passkey.ceremony import RelyingParty
from authsvc.factors.passkey.metadata_file import open_metadata
from authsvc.factors.passkey.service import Passkeys
from authsvc.settings import LaneSettings, MailSettings, Settings


def password_lane(lanes: LaneSettings) -> ThreadLane:
    """Return where argon2 runs."""
    return ThreadLane("password", workers=lanes.password_workers, queue=lanes.password_queue)


def face_lane(settings: Settings) -> ProcessLane:
    """Return where captures are measured; no process is started before the first one."""
    workers, queue = settings.lanes.face_workers, settings.lanes.face_queue
    return ProcessLane("face", workers=workers, queue=queue, initializer=partial(begin_worker, choice_of(settings)))


def passkeys(settings: Settings, audit: Audit, clock: Clock) -> Passkeys:
    """Return passkeys of this relying party, with what is known of authenticators."""
    given = settings.passkeys
    rp = RelyingParty(settings.rp_id, settings.service_name, settings.issuer, given.related_origins)
    metadata = open_metadata(given.metadata_blob, given.metadata_root, given.metadata_signer, clock.now())
    return Passkeys(rp, audit, metadata, load_names(given.authenticator_names))


def mail_server(mail: MailSettings) -> Notifier:
    """Return what hands mails to the operator's SMTP server."""
    assert mail.host is not None  # the settings insist outside the demo
    return SmtpNotifier(
        host=mail.host,
        port=mail.port,
        sender=mail.sender,
        user=mail.user,
        password=mail.password.get_secret_value() if mail.password else None,
        starttls=mail.starttls,
    )
