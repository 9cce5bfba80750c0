import json
from dataclasses import replace
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.backends import (
    RecordedBackend,
    RecordedOptions,
    ScriptedBackend,
    ScriptedOptions,
    read_recordings,
    recording_key,
)
from agents.backends.pack_recording import main, pack_recording
from agents.prompts import extract_messages
from harness.errors import DataError
from harness.protocols import Completion, Failure, FinishReason, Message, Request, Sampling

HELLO = Request(messages=(Message(role="user", content="Hello"),))


def line(content="Hello", response="Hi", **more):
    return {"messages": [{"role": "user", "content": content}], "response": response, **more}


@pytest.fixture
def write(tmp_path):
    def to(*lines, name="r.jsonl"):
        file = tmp_path / name
        text = "".join((s if isinstance(s, str) else json.dumps(s)) + "\n" for s in lines)
        file.write_text(text, encoding="utf-8")
        return file

    return to


def made(*files):
    return RecordedBackend(options=RecordedOptions(recordings=files, model="m"))


def test_a_recorded_answer_counts_as_recorded_with_nothing_known_of_its_cost(write):
    (answer,) = made(write(line())).complete([HELLO])
    assert answer == Completion(
        request=HELLO, text="Hi", finish=FinishReason.UNKNOWN, recorded=True
    )
    assert answer.usage.input_tokens is None and answer.latency_s is None


def test_an_answer_is_found_by_messages_and_repeat_number_alone(write):
    backend = made(write(line(), line(response="Hi again", repeat=1)))
    asked = replace(HELLO, sampling=Sampling(temperature=0.7))
    answers = backend.complete([asked, replace(asked, repeat=1)])
    assert [answer.text for answer in answers] == ["Hi", "Hi again"]


def test_a_request_that_is_not_recorded_fails_and_says_which(write):
    file = write(line())
    asked = Request(messages=(Message(role="user", content="one two " * 20),), repeat=3)
    (failure,) = made(file).complete([asked])
    assert isinstance(failure, Failure)
    message = str(failure.error)
    assert "one two one two" in message and recording_key(asked) in message
    assert str(file) in message and "repeat 3" in message
    assert not failure.error.retryable and "seed 1" in failure.error.hint


def test_a_backend_knows_what_its_recording_covers(write):
    backend = made(write(line()))
    assert backend.covers(HELLO)
    assert not backend.covers(replace(HELLO, repeat=1))


def test_the_fingerprint_is_of_the_recordings_content_and_not_of_their_paths(write):
    def fingerprint(*files):
        return RecordedBackend.fingerprint(options=RecordedOptions(recordings=files, model="m"))

    one, other = write(line(), name="a.jsonl"), write(line("x"), name="b.jsonl")
    copy = write(line(), name="c.jsonl")
    assert fingerprint(one, other) == fingerprint(other, copy)
    assert fingerprint(one) != fingerprint(other)


def test_the_finish_reason_of_a_line_is_kept(write):
    (answer,) = made(write(line(finish="length"))).complete([HELLO])
    assert answer.finish is FinishReason.LENGTH


def test_every_problem_of_every_file_is_told_at_once(write, tmp_path):
    bad = write(
        "not json",
        {"response": "no request"},
        {"key": "abc", "response": "x"},
        {"messages": [], "response": "x"},
        line(response=7),
        {"key": "0" * 64, "messages": [], "response": "x"},
        line(repeat=-1),
        {"key": "0" * 64, "response": "x", "text": "unknown"},
    )
    with pytest.raises(DataError) as caught:
        made(bad, tmp_path / "absent.jsonl")
    problems = caught.value.problems
    assert [problem.line for problem in problems] == [1, 2, 3, 4, 5, 6, 7, 8, None]
    assert all(problem.fix and problem.file for problem in problems)


def test_problems_beyond_a_limit_are_counted(write):
    with pytest.raises(DataError) as caught:
        made(write(*["{"] * 50))
    assert len(caught.value.problems) + caught.value.more == 50
    assert caught.value.more > 0


def test_two_different_answers_to_one_request_are_an_error(write):
    first, second = write(line(), name="a.jsonl"), write("", line(response="Ho"), name="b.jsonl")
    with pytest.raises(DataError, match=r"b\.jsonl:2: .*a\.jsonl:1"):
        made(first, second)


def test_the_same_answer_twice_is_no_error(write):
    assert len(read_recordings([write(line(), line(), name="a.jsonl"), write(line())])) == 1


def test_a_folder_is_not_a_recording(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        made(tmp_path)


def test_a_file_that_is_not_utf8_names_its_line(tmp_path):
    file = tmp_path / "latin.jsonl"
    file.write_bytes(json.dumps(line()).encode() + b'\n{"key": "\xe9"}\n')
    with pytest.raises(DataError, match=r":2: not UTF-8"):
        made(file)


def test_the_key_is_pinned():
    # Shipped recordings depend on it.
    asked = Request(messages=(Message(role="system", content="é\n"), Message("user", "x")))
    assert recording_key(asked) == (
        "1dd6b0d98c680eac9d7ac674dcc7c3a7f75ad17084b4243fdcc28254947c83cd"
    )


@given(
    st.lists(st.tuples(st.sampled_from(["system", "user", "assistant"]), st.text()), max_size=3),
    st.integers(min_value=0, max_value=5),
)
def test_any_request_has_a_key_which_its_sampling_does_not_change(messages, repeat):
    asked = Request(tuple(Message(role, content) for role, content in messages), repeat=repeat)
    key = recording_key(asked)
    assert len(key) == 64
    assert recording_key(replace(asked, sampling=Sampling(seed=1))) == key
    assert recording_key(replace(asked, repeat=repeat + 1)) != key


def test_a_packed_recording_answers_the_same_and_holds_no_request_text(write, tmp_path):
    full = write(line("secret words"), line("others", "Ho", repeat=2, finish="stop"))
    packed = tmp_path / "packed.jsonl"
    assert pack_recording(full, packed) == 2
    assert "secret" not in packed.read_text(encoding="utf-8")
    for (key, a), (other, b) in zip(
        read_recordings([full]).items(), read_recordings([packed]).items(), strict=True
    ):
        assert (key, a.response, a.repeat, a.finish) == (other, b.response, b.repeat, b.finish)


def test_packing_twice_changes_nothing(write, tmp_path):
    once, twice = tmp_path / "once.jsonl", tmp_path / "twice.jsonl"
    pack_recording(write(line(response="line\u2028separator ü")), once)
    pack_recording(once, twice)
    assert once.read_bytes() == twice.read_bytes()


def test_the_command_packs_a_file_and_reports_a_bad_one(write, tmp_path, capsys):
    assert main([str(write(line())), str(tmp_path / "out.jsonl")]) == 0
    assert main([str(write("{")), str(tmp_path / "bad.jsonl")]) == 3
    assert "not valid JSON" in capsys.readouterr().err
    assert not (tmp_path / "bad.jsonl").exists()


def test_a_scripted_backend_keeps_a_history_and_says_when_it_has_no_reply():
    backend = ScriptedBackend(options=ScriptedOptions(replies=("a",)))
    first, second = backend.complete([HELLO, HELLO])
    assert first.text == "a"
    assert isinstance(second, Failure) and "request 2" in second.error.message
    assert backend.history == [HELLO, HELLO]


def test_the_demo_is_answered_from_its_recording(demo_schema, demo_examples):
    folder = resources.files("benchmarks") / "demo" / "recordings"
    backend = made(folder / "extract.zero_shot.v1.jsonl")
    asked = [
        Request(messages=extract_messages(schema=demo_schema, example=example))
        for example in demo_examples["test"].values()
    ]
    answers = list(backend.complete(asked))
    assert all(isinstance(answer, Completion) for answer in answers)


@pytest.mark.data
def test_the_shipped_recordings_hold_the_full_ones_answers_and_no_sentence_of_the_data_set(
    llm_recordings, semeval_examples
):
    shipped = resources.files("benchmarks") / "recordings" / "semeval-2010-task-8"
    files = sorted(f for f in shipped.iterdir() if f.suffix == ".jsonl")
    assert len(files) == 5
    sentences = {" ".join(e.text.lower().split()) for e in semeval_examples.values()}
    for file in files:
        full = read_recordings([llm_recordings / "semeval-2010-task-8" / file.name])
        answers = read_recordings([file])
        assert {k: a.response for k, a in answers.items()} == {
            k: a.response for k, a in full.items()
        }
        for answer in answers.values():
            for sample in answer.response.splitlines():
                plain = sample
                for tag in ("<e1>", "</e1>", "<e2>", "</e2>"):
                    plain = plain.replace(tag, "")
                assert " ".join(plain.lower().split()) not in sentences


@pytest.mark.data
@pytest.mark.parametrize(
    ("ids", "recording", "count"),
    [
        ("extract_test_ids", "extract.zero_shot.v1", 600),
        ("label_train_ids", "label.zero_shot.v1", 2000),
    ],
)
def test_the_shipped_ids_and_the_data_set_find_every_answer_in_order(
    ids, recording, count, data_home, semeval_schema, semeval_examples
):
    folder = resources.files("benchmarks") / "recordings" / "semeval-2010-task-8"
    wanted = json.loads((folder / f"{ids}.json").read_text(encoding="utf-8"))
    keys = [
        recording_key(
            Request(extract_messages(schema=semeval_schema, example=semeval_examples[id]))
        )
        for id in wanted
    ]
    assert len(keys) == count
    assert keys == list(read_recordings([folder / f"{recording}.jsonl"]))
