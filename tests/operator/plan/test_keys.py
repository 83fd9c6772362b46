"""What the name of a variable, a flag or a setting says about its value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apphealth.plan.dependencies.evidence.keys import HOSTS, may_mean_host, meaning_of

WORDS = st.sampled_from([*HOSTS, "NAME", "DB", "db", "x2", "Host", "", "TOKEN"])
KEYS = st.lists(WORDS, max_size=4).flatmap(
    lambda words: st.sampled_from(["_", "-", ".", ""]).map(lambda s: s.join(words))
)


@pytest.mark.parametrize(
    ("key", "host", "stranger"),
    [
        pytest.param("DB_HOST", True, False, id="a variable"),
        pytest.param("dbHost", True, False, id="camel case"),
        pytest.param("spring.datasource.url", True, False, id="a property"),
        pytest.param("--db-host", True, False, id="a flag"),
        pytest.param("DB_HOST_NAME", True, False, id="a host name"),
        pytest.param("S3Endpoint", True, False, id="after a digit"),
        pytest.param("HOSTNAME", False, False, id="its own name"),
        pytest.param("OTEL_SERVICE", False, False, id="what it is called in traces"),
        pytest.param("HOST_NAME", False, False, id="its own name, in two words"),
        pytest.param("HOST_DB", False, False, id="a host not at the end"),
        pytest.param("ALLOWED_HOSTS", True, True, id="who may call"),
        pytest.param("NO_PROXY", False, True, id="what is left out"),
        pytest.param("DB_PASSWORD", False, True, id="a secret"),
        pytest.param("SIDECAR_IMAGE", False, True, id="an image"),
        pytest.param("IMAGE_SERVER", True, False, id="a server of images"),
        pytest.param("", False, False, id="none"),
        pytest.param("._-", False, False, id="no words"),
    ],
)
def test_what_a_key_says(key, host, stranger):
    assert meaning_of(key) == (host, stranger)


@given(KEYS | st.text(alphabet="hostHOST_nameNAME-.2", max_size=12))
def test_the_short_look_misses_no_host(key):
    assert may_mean_host(key) or not meaning_of(key).host
