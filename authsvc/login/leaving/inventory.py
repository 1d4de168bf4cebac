"""What is kept about a person, table by table: what they may read of it, and what stays when they go. Pure.

Erasing deletes every row that names the account, in whichever table, unless the table is listed in KEPT: a room that is
added later is erased without being asked. Exporting is the other way round: a table that is neither in EXPORTED, nor
exported by its factor, must be in NOT_EXPORTED with a reason. A test compares these lists with the schema.
"""

from collections.abc import Mapping

# Rows that outlive the account, and why. None of them says who it was.
KEPT: Mapping[str, str] = {
    "audit_events": "Evidence. What tells who it was is sealed under the person's key, which is destroyed.",
    "risk_decisions": "Evidence. The inputs are sealed under the person's key, which is destroyed.",
    "cases": "That the security team had a case, and of what kind. Its note is emptied.",
    "personal_keys": "That the person has no key, without one: nobody can seal anything for them any more.",
    "api_requests": "Which request of a shop asked for which id; gone within a day.",
}

# What the person may read, and in which columns.
EXPORTED: Mapping[str, tuple[str, ...]] = {
    "account_devices": ("device_id", "label", "first_seen_at", "last_seen_at"),
    "account_history": ("sign_ins", "last_sign_in_at"),
    "address_changes": ("old_email", "new_email", "asked_at", "changed_at", "reverted_at"),
    "addresses": ("email", "verified_at", "verified_at_sign_up", "retired_at"),
    "alerts": ("kind", "created_at", "consumed_at"),
    "behaviour_profiles": ("updated_at",),
    "cases": ("kind", "opened_at", "handled_at"),
    "consents": ("purpose", "version", "given_at", "withdrawn_at"),
    "face_offers": ("answered_at",),
    "imported_accounts": ("source_id",),
    "known_networks": ("first_seen_at", "last_seen_at", "count"),
    "passkey_offers": ("answered_at",),
    "recoveries": ("started_by", "started_at", "due_at", "stopped_at", "stop_reason", "finished_at"),
    "roles": ("role", "granted_at"),
    "sessions": ("id", "kind", "device_id", "created_at", "last_seen_at", "expires_at", "ended_at", "end_reason"),
    "token_families": ("client_id", "session_id", "scope", "created_at", "expires_at", "revoked_at", "revoke_reason"),
    "typing_profiles": ("field", "input_kind", "updated_at"),
}

# What service.py exports in words of its own.
IN_OWN_WORDS = frozenset({"audit_events", "risk_decisions"})

# What each factor exports itself (factors/factor.py: `export`).
BY_FACTORS = frozenset(
    {"face_devices", "face_templates", "passkeys", "passwords", "recovery_code_sets", "recovery_codes", "totp_secrets"}
)

NOT_EXPORTED: Mapping[str, str] = {
    "api_requests": "Says nothing about the person that the account does not.",
    "authorization_codes": "Hashes of codes that live for a minute.",
    "face_cohort_members": "Which average of several faces this one is part of; it tells a person nothing.",
    "face_device_tickets": "One-time tickets that live for five minutes; their outcome is among the events.",
    "face_failures": "A counter against guessing.",
    "face_looks": "Keyed hashes; they only say whether the same picture comes again.",
    "face_tickets": "One-time tickets that live for two minutes; their outcome is among the events.",
    "flows": "A sign-in under way, for half an hour; what came of it is among the events.",
    "personal_keys": "A secret: the key under which the rest is sealed.",
    "totp_enrolments": "A secret that is being set up, for a few minutes.",
    "typed_tries": "A counter against guessing.",
    "typing_fingerprints": "Keyed hashes; they only say whether the same recording comes again.",
    "webauthn_challenges": "Random numbers that live for five minutes.",
}
