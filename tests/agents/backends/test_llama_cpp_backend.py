"""The backend llama_cpp, on small GGUF files with random weights."""

import json
import math
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("llama_cpp")
pytest.importorskip("gguf")

from agents.backends import LlamaCppBackend, LlamaCppOptions
from benchmarks.speed.random_gguf import CHAT_TEMPLATE, write_random_gguf
from harness.errors import BackendError, MissingExtraError
from harness.protocols import (
    Completion,
    Constraint,
    Failure,
    FinishReason,
    Message,
    Request,
    Sampling,
    read_scores,
)

LABELS = ("Cause-Effect(e1,e2)", "Cause-Effect(e2,e1)", "Cause", "Other", 'Naïve "x\\y"')
SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"relation": {"type": "string", "enum": list(LABELS)}},
        "required": ["relation"],
        "additionalProperties": False,
    }
)
ANSWERS = [json.dumps({"relation": label}, ensure_ascii=False) for label in LABELS]
GRAMMAR = Constraint(
    "grammar",
    "root ::= " + " | ".join(json.dumps(answer, ensure_ascii=False) for answer in ANSWERS),
)
TOLERANCE = 0.02  # keys and values are kept in 16 bits, and sums are taken in another order
RULES = "You label relations. Answer with one label."


def ask(text, *, system=RULES, **fields):
    return Request((Message("system", system), Message("user", text)), **fields)


def sentences(count, **fields):
    return [ask(f"sentence {n} about tea" + " and rain" * (n % 3), **fields) for n in range(count)]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gguf")
    return {
        kind: write_random_gguf(folder / f"{kind}.gguf", tokenizer=kind) for kind in ("bpe", "spm")
    }


@pytest.fixture(params=["bpe", "spm"])
def file(files, request):
    return files[request.param]


def made(file, **options):
    return LlamaCppBackend(options=LlamaCppOptions(model=file, **{"context": 2048, **options}))


@pytest.fixture
def backend(file):
    backend = made(file)
    yield backend
    backend.close()


def answered(backend, requests):
    """Completions in the order of the requests."""
    outcomes = {id(o.request): o for o in backend.complete(requests)}
    return [outcomes[id(request)] for request in requests]


class Reference:
    """llama.cpp through llama-cpp-python, one sequence at a time and nothing shared."""

    def __init__(self, file):
        import llama_cpp

        self.llama = llama_cpp.Llama(
            str(file), n_ctx=1024, logits_all=True, verbose=False, n_threads=1, n_threads_batch=1
        )
        vocabulary = self.llama._model.vocab
        self.ends = [
            token
            for token in range(self.llama.n_vocab())
            if llama_cpp.llama_vocab_is_eog(vocabulary, token)
        ]

    def log_probabilities(self, tokens):
        self.llama.reset()
        self.llama.eval(tokens)
        logits = np.array(self.llama.scores[: len(tokens)], dtype=np.float64)
        top = logits.max(axis=1, keepdims=True)
        return logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True))

    def prompt(self, request):
        text = "".join(
            f"<|im_start|>{message.role}\n{message.content}<|im_end|>\n"
            for message in request.messages
        )
        text += "<|im_start|>assistant\n"
        return self.llama.tokenize(text.encode(), add_bos=True, special=True)

    def answer(self, text):
        """An answer's tokens, without the space that SentencePiece puts before a text."""
        before = self.llama.tokenize(b"\n", add_bos=False, special=False)
        return self.llama.tokenize(f"\n{text}".encode(), add_bos=False)[len(before) :]

    def log_probability(self, request, text):
        prompt, answer = self.prompt(request), self.answer(text)
        found = self.log_probabilities([*prompt, *answer])[len(prompt) - 1 :]
        total = sum(found[n, token] for n, token in enumerate(answer))
        end = found[len(answer), self.ends]
        return total + np.log(np.exp(end).sum())


def test_label_scores_are_those_of_one_label_at_a_time(backend, file):
    requests = sentences(6, labels=LABELS)
    reference = Reference(file)
    for outcome in backend.score_labels(requests):
        for label, score in read_scores(outcome).items():
            expected = reference.log_probability(outcome.request, label)
            assert score.log_probability == pytest.approx(expected, abs=TOLERANCE)
            assert score.tokens == len(reference.answer(label)) + 1  # and the end


def test_constrained_scores_are_a_distribution_over_the_labels(backend):
    for outcome in backend.score_labels(sentences(3, labels=LABELS)):
        scores = read_scores(outcome)
        assert sum(math.exp(score.constrained) for score in scores.values()) == pytest.approx(1)
        assert all(s.log_probability <= s.constrained + 1e-9 for s in scores.values())


def test_labels_of_equal_prompts_are_scored_for_each_request(backend):
    request = ask("the same", labels=LABELS)
    other = replace(request, labels=("Other", "Cause"))
    again = replace(request, repeat=1)
    outcomes = {o.request: read_scores(o) for o in backend.score_labels([request, other, again])}
    assert outcomes[again] == pytest.approx(outcomes[request]) or outcomes[again].keys()
    for label in ("Other", "Cause"):
        one, two = outcomes[request][label], outcomes[other][label]
        assert one.log_probability == pytest.approx(two.log_probability, abs=TOLERANCE)
        assert one.log_probability == pytest.approx(
            outcomes[again][label].log_probability, abs=1e-3
        )


def test_more_labels_than_sequences_are_scored(files):
    backend = made(files["bpe"], context=4096)
    labels = tuple(f"relation {n}" for n in range(400))
    (outcome,) = backend.score_labels([ask("many", labels=labels)])
    scores = read_scores(outcome)
    assert sum(math.exp(score.constrained) for score in scores.values()) == pytest.approx(1)
    backend.close()


def test_a_batch_answers_as_one_request_alone(backend):
    sampling = Sampling(max_tokens=8, log_probabilities=True)
    requests = sentences(12, sampling=sampling)
    alone = [answered(backend, [request])[0] for request in requests]
    same = 0
    for one, other in zip(answered(backend, requests), alone, strict=True):
        if one.text == other.text:
            same += 1
            assert one.log_probability == pytest.approx(other.log_probability, abs=TOLERANCE)
    assert same >= 10  # two tokens as good as tied may fall either way


def test_greedy_answers_are_llama_cpps_own(backend, file):
    reference = Reference(file)
    for outcome in answered(backend, sentences(3, sampling=Sampling(max_tokens=6))):
        tokens = reference.prompt(outcome.request)
        written = []
        for _ in range(6):
            token = int(reference.log_probabilities([*tokens, *written])[-1].argmax())
            if token in reference.ends:
                break
            written.append(token)
        assert outcome.text == reference.llama.detokenize(written).decode("utf-8", "replace")
        assert outcome.usage.output_tokens == len(written)


def test_a_shared_beginning_is_evaluated_once(files):
    backend = made(files["bpe"])
    shared = "Rules that all prompts share. " * 8
    requests = [ask(f"{n} tea", system=shared) for n in range(20)]
    answers = answered(backend, [replace(r, sampling=Sampling(max_tokens=2)) for r in requests])
    lengths = [a.usage.input_tokens + a.usage.cache_read_tokens for a in answers]
    fresh = sum(answer.usage.input_tokens for answer in answers)
    assert min(lengths) > len(shared)
    assert fresh < max(lengths) + 19 * 40  # one whole prompt, and what differs of the others
    (again,) = backend.complete([replace(requests[3], sampling=Sampling(max_tokens=1), repeat=1)])
    assert again.usage.cache_read_tokens >= len(shared)  # kept from the call before
    backend.close()


def test_usage_tells_every_token_of_the_prompt(backend, file):
    (answer,) = backend.complete([ask("one", sampling=Sampling(max_tokens=3))])
    assert answer.usage.source == "reported"
    assert answer.usage.input_tokens == len(Reference(file).prompt(answer.request))
    assert answer.usage.output_tokens == 3
    assert answer.finish is FinishReason.LENGTH


@pytest.mark.parametrize("constraint", [Constraint("json_schema", SCHEMA), GRAMMAR])
@pytest.mark.parametrize("measured", [False, True])
def test_no_random_model_can_write_an_invalid_label(tmp_path, constraint, measured):
    seen = set()
    for seed in range(12):
        tokenizer = ("bpe", "spm")[seed % 2]
        file = write_random_gguf(tmp_path / f"{seed}.gguf", seed=seed, tokenizer=tokenizer)
        backend = made(file)
        sampling = Sampling(
            temperature=(0, 1, 3)[seed % 3], seed=seed, log_probabilities=measured or None
        )
        requests = sentences(10, sampling=sampling, constraint=constraint)
        for answer in backend.complete(requests):
            assert answer.finish is FinishReason.STOP
            label = json.loads(answer.text)["relation"]
            assert label in LABELS
            assert answer.text == json.dumps({"relation": label}, ensure_ascii=False)
            assert (answer.log_probability is not None) == measured
            seen.add(label)
        backend.close()
    assert len(seen) > 1


def test_an_answer_that_may_go_on_can_end(files):
    backend = made(files["bpe"])
    grammar = Constraint("grammar", 'root ::= "Cause" | "Cause-Effect"')
    requests = [ask("x", sampling=Sampling(temperature=2, seed=n), constraint=grammar)
                for n in range(60)]  # fmt: skip
    assert {a.text for a in backend.complete(requests)} == {"Cause", "Cause-Effect"}
    backend.close()


@pytest.mark.parametrize("measured", [None, True])
@pytest.mark.parametrize("bound", [1, 5, 9])
def test_an_answer_cut_by_its_bound_says_length_and_is_no_label(backend, bound, measured):
    sampling = Sampling(max_tokens=bound, log_probabilities=measured)
    constraint = Constraint("json_schema", SCHEMA)
    for answer in backend.complete(sentences(4, sampling=sampling, constraint=constraint)):
        assert answer.finish is FinishReason.LENGTH
        assert answer.usage.output_tokens == bound
        assert any(whole.startswith(answer.text) for whole in ANSWERS)
        assert answer.text not in ANSWERS


@pytest.mark.parametrize("constraint", [None, Constraint("json_schema", SCHEMA),
                                        Constraint("grammar", "root ::= [a-f] [a-f]")])  # fmt: skip
def test_the_log_probability_is_that_of_the_answer_and_its_end(backend, file, constraint):
    sampling = Sampling(max_tokens=60, log_probabilities=True, temperature=1.0)
    request = ask("tea", sampling=sampling, constraint=constraint)
    reference = Reference(file)
    (answer,) = backend.complete([request])
    if constraint is None or answer.finish is not FinishReason.STOP:
        assert answer.log_probability < 0
        return
    expected = reference.log_probability(request, answer.text)
    assert answer.log_probability == pytest.approx(expected, abs=TOLERANCE)


def test_a_grammar_without_end_is_kept_token_by_token(backend):
    grammar = Constraint("grammar", 'root ::= [a-c]+ "!"')
    sampling = Sampling(temperature=1.5, max_tokens=40)
    answers = [
        answer
        for seed in range(4)
        for answer in backend.complete(
            sentences(4, sampling=replace(sampling, seed=seed), constraint=grammar)
        )
    ]
    for answer in answers:
        assert set(answer.text.rstrip("!")) <= set("abc")
        assert answer.text.endswith("!") == (answer.finish is FinishReason.STOP)


def test_a_schema_of_more_than_labels_gives_documents_of_it(backend):
    schema = {
        "type": "object",
        "properties": {
            "relation": {"enum": ["a", "b"]},
            "why": {"type": "string", "maxLength": 12},
            "sure": {"type": "number"},
            "words": {"type": "array", "items": {"type": "integer"}, "maxItems": 2},
        },
        "required": ["relation", "why", "words"],
    }
    constraint = Constraint("json_schema", json.dumps(schema))
    sampling = Sampling(temperature=1, max_tokens=200)
    for answer in backend.complete(sentences(6, sampling=sampling, constraint=constraint)):
        assert answer.finish is FinishReason.STOP
        document = json.loads(answer.text)
        assert document["relation"] in ("a", "b")
        assert len(document["why"]) <= 48  # llama.cpp counts bytes that are no UTF-8 otherwise
        assert len(document["words"]) <= 2


@pytest.mark.parametrize(("constraint", "says"), [
    (Constraint("grammar", "root ::= ("), "cannot read the grammar"),
    (Constraint("json_schema", "{"), "is not JSON"),
    (Constraint("json_schema", '{"type": "string", "pattern": "a+"}'), "pattern"),
])  # fmt: skip
def test_a_constraint_that_cannot_be_kept_fails_its_request_alone(backend, constraint, says):
    good = ask("good", sampling=Sampling(max_tokens=2))
    bad = ask("bad", constraint=constraint)
    outcomes = {o.request: o for o in backend.complete([bad, good])}
    assert isinstance(outcomes[good], Completion)
    assert says in outcomes[bad].error.message
    assert outcomes[bad].error.hint


def test_the_same_seed_gives_the_same_answer_in_any_company(backend):
    sampling = Sampling(temperature=1, seed=7, max_tokens=8)
    request = ask("drawn", sampling=sampling)
    company = sentences(9, sampling=sampling)
    (alone,) = backend.complete([request])
    among = answered(backend, [*company, request])[-1]
    assert among.text == alone.text
    others = [replace(request, repeat=n) for n in range(1, 5)]
    others += [replace(request, sampling=replace(sampling, seed=n)) for n in range(8, 12)]
    assert len({answer.text for answer in backend.complete(others)} | {alone.text}) > 5


def test_few_candidates_and_a_small_nucleus_leave_only_the_best(backend):
    greedy = Sampling(max_tokens=6, temperature=0)
    (best,) = backend.complete([ask("x", sampling=greedy)])
    for narrow in ({"top_k": 1}, {"top_p": 1e-6}):
        sampling = replace(greedy, temperature=2.0, **narrow)
        (answer,) = backend.complete([ask("x", sampling=sampling)])
        assert answer.text == best.text


def test_a_penalty_keeps_tokens_from_coming_again(files):
    backend = made(files["bpe"])
    grammar = Constraint("grammar", "root ::= [a-z]+")
    sampling = Sampling(max_tokens=20, repetition_penalty=50.0)
    (answer,) = backend.complete([ask("x", sampling=sampling, constraint=grammar)])
    (plain,) = backend.complete([ask("x", sampling=Sampling(max_tokens=20), constraint=grammar)])
    assert len(set(answer.text)) > len(set(plain.text))
    backend.close()


def test_a_stop_string_ends_the_answer_and_is_left_out(files):
    backend = made(files["bpe"])
    grammar = Constraint("grammar", 'root ::= "abc" "def" "ghi"')
    for sampling in (Sampling(stop=("de",)), Sampling(stop=("zz", "cd"))):
        (answer,) = backend.complete([ask("x", sampling=sampling, constraint=grammar)])
        assert answer.text in ("abc", "ab")
        assert answer.finish is FinishReason.STOP
    backend.close()


def test_an_answer_without_a_bound_has_the_default_one(files):
    backend = made(files["bpe"], max_tokens=9)
    grammar = Constraint("grammar", "root ::= [a-z]*")
    (answer,) = backend.complete([ask("x", constraint=grammar, sampling=Sampling(seed=3))])
    assert answer.usage.output_tokens <= 9
    backend.close()


def test_a_prompt_that_does_not_fit_fails_and_names_the_fix(files):
    backend = made(files["bpe"], context=256)
    long, short = ask("word " * 100), ask("word", sampling=Sampling(max_tokens=2))
    outcomes = {o.request: o for o in backend.complete([long, short])}
    assert isinstance(outcomes[short], Completion)
    assert isinstance(outcomes[long], Failure)
    assert "context: 1024" in outcomes[long].error.hint
    (scored,) = backend.score_labels([replace(long, labels=LABELS)])
    assert isinstance(scored, Failure)
    backend.close()


def test_a_full_cache_makes_answers_wait(files):
    grammar = Constraint("grammar", "root ::= [a-z]{90}")
    requests = [ask(f"{n}", system="s", sampling=Sampling(max_tokens=95), constraint=grammar)
                for n in range(6)]  # fmt: skip
    wide, narrow = made(files["bpe"], context=2048), made(files["bpe"], context=320)
    expected = [answer.text for answer in answered(wide, requests)]
    answers = answered(narrow, requests)
    for answer, text in zip(answers, expected, strict=True):
        assert answer.finish is FinishReason.STOP
        assert len(answer.text) == len(text) == 90
        assert answer.text[:10] == text[:10]  # after that, near ties may fall otherwise
    wide.close()
    narrow.close()


def test_an_answer_that_fills_the_context_ends_for_its_length(files):
    backend = made(files["bpe"], context=128)
    grammar = Constraint("grammar", "root ::= [a-z]{500}")
    requests = [ask(str(n), system="s", sampling=Sampling(max_tokens=500), constraint=grammar)
                for n in range(3)]  # fmt: skip
    for answer in backend.complete(requests):
        assert answer.finish is FinishReason.LENGTH
        assert 20 < len(answer.text) < 128
    backend.close()


def test_closed_iterators_leave_nothing_behind(backend):
    requests = sentences(5, sampling=Sampling(max_tokens=3))
    for _ in range(100):  # more sequences than there are
        outcomes = backend.complete(requests)
        next(outcomes)
        outcomes.close()
        scores = backend.score_labels([replace(r, labels=LABELS) for r in requests])
        next(scores)
        scores.close()
    assert all(isinstance(outcome, Completion) for outcome in backend.complete(requests))


def test_two_iterators_can_be_taken_in_turns(backend):
    sampling = Sampling(max_tokens=4)
    first, second = sentences(6, sampling=sampling), sentences(6, sampling=sampling, labels=LABELS)
    answers, scores = backend.complete(first), backend.score_labels(second)
    for _ in range(6):
        answer, score = next(answers), next(scores)
        assert answer.request in first and answer.usage.output_tokens == 4
        assert set(read_scores(score)) == set(LABELS)


def test_threads_share_the_model(tmp_path):
    template = "{{ messages[-1].content }}"
    answers = {str(n): f"answer {n}" for n in range(10)}
    file = write_random_gguf(tmp_path / "m.gguf", template=template, answers=answers)
    backend = made(file)
    requests = [ask(f"from {thread} to {n}") for thread in range(4) for n in range(10)]
    found = [None] * 4

    def ask_some(thread):
        asked = requests[10 * thread : 10 * thread + 10]
        found[thread] = [answer.text for answer in answered(backend, asked)]

    threads = [threading.Thread(target=ask_some, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [list(answers.values())] * 4
    backend.close()


def test_a_label_that_the_tokenizer_cannot_write_is_named(files):
    backend = made(files["spm"])
    good, bad = ask("x", labels=("Cause", "Other")), ask("x", labels=("Cause", "Made▁of"))
    outcomes = {o.request: o for o in backend.score_labels([good, bad])}
    assert isinstance(outcomes[good], Completion)
    assert "'Made▁of'" in outcomes[bad].error.message
    grammar = Constraint("grammar", 'root ::= "Made▁of" | "Other"')
    (constrained,) = backend.complete([ask("x", constraint=grammar)])
    assert "'Made▁of'" in constrained.error.message
    backend.close()


def test_no_messages_and_empty_ones_are_answered_or_fail_with_a_reason(files, tmp_path):
    sampling = Sampling(max_tokens=2)
    backend = made(files["bpe"])
    requests = [Request((), sampling), Request((Message("user", ""),), sampling)]
    assert all(isinstance(o, Completion) for o in backend.complete(requests))
    backend.close()
    bare = tmp_path / "bare.jinja"
    bare.write_text("{{ messages[0].content if messages else '' }}", encoding="utf-8")
    backend = made(files["bpe"], chat_template=bare)
    for outcome in backend.complete(requests):
        assert "prompt is empty" in outcome.error.message
    backend.close()


def test_a_template_that_refuses_a_role_fails_the_request(files, tmp_path):
    file = tmp_path / "t.jinja"
    file.write_text(
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}"
        "{% endif %}{{ m.content }}{% endfor %}"
    )
    backend = made(files["bpe"], chat_template=file)
    (outcome,) = backend.complete([ask("x")])
    assert "no system" in outcome.error.message
    assert "chat_template:" in outcome.error.hint
    assert "chat_template" in backend.fingerprint(options=backend._options)
    backend.close()


def test_a_model_without_a_template_says_which_option_helps(tmp_path):
    file = write_random_gguf(tmp_path / "m.gguf", template=None)
    backend = made(file)
    with pytest.raises(BackendError, match="has no chat template") as caught:
        list(backend.complete([ask("x")]))
    assert "chat_template: FILE" in caught.value.hint
    template = tmp_path / "t.jinja"
    template.write_text(CHAT_TEMPLATE)
    (answer,) = made(file, chat_template=template).complete(
        [ask("x", sampling=Sampling(max_tokens=2))]
    )
    assert isinstance(answer, Completion)


@pytest.mark.parametrize("content", [b"", b"no model at all", b"GGUF but broken"])
def test_a_file_that_is_no_model_is_refused_with_a_reason(tmp_path, content, capfd):
    file = tmp_path / "m.gguf"
    file.write_bytes(content)
    with pytest.raises(BackendError) as caught:
        list(made(file).complete([ask("x")]))
    assert str(file) in caught.value.message and caught.value.hint
    assert capfd.readouterr() == ("", "")


def test_a_missing_file_is_told_by_the_plan(tmp_path):
    options = LlamaCppOptions(model=tmp_path / "absent.gguf")
    with pytest.raises(BackendError, match="There is no file"):
        LlamaCppBackend.fingerprint(options=options)


def test_the_identity_is_the_weights_and_not_the_path(files, tmp_path):
    copy = tmp_path / "bpe.gguf"
    copy.write_bytes(files["bpe"].read_bytes())
    one, two = made(files["bpe"]), made(copy, context=512)
    assert one.model == two.model
    assert one.model.weights.startswith("sha256:")
    assert made(copy, max_tokens=5).model != one.model
    copy.write_bytes(files["spm"].read_bytes())
    assert made(copy).model != one.model


def test_the_hub_out_of_reach_is_one_clear_message(monkeypatch):
    pytest.importorskip("huggingface_hub")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    options = LlamaCppOptions(model="hf:nobody/nothing-GGUF/nothing-q8_0.gguf")
    backend = LlamaCppBackend(options=options)
    assert backend.model.name == "nothing-q8_0"
    with pytest.raises(BackendError, match="cannot be fetched") as caught:
        list(backend.complete([ask("x")]))
    assert "model: FILE.gguf" in caught.value.hint


def test_without_the_package_the_extra_is_named(files, monkeypatch):
    from agents.backends.llama_cpp import _library

    monkeypatch.setattr(_library, "_loaded", [])
    monkeypatch.setitem(sys.modules, "llama_cpp.llama_cpp", None)
    with pytest.raises(MissingExtraError) as caught:
        list(made(files["bpe"]).complete([ask("x")]))
    assert "calldistil[llamacpp]" in caught.value.hint


def test_nothing_is_loaded_before_the_first_request_and_nothing_said_at_the_end(files):
    program = f"""
import sys
from agents.backends import LlamaCppBackend, LlamaCppOptions
from harness.protocols import Message, Request, Sampling
backend = LlamaCppBackend(options=LlamaCppOptions(model={str(files["bpe"])!r}, context=256))
assert backend.model.weights and backend.capabilities.label_scoring
assert not {{"llama_cpp", "huggingface_hub", "jinja2"}} & set(sys.modules)
request = Request((Message("user", "x"),), Sampling(max_tokens=2))
outcomes = backend.complete([request, request])
next(outcomes)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_closed_backend_loads_again_when_asked(backend):
    request = ask("x", sampling=Sampling(max_tokens=3))
    (before,) = backend.complete([request])
    backend.close()
    backend.close()
    (after,) = backend.complete([request])
    assert after.text == before.text


def test_closing_under_an_open_iterator_ends_it_with_an_error(backend):
    outcomes = backend.complete(sentences(40, sampling=Sampling(max_tokens=30)))
    next(outcomes)
    backend.close()
    with pytest.raises(BackendError, match="closed"):
        list(outcomes)
