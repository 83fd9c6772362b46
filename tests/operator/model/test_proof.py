"""What users read of a question."""

import pytest

from apphealth.model.probe import Grpc, HttpGet, TcpSocket
from apphealth.model.proof import Accept, Question
from apphealth.model.survey import Catalogue, Speaks, Survey, SurveyPort

SURVEY = Survey(
    ports=(
        SurveyPort(8080, Speaks.HTTP, served=True),
        SurveyPort(9000, Speaks.TCP, served=False),
        SurveyPort(80, Speaks.HTTP, served=False, guess=True),
    ),
    catalogue=Catalogue(paths=()),
)


@pytest.mark.parametrize(
    ("handler", "text"),
    [
        pytest.param(HttpGet(port=8080, path="/readyz"), "GET http :8080/readyz", id="HTTP"),
        pytest.param(HttpGet(port=8443, path="/", scheme="HTTPS"), "GET https :8443/", id="HTTPS"),
        pytest.param(TcpSocket(port=5432), "TCP :5432", id="TCP"),
        pytest.param(Grpc(port=50051, service="shop.Users"), "gRPC :50051 shop.Users", id="gRPC"),
        pytest.param(Grpc(port=50051), "gRPC :50051", id="gRPC, the server as a whole"),
        pytest.param(SURVEY, "what is served at :8080, :9000", id="a survey: not the ports that are guessed"),
    ],
)
def test_a_question_is_read_as_what_is_asked(handler, text):
    question = Question(
        template="shop/1", container="main", image="shop:1", handler=handler, timeout=1, accept=Accept.SUCCESS
    )
    assert str(question) == text
