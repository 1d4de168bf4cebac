"""Everything an operator can set, in one frozen tree.

Each setting is an environment variable: `AUTHSVC_` and the path to it joined by two underscores, such as
`AUTHSVC_DATABASE__URL`. No secret has a default: without one authsvc refuses to start and says which variable is
missing and how to make a value. docs/reference/settings.md lists them all; a test keeps it complete.
"""

import base64
import binascii
import os
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from authsvc.core.sealing.cipher import KEY_BYTES, Keyring
from authsvc.core.web_origin import check_origin, is_host, lies_within, registrable_label

LEAST_WAIT_HOURS = 12  # of a recovery: a night, in which nobody reads mail
REQUEST_THREADS = 40  # what anyio gives a server's sync endpoints

MAX_RELATED_LABELS = 5  # WebAuthn Level 3, 5.11: the least that browsers allow, and what they do allow
MAX_KEY_ID = 64  # it stands in each sealed value
HOW_TO_MAKE_A_KEY = "authsvc key new"


class SettingsProblem(Exception):
    """The settings can't be used; the message names each variable and says what to do."""


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DatabaseSettings(_Group):
    url: str = Field(description="SQLAlchemy URL: sqlite:///file.sqlite3 or postgresql+psycopg://user@host/name")
    pool_size: int = Field(24, ge=2, le=200, description="Connections a serving process may hold")


class RedisSettings(_Group):
    url: str | None = Field(None, description="redis://… for rate limits that many machines share; empty: in memory")


class SecretSettings(_Group):
    master_keys: SecretStr = Field(
        description="Sealing keys as id:base64 (32 bytes), separated by commas; the first one seals, all of them open"
    )
    audit_key: SecretStr = Field(description="Key of the audit chain, base64 (32 bytes); never stored in the database")

    @cached_property
    def keyring(self) -> Keyring:
        return _read_keyring(self.master_keys)

    @cached_property
    def audit(self) -> bytes:
        return _decode_key(self.audit_key.get_secret_value())

    @field_validator("master_keys")
    @classmethod
    def _master_keys_readable(cls, value: SecretStr) -> SecretStr:
        _read_keyring(value)
        return value

    @field_validator("audit_key")
    @classmethod
    def _audit_key_readable(cls, value: SecretStr) -> SecretStr:
        _decode_key(value.get_secret_value())
        return value


class PasswordSettings(_Group):
    """argon2id; 64 MiB and 3 passes are RFC 9106's second recommended option, with parallelism 1 at equal cost."""

    memory_kib: int = Field(65_536, ge=8, description="argon2 memory per hash, KiB")
    time_cost: int = Field(3, ge=1, description="argon2 passes")
    min_length: int = Field(
        15,
        ge=8,
        le=64,
        description="Shortest password where it is the only factor (SP 800-63B-4); 8 allows 8 everywhere",
    )
    min_length_beside: int = Field(
        8, ge=8, le=64, description="Shortest password beside a second factor (SP 800-63B-4)"
    )
    max_length: int = Field(128, ge=64, le=1024, description="Longest password, in characters")
    breached_file: Path | None = Field(
        None, description="SHA-1 file of Have I Been Pwned's downloader; new passwords must not stand in it"
    )


class LaneSettings(_Group):
    password_workers: int = Field(
        default_factory=lambda: min(os.cpu_count() or 1, 12),
        ge=1,
        description="argon2 hashes at once; default: cores, at most 12",
    )
    # What is left of half the threads by 5 places for faces; the more hash at once, the fewer need to wait.
    password_queue: int = Field(
        default_factory=lambda given: max(0, min(12, REQUEST_THREADS // 2 - 5 - given.get("password_workers", 1))),
        ge=0,
        description="Requests that may wait for an argon2 slot; default: 12, fewer where many hash at once",
    )
    face_workers: int = Field(1, ge=1, description="Face processes of this serving process")
    face_queue: int = Field(4, ge=0, description="Captures that may wait for a face process")

    @model_validator(mode="after")
    def _leave_room(self) -> Self:
        waiting = self.password_workers + self.password_queue + self.face_workers + self.face_queue
        if waiting > REQUEST_THREADS // 2:
            raise ValueError(
                f"the lanes may hold {waiting} requests, but at most half of the {REQUEST_THREADS} threads may wait "
                "on lanes; lower workers or queues"
            )
        return self


class SessionSettings(_Group):
    idle_days: int = Field(14, ge=1, description="A customer's session ends after so many days without use")
    absolute_days: int = Field(90, ge=1, description="A customer's session ends after so many days")
    raised_minutes: int = Field(15, ge=1, description="A level above pwd lasts so long after its proof")
    staff_idle_minutes: int = Field(30, ge=5, description="A console session ends after so long without use")
    staff_hours: int = Field(10, ge=1, description="A console session ends after so many hours")


class RecoverySettings(_Group):
    wait_hours: float = Field(72, gt=0, le=720, description="Wait of a recovery by mailbox, in hours")
    known_device_wait_hours: float = Field(
        24, gt=0, le=720, description="The same from a device that the account has known for longer than the long wait"
    )


class TokenSettings(_Group):
    access_s: int = Field(300, ge=60, le=3600, description="Lifetime of an access token")
    id_s: int = Field(300, ge=60, le=3600, description="Lifetime of an ID token")
    code_s: int = Field(60, ge=10, le=600, description="Lifetime of an authorization code")
    refresh_days: int = Field(30, ge=1, description="A refresh family ends after so many days without use")
    refresh_grace_s: int = Field(
        10, ge=0, le=60, description="How long the preceding refresh token still returns its successor"
    )


class PasskeySettings(_Group):
    rp_id: str | None = Field(None, description="WebAuthn relying party id; without it the issuer's host name")
    related_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Other origins whose passkeys are these, separated by commas (docs/guides/passkeys.md)"
    )
    metadata_blob: Path | None = Field(None, description="FIDO metadata (MDS3), for clients that ask for attestation")
    metadata_root: Path | None = Field(None, description="Root certificate that the metadata must be signed under")
    metadata_signer: str = Field(
        "mds.fidoalliance.org", description="Host name of the certificate that signs the metadata"
    )
    authenticator_names: Path | None = Field(
        None, description="JSON file with names and icons of authenticators by AAGUID; without it all are “Passkey”"
    )

    @field_validator("related_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("related_origins")
    @classmethod
    def _origins_browsers_take(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        labels = {registrable_label(check_origin(origin)) for origin in value}
        if len(labels) > MAX_RELATED_LABELS:
            raise ValueError(f"browsers look at {MAX_RELATED_LABELS} different names at most, these are {len(labels)}")
        return tuple(dict.fromkeys(value))

    @field_validator("rp_id")
    @classmethod
    def _rp_id_is_a_domain(cls, value: str | None) -> str | None:
        if value is not None and not (is_host(value) and ("." in value or value == "localhost")):
            raise ValueError("it must be a domain name, such as shop.example")
        return value

    @model_validator(mode="after")
    def _metadata_with_its_root(self) -> Self:
        if (self.metadata_blob is None) != (self.metadata_root is None):
            raise ValueError("metadata_blob and metadata_root need one another")
        return self


class FaceModelSettings(_Group):
    """An operator's network: value = (pixel - mean) * scale, colour by colour (docs/models/face.md has examples)."""

    path: Path | None = Field(None, description="ONNX file; needed where the embedder is `onnx`")
    input_px: int = Field(112, ge=16, le=1024, description="Side of its square input")
    layout: Literal["nchw", "nhwc"] = Field("nchw", description="Order of its input: channels first or last")
    colours: Literal["rgb", "bgr"] = Field("rgb", description="Order of its colours")
    mean: Annotated[tuple[float, float, float], NoDecode] = Field(
        (0.0, 0.0, 0.0), description="Taken from each pixel; three numbers in the order of its colours, or one"
    )
    scale: Annotated[tuple[float, float, float], NoDecode] = Field(
        (1.0, 1.0, 1.0), description="Each pixel is multiplied by it afterwards; three numbers, or one"
    )
    chip: Literal["arcface", "dlib"] = Field("arcface", description="How a face must lie in its input")
    padding: float = Field(0.25, ge=0, le=1, description="Room around a face in a `dlib` chip, as dlib counts it")
    unit: bool = Field(True, description="Bring its vectors to length one, as for a comparison by cosine")
    threshold: float | None = Field(
        None, gt=0, description="Largest distance of its vectors that is one face; sqrt(2 - 2 cosine) for length one"
    )

    @field_validator("mean", "scale", mode="before")
    @classmethod
    def _three_numbers(cls, value: object) -> object:
        if not isinstance(value, str | int | float):
            return value
        parts = [part.strip() for part in str(value).split(",")]
        return tuple(parts * 3 if len(parts) == 1 else parts)


class FaceSettings(_Group):
    enabled: bool = Field(True, description="Offer face captures at all")
    satisfies: Literal["never", "second_factor"] = Field(
        "second_factor",
        description="What a match on a registered device, from a known browser, satisfies: a second factor or nothing",
    )
    attack_limit: float = Field(
        0.0,
        description="Log-odds of a presentation attack from which on a capture is refused (docs/models/liveness.md)",
    )
    threshold: float = Field(
        0.40,
        gt=0,
        lt=0.6,
        description="Largest distance of dlib's network that is one face, until `authsvc face calibrate` has run",
    )
    embedder: Literal["dlib_onnx", "dlib", "onnx"] = Field(
        "dlib_onnx", description="Face network: dlib's in onnxruntime, dlib's in dlib (the reference), or your own ONNX"
    )
    embedder_threads: int = Field(1, ge=1, le=64, description="Threads of the face network in each face process")
    model_folder: Path | None = Field(
        None, description="Where the face network is kept that is built at first start; default: beside the database"
    )
    model: FaceModelSettings = Field(FaceModelSettings(), description="Your own ONNX face network")
    max_pixels: int = Field(4_000_000, ge=76_800, description="Pixels a frame may have, checked before it is decoded")
    max_frame_bytes: int = Field(1_500_000, ge=10_000, description="Bytes of one frame")
    max_frames: int = Field(8, ge=3, le=16, description="Frames of one capture; at least three are asked for")
    ticket_s: int = Field(120, ge=30, le=600, description="Lifetime of a capture ticket")

    @model_validator(mode="after")
    def _own_model_complete(self) -> Self:
        if self.embedder == "onnx" and (self.model.path is None or self.model.threshold is None):
            raise ValueError("the embedder `onnx` needs model.path and model.threshold")
        return self


class RiskSettings(_Group):
    policy_file: Path | None = Field(None, description="TOML policy; without it the one that ships with authsvc")
    geoip_database: Path | None = Field(None, description="MaxMind-format country or city database")
    asn_database: Path | None = Field(None, description="MaxMind-format database of autonomous systems")


class MailSettings(_Group):
    host: str | None = Field(None, description="SMTP server; needed outside the demo")
    port: int = Field(587, ge=1, le=65535, description="SMTP port")
    sender: str = Field("sign-in@localhost", description="From address of every mail")
    user: str | None = Field(None, description="SMTP user")
    password: SecretStr | None = Field(None, description="SMTP password")
    starttls: bool = Field(True, description="Insist on STARTTLS; only a server on this machine can do without")


class WebhookSettings(_Group):
    allow_private: bool = Field(
        False, description="Let webhooks reach private addresses, and this machine without TLS. For tests and the demo"
    )


class LimitSettings(_Group):
    """Per name and key, in the `limits` library's notation. Address: one IPv4 address or one IPv6 /64."""

    sign_in_per_address: str = Field("60 per 1 minute", description="Password attempts from one address")
    sign_up_per_address: str = Field("20 per 1 hour", description="New accounts begun from one address")
    reset_per_address: str = Field("20 per 1 hour", description="Password resets begun from one address")
    code_per_address: str = Field("60 per 10 minutes", description="Codes tried from one address")
    mail_per_recipient: str = Field(
        "5 per 1 hour", description="Code mails to one address; known devices have as many beside it (docs/security.md)"
    )
    code_per_account: str = Field(
        "20 per 1 day", description="Codes tried for one account or address (docs/security.md)"
    )
    passkey_per_address: str = Field("60 per 1 minute", description="Passkey ceremonies from one address")
    autofill_per_address: str = Field("300 per 1 minute", description="Sign-in pages opened from one address")
    flow_per_address: str = Field("300 per 1 minute", description="Sign-in flows begun from one address")
    token_per_address: str = Field("600 per 1 minute", description="Failed token requests from one address")
    recovery_per_address: str = Field("10 per 1 hour", description="Recoveries begun from one address")
    recovery_per_account: str = Field("3 per 7 day", description="Recoveries by mailbox started for one account")
    export_per_account: str = Field("5 per 1 day", description="Downloads of one person's own data")
    face_per_account: str = Field("30 per 1 hour", description="Face captures of one account")
    evidence_per_source: str = Field("60 per 1 minute", description="Refused requests of one address kept as evidence")
    face_per_address: str = Field("120 per 10 minutes", description="Face captures sent from one address")
    api_per_client: str = Field("600 per 1 minute", description="Account API requests of one client")

    def rules(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in type(self).model_fields}


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="AUTHSVC_", env_nested_delimiter="__", frozen=True, extra="ignore", env_ignore_empty=True
    )

    issuer: str = Field(description="Public origin of authsvc, such as https://id.shop.example")
    service_name: str = Field("authsvc", description="The name customers see on pages and in mails")
    support_contact: str = Field("", description="Where a customer who is stuck can turn: a link or a mail address")
    demo: bool = Field(False, description="Demo mode: mailbox page instead of SMTP. Never in production")
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Networks whose X-Forwarded-For is believed, separated by commas"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged")

    database: DatabaseSettings
    secrets: SecretSettings
    redis: RedisSettings = RedisSettings()
    password: PasswordSettings = PasswordSettings()
    lanes: LaneSettings = LaneSettings()
    sessions: SessionSettings = SessionSettings()
    recovery: RecoverySettings = RecoverySettings()
    tokens: TokenSettings = TokenSettings()
    passkeys: PasskeySettings = PasskeySettings()
    face: FaceSettings = FaceSettings()
    risk: RiskSettings = RiskSettings()
    mail: MailSettings = MailSettings()
    webhooks: WebhookSettings = WebhookSettings()
    limits: LimitSettings = LimitSettings()

    @model_validator(mode="before")
    @classmethod
    def _split_proxies(cls, data: dict[str, object]) -> dict[str, object]:
        proxies = data.get("trusted_proxies")
        if isinstance(proxies, str):
            data = data | {"trusted_proxies": tuple(part.strip() for part in proxies.split(",") if part.strip())}
        return data

    @model_validator(mode="after")
    def _issuer_is_an_origin(self) -> Self:
        parts = urlsplit(self.issuer)
        if parts.scheme != "https" and not (parts.scheme == "http" and self._local):
            raise ValueError("issuer: it must be an https origin (http only on localhost)")
        if parts.path or parts.query or parts.fragment or self.issuer.endswith("/"):
            raise ValueError("issuer: it must be an origin only, without path or trailing slash")
        return self

    @model_validator(mode="after")
    def _passkeys_work_at_the_issuer(self) -> Self:
        host = urlsplit(self.issuer).hostname or ""
        if not lies_within(host, self.rp_id) and self.issuer not in self.passkeys.related_origins:
            raise ValueError(
                "passkeys.rp_id: it must be the issuer's host name or a domain above it, or the issuer one of "
                "AUTHSVC_PASSKEYS__RELATED_ORIGINS"
            )
        return self

    @model_validator(mode="after")
    def _only_the_demo_is_lenient(self) -> Self:
        if self.demo:
            if not self._local:
                raise ValueError("demo: the demo shows everybody's mail; it only runs on localhost")
            return self
        if not self.mail.host:
            raise ValueError("mail.host: codes and warnings go by mail, so an SMTP server is needed")
        if min(self.recovery.wait_hours, self.recovery.known_device_wait_hours) < LEAST_WAIT_HOURS:
            raise ValueError(
                f"recovery.wait_hours: at least {LEAST_WAIT_HOURS} hours, so that the owner has time to stop a thief"
            )
        return self

    @model_validator(mode="after")
    def _proxies_are_networks(self) -> Self:
        for network in self.trusted_proxies:
            try:
                ip_network(network)
            except ValueError as problem:
                raise ValueError(f"trusted_proxies: {problem}") from problem
        return self

    @model_validator(mode="after")
    def _connections_match_threads(self) -> Self:
        threads = REQUEST_THREADS // 2
        if self.database.pool_size < threads and "sqlite" not in self.database.url:
            raise ValueError(f"database.pool_size: at least {threads}, half of the request threads")
        return self

    @property
    def _local(self) -> bool:
        return urlsplit(self.issuer).hostname == "localhost"

    @property
    def rp_id(self) -> str:
        """The WebAuthn relying party id: the issuer's host name, unless one was set."""
        return self.passkeys.rp_id or urlsplit(self.issuer).hostname or ""

    def build_keyring(self) -> Keyring:
        return self.secrets.keyring


def load_settings() -> Settings:
    """Read the environment.

    Raises:
        SettingsProblem: something is missing or wrong; the message names the variable.
    """
    try:
        return Settings()
    except ValidationError as problem:
        lines = [_explain(error["loc"], error["msg"], error["type"]) for error in problem.errors()]
        raise SettingsProblem("authsvc can't start:\n" + "\n".join(f"  {line}" for line in lines)) from None


_HINTS = {
    "AUTHSVC_ISSUER": "the public origin, such as https://id.shop.example",
    "AUTHSVC_DATABASE__URL": "such as sqlite:///authsvc.sqlite3 or postgresql+psycopg://authsvc@db/authsvc",
    "AUTHSVC_SECRETS__MASTER_KEYS": f"make one with `{HOW_TO_MAKE_A_KEY} --master`",
    "AUTHSVC_SECRETS__AUDIT_KEY": f"make one with `{HOW_TO_MAKE_A_KEY} --audit`",
    "AUTHSVC_MAIL__HOST": "such as smtp.shop.example",
}
_GROUP_NEEDS = {
    "AUTHSVC_DATABASE": ("AUTHSVC_DATABASE__URL",),
    "AUTHSVC_SECRETS": ("AUTHSVC_SECRETS__MASTER_KEYS", "AUTHSVC_SECRETS__AUDIT_KEY"),
}


def _explain(location: tuple[int | str, ...], message: str, kind: str) -> str:
    message = message.removeprefix("Value error, ")
    if not location:  # a validator of the whole, which begins its messages with the path of the setting
        path, _, message = message.partition(": ")
        location = tuple(path.split("."))
    name = "AUTHSVC_" + "__".join(str(part) for part in location).upper()
    if kind == "missing":
        return "\n  ".join(f"{each} is missing: {_HINTS[each]}" for each in _GROUP_NEEDS.get(name, (name,)))
    hint = f" ({_HINTS[name]})" if name in _HINTS else ""
    return f"{name}: {message}{hint}"


def _read_keyring(value: SecretStr) -> Keyring:
    pairs = [part.strip().partition(":") for part in value.get_secret_value().split(",") if part.strip()]
    keys = {key_id: _decode_key(key) for key_id, _, key in pairs}
    if not keys:
        raise ValueError("no master key is given")
    if len(keys) < len(pairs):
        raise ValueError("two master keys have one id: what the first of them sealed could not be opened again")
    if any(not 0 < len(key_id) <= MAX_KEY_ID or not key_id.isascii() for key_id in keys):
        raise ValueError(f"a master key's id has 1 to {MAX_KEY_ID} ASCII characters")
    return Keyring(keys, current=pairs[0][0])


def _decode_key(text: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error as problem:
        raise ValueError("a key is not base64") from problem
    if len(key) != KEY_BYTES:
        raise ValueError(f"a key has {KEY_BYTES} bytes, this one {len(key)}")
    return key
