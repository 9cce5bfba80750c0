from itertools import chain

import numpy as np
import pytest

from harness.relations import Markers
from harness.students import encode_examples

KINDS = ("text", "marked", "pair", "mentions", "spans")


def encoded(rows, backbone, representation):
    return encode_examples(
        rows, representation=representation, encoder=str(backbone), markers=Markers()
    )


@pytest.mark.parametrize("representation", KINDS)
def test_vectors_have_length_one_and_do_not_depend_on_the_batch(
    representation, cause_rows, tiny_backbone
):
    rows = cause_rows(12)
    together = encoded(rows, tiny_backbone, representation)
    assert together.dtype == np.float32
    assert together.shape == (12, 32 * {"mentions": 2, "spans": 3}.get(representation, 1))
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    apart = np.concatenate([encoded([row], tiny_backbone, representation) for row in rows])
    assert np.allclose(together, apart, atol=1e-5)


def test_the_mean_over_all_tokens_is_that_of_the_library_itself(cause_rows, tiny_backbone):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    rows = cause_rows(3)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_backbone)
    model = transformers.AutoModel.from_pretrained(tiny_backbone).eval()
    for row, vector in zip(rows, encoded(rows, tiny_backbone, "text"), strict=True):
        with torch.inference_mode():
            states = model(**tokenizer(row.text, return_tensors="pt")).last_hidden_state
        expected = torch.nn.functional.normalize(states.mean(dim=1)).numpy()[0]
        assert np.allclose(vector, expected, atol=1e-5)


@pytest.mark.parametrize("representation", KINDS)
def test_only_the_bare_text_ignores_which_mention_is_the_head(
    representation, cause_rows, tiny_backbone, make_example
):
    rows = [make_example(head="cup", tail="tea"), make_example(head="tea", tail="cup")]
    one, other = encoded(rows, tiny_backbone, representation)
    assert np.allclose(one, other, atol=1e-6) == (representation == "text")


def test_spans_are_means_halfway_up_of_head_between_and_tail(make_example, tiny_backbone):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    row = make_example(head="cup", tail="tea")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_backbone)
    model = transformers.AutoModel.from_pretrained(tiny_backbone).eval()
    first, last = sorted((row.head, row.tail), key=lambda mention: mention.start)
    sign = {row.head: "@", row.tail: "#"}
    text = row.text
    pieces = [
        text[: first.start] + sign[first],
        first.surface,
        sign[first] + text[first.end : last.start] + sign[last],
        last.surface,
        sign[last] + text[last.end :],
    ]
    ids = [tokenizer(piece, add_special_tokens=False)["input_ids"] for piece in pieces]
    whole = [tokenizer.cls_token_id, *chain.from_iterable(ids), tokenizer.sep_token_id]
    with torch.inference_mode():
        found = model(input_ids=torch.tensor([whole]), output_hidden_states=True).hidden_states
    states = found[max(1, model.config.num_hidden_layers // 2)][0]
    borders = np.cumsum([1, *(len(piece) for piece in ids)])
    spans = [states[borders[i] : borders[i + 1]].mean(dim=0) for i in (1, 2, 3)]
    if first is row.tail:
        spans.reverse()
    expected = np.concatenate([torch.nn.functional.normalize(s, dim=0).numpy() for s in spans])
    vector = encoded([row], tiny_backbone, "spans")[0]
    assert np.allclose(vector, expected / np.linalg.norm(expected), atol=1e-5)


def test_no_examples_give_no_vectors(tiny_backbone):
    assert len(encoded([], tiny_backbone, "text")) == 0
