import numpy as np
import pytest

from harness.relations import Markers
from harness.students import encode_examples

KINDS = ("text", "marked", "pair", "mentions")


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
    assert together.shape == (12, 64 if representation == "mentions" else 32)
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


def test_no_examples_give_no_vectors(tiny_backbone):
    assert len(encoded([], tiny_backbone, "text")) == 0
