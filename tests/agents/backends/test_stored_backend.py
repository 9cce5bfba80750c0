"""The backend that stands for a model whose answers are stored."""

from agents.backends import StoredBackend, StoredOptions
from harness.protocols import Backend, Failure, Message, ModelIdentity, Request

OPTIONS = StoredOptions(
    model="m", weights="abc", stands_for={"use": "llama_cpp", "model": "m", "context": "2048"}
)
ASKED = Request((Message("user", "hello"),))


def test_it_has_the_identity_of_what_it_stands_for() -> None:
    backend = StoredBackend(options=OPTIONS)
    assert isinstance(backend, Backend)
    assert backend.model == ModelIdentity("m", "abc")
    assert StoredBackend.fingerprint(options=OPTIONS) == {
        "use": "llama_cpp",
        "model": "m",
        "context": "2048",
    }


def test_every_request_fails_for_good_and_says_what_to_do() -> None:
    backend = StoredBackend(options=OPTIONS)
    scored = Request(ASKED.messages, labels=("a", "b"))
    outcomes = [*backend.complete([ASKED]), *backend.score_labels([scored])]
    assert [outcome.request for outcome in outcomes] == [ASKED, scored]
    for outcome in outcomes:
        assert isinstance(outcome, Failure)
        assert not outcome.error.retryable
        assert "name a backend" in outcome.error.hint
