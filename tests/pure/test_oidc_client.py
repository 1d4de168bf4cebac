"""What may be registered as a redirect URI, and how one is compared."""

import pytest

from authsvc.core.errors import BadInput
from authsvc.oidc.clients.client import origin_of_uri, require_redirect_uri
from authsvc.web.pages import content_security_policy


@pytest.mark.parametrize(
    ("uri", "origin"),
    [
        ("https://shop.example/callback", "https://shop.example"),
        ("https://Shop.Example:8443/cb?tenant=1", "https://shop.example:8443"),
        ("http://127.0.0.1:8001/callback", "http://127.0.0.1:8001"),
        ("http://localhost/callback", "http://localhost"),
        ("http://[::1]:9/callback", "http://[::1]:9"),
        ("https://shop.example/cb?a=1&a=2&empty=&odd=%2F+x", "https://shop.example"),
        ("https://shop.example", "https://shop.example"),
        ("com.shop.app:/callback", "com.shop.app:"),
    ],
)
def test_these_may_be_registered(uri: str, origin: str) -> None:
    require_redirect_uri(uri)
    assert origin_of_uri(uri) == origin
    assert origin in content_security_policy((origin,)), "or every page of its sign-ins would break"


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/callback",
        "//shop.example/callback",
        "http://shop.example/callback",
        "http://localhost.evil.example/callback",
        "http://127.0.0.1.evil.example/callback",
        "https://shop.example/callback#fragment",
        "https://*.shop.example/callback",
        "https://user:password@shop.example/callback",
        "https://shop.example\\@evil.example/",
        "https://shop.example/a b",
        "https://shop.example/\N{SNOWMAN}",
        "https://[half/callback",
        "https://shop.example:port/",
        "https:///callback",
        "https://shop.example:/callback",
        "https://shop.example;script-src/callback",
        "https://a,b.example/callback",
        "https://%73hop.example/callback",
        "http://127.0.0.1:/callback",
        "https://shop.example/callback?a;b",
        "com.shop.app:///callback",
        "Com.Shop.App:/callback",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "myapp:/callback",
        "com.shop.app://host/callback",
        "https://shop.example/" + "x" * 2000,
    ],
)
def test_these_may_not(uri: str) -> None:
    with pytest.raises(BadInput) as refused:
        require_redirect_uri(uri)
    assert refused.value.code == "client.redirect_uri"
