"""The lean forward pass, compact embeddings and batches against the plain ways."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from harness.students._batches import (  # noqa: E402
    bucketed_batches,
    budgeted_batches,
    collate,
    padded_length,
)
from harness.students._bert_forward import ByteDropout, LeanBert, is_lean  # noqa: E402
from harness.students._compact import compact_embeddings  # noqa: E402
from harness.students._marking import MarkedIds  # noqa: E402

_SIZES = {
    "vocab_size": 60,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
}


def _model(kind):
    torch.manual_seed(0)
    if kind == "bert":
        return transformers.BertModel(transformers.BertConfig(**_SIZES)).eval()
    config = transformers.RobertaConfig(**_SIZES, pad_token_id=1)
    return transformers.RobertaModel(config).eval()


@pytest.mark.parametrize("kind", ["bert", "roberta"])
@pytest.mark.parametrize("padded", [False, True])
def test_lean_forward_equals_the_librarys_in_states_and_gradients(kind, padded):
    model = _model(kind)
    ids = torch.randint(5, 60, (4, 11))
    mask = torch.ones_like(ids, dtype=torch.bool)
    if padded:
        mask[1, 7:] = mask[3, 5:] = False
        ids[~mask] = model.config.pad_token_id
    wanted = torch.tensor([[1, 4], [0, 6], [10, 2], [3, 3]])

    states = model(input_ids=ids, attention_mask=mask.long()).last_hidden_state
    expected = torch.stack([states[torch.arange(4), wanted[:, i]] for i in (0, 1)], 1)
    lean = LeanBert(model)(ids, mask if padded else None, wanted, ByteDropout(0.0, seed=0))
    torch.testing.assert_close(lean, expected, atol=1e-5, rtol=1e-4)
    every = LeanBert(model)(ids, mask if padded else None, None, ByteDropout(0.0, seed=0))
    torch.testing.assert_close(every[mask], states[mask], atol=1e-5, rtol=1e-4)

    parameters = [p for n, p in model.named_parameters() if "pooler" not in n]
    want = torch.autograd.grad(expected.pow(2).sum(), parameters)
    got = torch.autograd.grad(lean.pow(2).sum(), parameters)
    for one, other in zip(got, want, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)


def test_other_architectures_are_left_to_the_library():
    config = transformers.DistilBertConfig(vocab_size=20, dim=16, n_layers=1, n_heads=2)
    assert not is_lean(transformers.DistilBertModel(config))
    assert is_lean(_model("bert"))
    assert is_lean(_model("roberta"))


def test_byte_dropout_keeps_the_mean_and_repeats_with_its_seed():
    values = torch.ones(200_000)
    first, again = (ByteDropout(0.1, seed=3)(values) for _ in range(2))
    assert torch.equal(first, again)
    assert float((first == 0).float().mean()) == pytest.approx(26 / 256, abs=0.003)
    assert float(first.mean()) == pytest.approx(1, abs=0.003)
    assert ByteDropout(0.0, seed=3)(values) is values


def test_compact_embeddings_train_to_the_same_table_as_the_whole_one():
    rows = [
        MarkedIds([5, 9, 7], (0, 1), ((0, 1), (1, 2))),
        MarkedIds([9, 3], (0, 1), ((0, 1), (1, 2))),
    ]
    tables = []
    for compact in (False, True):
        model = _model("bert")

        def train(some, model=model):
            table = model.get_input_embeddings().weight
            optimiser = torch.optim.AdamW([table], lr=0.1, weight_decay=0.0)
            for _ in range(5):
                for row in some:
                    optimiser.zero_grad()
                    lean = LeanBert(model)
                    lean(
                        torch.tensor([row.ids]), None, None, ByteDropout(0, seed=0)
                    ).std().backward()
                    optimiser.step()

        if compact:
            with compact_embeddings(model, [rows], pad=0, trained=True) as (narrowed,):
                assert model.get_input_embeddings().num_embeddings == 5
                train(narrowed)
        else:
            train(rows)
        tables.append(model.get_input_embeddings().weight.detach())
    assert tables[1].shape == (60, 32)
    torch.testing.assert_close(tables[0], tables[1], atol=1e-5, rtol=1e-4)


@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=200),
    size=st.integers(1, 20),
    seed=st.integers(0, 5),
)
def test_buckets_hold_every_row_once_in_even_batches(lengths, size, seed):
    batches = bucketed_batches(lengths, size=size, generator=np.random.default_rng(seed))
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    assert len(batches) == -(-len(lengths) // size)
    assert max(map(len, batches)) <= size
    assert max(map(len, batches)) - min(map(len, batches)) <= 1


@given(lengths=st.lists(st.integers(1, 50), max_size=100), tokens=st.integers(1, 200))
def test_budgeted_batches_hold_every_row_once_within_the_budget(lengths, tokens):
    batches = budgeted_batches(lengths, tokens=tokens)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[row] for row in batch)
        assert len(batch) == 1 or len(batch) * longest <= tokens


def test_batches_are_padded_to_a_multiple_but_never_beyond_the_backbones_room():
    rows = [MarkedIds(ids=[5] * n, starts=(0, 1), spans=((0, 1), (1, 2))) for n in (16, 9)]
    assert collate(rows, pad=0).ids.shape == (2, 16)
    whole = collate(rows[:1], pad=0, multiple=8)
    assert whole.ids.shape == (1, 16)
    assert whole.mask is None
    padded = collate(rows[1:], pad=3, multiple=8)
    assert padded.ids.tolist() == [[5] * 9 + [3] * 7]
    assert padded.mask.tolist() == [[True] * 9 + [False] * 7]
    assert padded_length(37, 8, 40) == 40
    assert padded_length(37, 8, 38) == 38


def test_buckets_waste_little_padding():
    lengths = np.random.default_rng(0).integers(10, 80, 2000).tolist()
    batches = bucketed_batches(lengths, size=16, generator=np.random.default_rng(1))
    padded = sum(len(batch) * max(lengths[row] for row in batch) for batch in batches)
    assert padded / sum(lengths) < 1.1
