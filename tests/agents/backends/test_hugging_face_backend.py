"""The backend hf on tiny random models: what it writes is what the model says."""

import json
import math
import shutil
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("llguidance")
transformers = pytest.importorskip("transformers")

from agents.backends import HuggingFaceBackend, HuggingFaceOptions  # noqa: E402
from benchmarks.tiny_models import make_causal, make_seq2seq, make_tokenizer  # noqa: E402
from harness.documents import fingerprint  # noqa: E402
from harness.errors import BackendError  # noqa: E402
from harness.protocols import (  # noqa: E402
    Completion,
    Constraint,
    Failure,
    FinishReason,
    Message,
    Request,
    Sampling,
    read_scores,
)

LABELS = ("Cause-Effect(e1,e2)", "Cause-Effect(e2,e1)", "Cause", "Other")
SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"relation": {"enum": list(LABELS)}},
        "required": ["relation"],
        "additionalProperties": False,
    }
)
GRAMMAR = "root ::= " + " | ".join(json.dumps(label) for label in LABELS)
INSTRUCTIONS = "Which relation holds between the cup and the tea ? Answer with a label ."


def ask(text, *, system=INSTRUCTIONS, **sampling):
    messages = (Message("system", system), Message("user", text))
    return Request(messages=messages, sampling=Sampling(**{"max_tokens": 12, **sampling}))


REQUESTS = [ask(f"Sentence {n} holds {'tea ' * n}.") for n in range(6)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder per kind of model: Llama with full attention, with sliding windows, GPT-2, T5."""
    base = tmp_path_factory.mktemp("models")
    causal = make_causal(base / "causal")
    found = {"causal": causal, "seq2seq": make_seq2seq(base / "seq2seq")}
    tokenizer = transformers.AutoTokenizer.from_pretrained(causal)
    shape = {"vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id}
    shape |= {"bos_token_id": None, "initializer_range": 0.3}
    torch.manual_seed(0)
    window = transformers.MistralConfig(
        **shape, hidden_size=32, intermediate_size=64, num_hidden_layers=2, sliding_window=16,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
    )  # fmt: skip
    gpt2 = transformers.GPT2Config(**shape, n_embd=32, n_layer=2, n_head=4, n_positions=512)
    for name, config in {"window": window, "gpt2": gpt2}.items():
        model = transformers.AutoModelForCausalLM.from_config(config)
        model.save_pretrained(base / name)
        tokenizer.save_pretrained(base / name)
        found[name] = base / name
    return found


@pytest.fixture(params=["causal", "window", "gpt2", "seq2seq"])
def kind(request):
    return request.param


def opened(folder, **options):
    return HuggingFaceBackend(
        options=HuggingFaceOptions(model=str(folder), device="cpu", **options)
    )


def answers(backend, requests):
    outcomes = {outcome.request: outcome for outcome in backend.complete(requests)}
    assert set(outcomes) == set(requests)
    return [outcomes[request] for request in requests]


def scores(backend, requests, labels=LABELS):
    asked = [replace(request, labels=labels) for request in requests]
    outcomes = {outcome.request: outcome for outcome in backend.score_labels(asked)}
    return [read_scores(outcomes[request]) for request in asked]


def own_answer(folder, request):
    """What transformers' own generate says, greedily."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    turns = [{"role": m.role, "content": m.content} for m in request.messages]
    if tokenizer.chat_template:
        text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    else:
        text = "\n\n".join(turn["content"] for turn in turns)
    seq2seq = transformers.AutoConfig.from_pretrained(folder).is_encoder_decoder
    kind = transformers.AutoModelForSeq2SeqLM if seq2seq else transformers.AutoModelForCausalLM
    model = kind.from_pretrained(folder)
    ids = tokenizer(text, return_tensors="pt", add_special_tokens=seq2seq)["input_ids"]
    mask = torch.ones_like(ids)
    output = model.generate(ids, attention_mask=mask, max_new_tokens=12, do_sample=False)[0]
    written = output[1:] if seq2seq else output[ids.shape[1] :]
    return tokenizer.decode(written, skip_special_tokens=True, clean_up_tokenization_spaces=False)


def test_a_greedy_answer_is_the_one_of_transformers_own_generate(folders, kind):
    backend = opened(folders[kind])
    for request, answer in zip(REQUESTS, answers(backend, REQUESTS), strict=True):
        assert answer.text == own_answer(folders[kind], request)


def test_a_batch_answers_as_single_requests_do(folders, kind):
    alone = [answers(opened(folders[kind], batch_size=1), [r])[0].text for r in REQUESTS]
    assert [answer.text for answer in answers(opened(folders[kind]), REQUESTS)] == alone


def test_a_model_that_is_kept_open_answers_as_before_whatever_came_between(folders, kind):
    backend = opened(folders[kind])
    first = [answer.text for answer in answers(backend, REQUESTS)]
    answers(backend, [ask("Another prompt .", system="Quite other instructions .")])
    answers(backend, [ask("Sentence 9", system=INSTRUCTIONS[:30])])
    assert [answer.text for answer in answers(backend, REQUESTS)] == first


def test_the_prefix_of_a_round_is_evaluated_once(folders):
    backend = opened(folders["causal"], batch_size=2)
    usages = [answer.usage for answer in answers(backend, REQUESTS)]
    prompts = [usage.input_tokens + usage.cache_read_tokens for usage in usages]
    shared = max(usage.cache_read_tokens for usage in usages)
    assert shared > 20
    assert sum(usage.input_tokens for usage in usages) == sum(prompts) - shared * (len(usages) - 1)
    again = [answer.usage for answer in answers(backend, REQUESTS)]
    assert [usage.cache_read_tokens for usage in again] == [shared] * len(REQUESTS)


def test_a_constrained_answer_is_valid_even_from_random_weights(folders, kind):
    backend = opened(folders[kind])
    for constraint in (Constraint("json_schema", SCHEMA), Constraint("grammar", GRAMMAR)):
        asked = [
            replace(r, constraint=constraint, sampling=Sampling(temperature=1.5, seed=n))
            for n, r in enumerate(REQUESTS)
        ]
        for answer in answers(backend, asked):
            assert answer.finish is FinishReason.STOP
            is_json = constraint.kind == "json_schema"
            assert (json.loads(answer.text)["relation"] if is_json else answer.text) in LABELS


def test_a_grammar_that_cannot_be_read_fails_its_request_alone(folders):
    wrong = replace(REQUESTS[0], constraint=Constraint("grammar", "root ::= ("))
    failure, answer = answers(opened(folders["causal"]), [wrong, REQUESTS[1]])
    assert isinstance(failure, Failure) and "grammar" in failure.error.hint
    assert isinstance(answer, Completion)


def test_scores_of_labels_are_the_models_log_probabilities(folders, kind):
    backend = opened(folders[kind])
    found = scores(backend, REQUESTS)
    alone = scores(opened(folders[kind], batch_size=1), REQUESTS)
    for here, there in zip(found, alone, strict=True):
        assert sum(math.exp(s.constrained) for s in here.values()) == pytest.approx(1, abs=1e-4)
        for label in LABELS:
            assert here[label].tokens == there[label].tokens
            assert here[label].log_probability == pytest.approx(
                there[label].log_probability, abs=1e-3
            )


def test_an_answers_log_probability_is_its_score_as_a_label(folders, kind):
    backend = opened(folders[kind])
    grammar = Constraint("grammar", 'root ::= "Cause"')
    asked = replace(REQUESTS[2], constraint=grammar)
    asked = replace(asked, sampling=Sampling(log_probabilities=True))
    (answer,) = answers(backend, [asked])
    (score,) = scores(backend, [REQUESTS[2]], ("Cause",))
    assert answer.text == "Cause"
    tokenizer = make_tokenizer()
    if answer.usage.output_tokens - 1 == len(tokenizer("Cause")["input_ids"]):  # the same tokens
        assert answer.log_probability == pytest.approx(score["Cause"].log_probability, abs=1e-3)
    assert score["Cause"].constrained == pytest.approx(0, abs=1e-6)


def test_a_model_that_does_not_heed_a_tree_of_labels_is_scored_label_by_label(folders):
    backend, other = opened(folders["causal"]), opened(folders["causal"])
    list(other.complete(REQUESTS[:1]))  # opens it
    forward = other._session._loaded.model.forward

    def forgetful(*args, attention_mask=None, **rest):
        flat = attention_mask is not None and attention_mask.dim() == 4
        return forward(*args, attention_mask=None if flat else attention_mask, **rest)

    other._session._loaded.model.forward = forgetful
    for here, there in zip(scores(backend, REQUESTS), scores(other, REQUESTS), strict=True):
        for label in LABELS:
            assert here[label].log_probability == pytest.approx(
                there[label].log_probability, abs=1e-3
            )


def test_a_seed_gives_the_same_answer_and_another_seed_or_repeat_another(folders):
    backend = opened(folders["causal"])

    def drawn(seed, repeat=0):
        request = replace(ask("Sentence .", temperature=1.0, seed=seed), repeat=repeat)
        others = [ask(f"Other {n}", temperature=1.0, seed=seed) for n in range(3)]
        return answers(backend, [*others, request])[-1].text

    assert drawn(1) == drawn(1)
    assert len({drawn(1), drawn(2), drawn(1, repeat=1)}) == 3
    alone = ask("Sentence .", temperature=1.0, seed=1)
    assert answers(backend, [alone])[0].text == drawn(1)


def test_top_k_of_one_is_greedy_and_so_is_a_tiny_nucleus(folders):
    backend = opened(folders["causal"])
    greedy = answers(backend, [ask("Sentence .")])[0].text
    for sampling in ({"top_k": 1}, {"top_p": 1e-6}):
        asked = ask("Sentence .", temperature=2.0, seed=3, **sampling)
        assert answers(backend, [asked])[0].text == greedy


def test_a_repetition_penalty_keeps_tokens_from_coming_back(folders):
    backend = opened(folders["seq2seq"])
    plain, penalised = answers(
        backend, [ask("Sentence ."), ask("Sentence .", repetition_penalty=50.0)]
    )
    assert len(set(penalised.text)) > len(set(plain.text))


def test_an_answer_ends_before_a_stop_string_and_at_most_tokens(folders):
    backend = opened(folders["causal"])
    (whole,) = answers(backend, [REQUESTS[0]])
    assert whole.finish is FinishReason.LENGTH
    assert whole.usage.output_tokens == 12
    stop = whole.text[3:5]
    sampling = replace(REQUESTS[0].sampling, stop=(stop,))
    (cut,) = answers(backend, [replace(REQUESTS[0], sampling=sampling)])
    assert cut.finish is FinishReason.STOP
    assert cut.text == whole.text[: whole.text.find(stop)]


def test_a_prompt_over_the_context_fails_with_the_way_out(folders):
    failure, answer = answers(opened(folders["causal"]), [ask("tea " * 600), REQUESTS[0]])
    assert isinstance(failure, Failure) and "512" in failure.error.message
    assert not failure.error.retryable and "demonstrations" in failure.error.hint
    assert isinstance(answer, Completion)


def test_batches_are_halved_where_memory_runs_out(folders):
    backend = opened(folders["causal"])
    expected = [answer.text for answer in answers(backend, REQUESTS)]
    forward = backend._session._loaded.model.forward

    def scarce(*args, input_ids, **rest):
        if len(input_ids) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(*args, input_ids=input_ids, **rest)

    backend._session._loaded.model.forward = scarce
    assert [answer.text for answer in answers(backend, REQUESTS)] == expected
    assert any("memory" in note for note in backend.notes)

    def none(**rest):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    backend._session._loaded.model.forward = none
    for outcome in answers(backend, REQUESTS):
        assert isinstance(outcome, Failure) and "4bit" in outcome.error.hint


def test_a_tokenizer_without_a_chat_template_needs_a_plain_prompt(tmp_path):
    folder = make_causal(tmp_path / "base", chat=False)
    with pytest.raises(BackendError, match="chat template") as raised:
        list(opened(folder).complete(REQUESTS))
    assert "template: plain" in raised.value.hint
    for answer in answers(opened(folder, template="plain"), REQUESTS):
        assert isinstance(answer, Completion)


def test_a_template_without_a_system_turn_gets_its_text_in_the_users(folders, tmp_path):
    folder = tmp_path / "no_system"
    shutil.copytree(folders["causal"], folder)
    template = folder / "chat_template.jinja"
    refuse = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    template.write_text(refuse + template.read_text(encoding="utf-8"), encoding="utf-8")
    backend = opened(folder)
    assert isinstance(answers(backend, REQUESTS)[0], Completion)
    assert any("system" in note for note in backend.notes)


def test_the_identity_follows_the_files_and_not_the_folder(folders, tmp_path):
    copied, changed = tmp_path / "copied", tmp_path / "changed"
    for folder in (copied, changed):
        shutil.copytree(folders["causal"], folder)
    with (changed / "generation_config.json").open("a", encoding="utf-8") as file:
        file.write("\n")
    here, there, other = (
        opened(folder, name="m").model for folder in (folders["causal"], copied, changed)
    )
    assert here == there != other
    assert opened(folders["causal"], name="m", dtype="bfloat16").model != here
    assert opened(folders["causal"], name="m", batch_size=1).model == here


def test_a_hub_model_is_known_by_name_and_revision_without_being_fetched():
    options = HuggingFaceOptions(model="org/model", revision="abc")
    backend = HuggingFaceBackend(options=options)
    assert backend.model.name == "org/model"
    assert backend.model.weights == "hub:org/model@abc"
    assert fingerprint(options)["model"] == "org/model"


def test_a_model_folder_is_found_from_the_file_that_names_it(folders):
    context = {"base": folders["causal"].parent}
    for name in ("causal", "./causal"):
        options = HuggingFaceOptions.model_validate({"model": name}, context=context)
        assert options.folder == folders["causal"]
    assert HuggingFaceOptions.model_validate({"model": "org/m"}, context=context).folder is None


def test_what_is_no_model_says_so(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(BackendError, match="cannot be loaded"):
        list(opened(tmp_path / "empty").complete(REQUESTS))
    with pytest.raises(BackendError, match="There is no folder"):
        opened(tmp_path / "absent").model  # noqa: B018
