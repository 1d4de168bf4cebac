"""The provider's parts, put together from what app.py gives."""

from dataclasses import dataclass

from authsvc.accounts.sessions.service import Sessions
from authsvc.core.audit.service import Audit
from authsvc.core.clock import Clock
from authsvc.core.database import Database
from authsvc.core.limits import Limits
from authsvc.core.sealing.service import Vault
from authsvc.oidc.authlib_server import Parts
from authsvc.oidc.flows import Alerts, SignInFlows
from authsvc.oidc.keys.service import SigningKeys
from authsvc.oidc.logout.service import Logout
from authsvc.oidc.service import Authorization
from authsvc.oidc.token.service import TokenEndpoint, UserInfo
from authsvc.settings import TokenSettings


@dataclass(frozen=True)
class Provider:
    """What the routes call."""

    issuer: str
    keys: SigningKeys
    authorization: Authorization
    tokens: TokenEndpoint
    userinfo: UserInfo
    logout: Logout


def build_provider(
    *,
    issuer: str,
    settings: TokenSettings,
    database: Database,
    vault: Vault,
    audit: Audit,
    sessions: Sessions,
    keys: SigningKeys,
    flows: SignInFlows,
    alerts: Alerts,
    clock: Clock,
    limits: Limits,
) -> Provider:
    """Return the provider."""
    parts = Parts(issuer, settings, vault, audit, sessions, alerts)
    return Provider(
        issuer=issuer,
        keys=keys,
        authorization=Authorization(database, parts, keys, flows, clock, limits),
        tokens=TokenEndpoint(database, parts, keys, clock, limits),
        userinfo=UserInfo(database, parts, keys, clock, limits),
        logout=Logout(database, parts, keys, clock, limits),
    )
