"""From what a user writes for a dependency to what is asked."""

import pytest

from flask_management_endpoints.dependencies.urls import BadUrlError, health_url, preferred_scheme, split

WRITTEN = [
    ("users", None, "http://users/z/health"),
    ("users", "readiness", "http://users/z/health/readiness"),
    ("users:8000", "readiness", "http://users:8000/z/health/readiness"),
    ("users/admin", None, "http://users/admin"),
    ("users/admin", "readiness", "http://users/admin/readiness"),
    ("users/admin/", "readiness", "http://users/admin/readiness"),
    ("httpbin-svc:80", None, "http://httpbin-svc:80/z/health"),
    ("httpd", "readiness", "http://httpd/z/health/readiness"),
    ("https://users:9922/admin", None, "https://users:9922/admin"),
    ("https://users:9922/admin", "readiness", "https://users:9922/admin/readiness"),
    ("https://users/admin/?deep=1", "readiness", "https://users/admin/readiness?deep=1"),
    ("https://users", "readiness", "https://users/readiness"),
    ("users?next=http://x/", None, "http://users/z/health?next=http://x/"),
    ("[::1]:8000", None, "http://[::1]:8000/z/health"),
    (" users ", None, "http://users/z/health"),
]


@pytest.mark.parametrize(("written", "check", "asked"), WRITTEN)
def test_what_is_asked(written, check, asked):
    assert health_url(written, scheme="http", prefix="/z", check=check) == asked


@pytest.mark.parametrize(("prefix", "asked"), [("/admin", "https://users/admin/health"), ("", "https://users/health")])
def test_prefix_and_scheme_count_for_bare_hosts(prefix, asked):
    assert health_url("users", scheme="https", prefix=prefix) == asked


@pytest.mark.parametrize(
    ("environment", "config", "scheme"),
    [
        ({}, {}, "http"),
        ({}, {"PREFERRED_URL_SCHEME": "http"}, "http"),
        ({}, {"PREFERRED_URL_SCHEME": "https"}, "https"),
        ({"SCHEME": "https"}, {"PREFERRED_URL_SCHEME": "http"}, "https"),
        ({"PREFERRED_URL_SCHEME": "http"}, {"PREFERRED_URL_SCHEME": "https"}, "http"),
        ({"PREFERRED_URL_SCHEME": "", "SCHEME": "https"}, {}, "https"),
    ],
)
def test_where_the_scheme_comes_from(monkeypatch, environment, config, scheme):
    for name in ("PREFERRED_URL_SCHEME", "SCHEME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert preferred_scheme(config) == scheme


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "the scheme is ''"),
        ("ftp://x/", "use http, https or tcp"),
        ("http://", "names no host"),
        ("http://a b/", "names no host"),
        ("http://x:port/", "is not a URL"),
        ("http://[::1/", "is not a URL"),
        ("tcp://x", "names no port; write tcp://host:port"),
    ],
)
def test_what_is_wrong_with_a_url_is_said(url, message):
    with pytest.raises(BadUrlError) as error:
        split(url)
    assert message in str(error.value)


def test_a_message_never_holds_credentials():
    with pytest.raises(BadUrlError) as error:
        split("ftp://ada:hunter2@host/")
    assert "hunter2" not in str(error.value)
