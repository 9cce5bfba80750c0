"""LoRA adapters of PEFT on llama.cpp: what transformers adds to a model is what llama.cpp adds."""

import json
import shutil
import sys

import numpy as np
import pytest

pytest.importorskip("llama_cpp")
pytest.importorskip("gguf")
pytest.importorskip("peft")

from click.testing import CliRunner
from safetensors.numpy import load_file, save_file

from agents.backends import (
    HuggingFaceBackend,
    HuggingFaceOptions,
    LlamaCppBackend,
    LlamaCppOptions,
)
from agents.backends.llama_cpp import export_lora
from benchmarks.tiny_gguf import write_gguf
from benchmarks.tiny_models import make_causal
from harness.cli._tune import command as tune
from harness.errors import CalldistilError, MissingExtraError
from harness.protocols import ExportsAdapters, Message, Request, TunedAdapter, read_scores

LABELS = ("Cause-Effect(e1,e2)", "Cause-Effect(e2,e1)", "Other")
TEXTS = ("The <e1>cup</e1> held <e2>tea</e2> .", "Ada works for Acme in Oslo .", "Bo wrote it .")
TOLERANCE = 0.02  # the backend keeps keys and values in 16 bits


def make_model(folder, architecture):
    """A tiny model whose norms and biases are not the trivial ones that training starts from."""
    make_causal(folder, architecture=architecture)
    random = np.random.default_rng(1)
    tensors = load_file(folder / "model.safetensors")
    for name, values in tensors.items():
        if values.ndim == 1:
            noise = random.standard_normal(values.shape, dtype=np.float32)
            tensors[name] = values + np.float32(0.2) * noise
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    write_gguf(folder, folder.with_suffix(".gguf"))
    return folder


def make_adapter(model, folder, *, rank=4, **settings):
    """An adapter on every linear layer but the last, whose random weights change answers a lot."""
    import peft
    import torch
    from transformers import AutoModelForCausalLM

    chosen = {"target_modules": "all-linear", "lora_alpha": 6, **settings}
    config = peft.LoraConfig(task_type="CAUSAL_LM", r=rank, **chosen)
    adapted = peft.get_peft_model(AutoModelForCausalLM.from_pretrained(model), config)
    generator = torch.Generator().manual_seed(rank)
    with torch.no_grad():
        for name, values in adapted.named_parameters():
            if "lora_" in name:
                values.copy_(0.3 * torch.randn(values.shape, generator=generator))
    adapted.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a Llama, the same as GGUF, and two adapters of it."""
    place = tmp_path_factory.mktemp("lora")
    make_model(place / "m", "llama")
    make_adapter(place / "m", place / "adapter")
    make_adapter(place / "m", place / "other", rank=2)
    return place


@pytest.fixture
def exported(place, tmp_path):
    return export_lora(place / "adapter", tmp_path / "adapter.gguf").file


@pytest.fixture
def copied(place, tmp_path):
    """A copy of the adapter that a test may spoil."""
    return shutil.copytree(place / "adapter", tmp_path / "spoilt")


def change(adapter, **settings):
    file = adapter / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | settings), encoding="utf-8")
    return adapter


def by_transformers(model, adapter, tokens):
    """Log-probabilities of what follows each token, bare and with the adapter."""
    import peft
    import torch
    from transformers import AutoModelForCausalLM

    found = peft.PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(model), adapter)
    found.eval()
    with torch.no_grad():
        tuned = torch.log_softmax(found(torch.tensor([tokens])).logits[0], -1).numpy()
        with found.disable_adapter():
            bare = torch.log_softmax(found(torch.tensor([tokens])).logits[0], -1).numpy()
    return bare, tuned


def by_llama_cpp(file, tokens, **rest):
    import llama_cpp

    exact = {"type_k": llama_cpp.GGML_TYPE_F32, "type_v": llama_cpp.GGML_TYPE_F32}
    llama = llama_cpp.Llama(
        str(file), n_ctx=256, logits_all=True, verbose=False, n_threads=1, n_threads_batch=1,
        **exact, **rest,
    )  # fmt: skip
    llama.eval(tokens)
    logits = np.array(llama.scores[: len(tokens)], dtype=np.float64)
    llama.close()
    top = logits.max(axis=1, keepdims=True)
    return logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True))


def text_tokens(model):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(model)(" ".join(TEXTS))["input_ids"]


@pytest.mark.parametrize("architecture", ["llama", "mistral", "qwen2", "qwen3"])
def test_llama_cpp_with_an_exported_adapter_says_what_transformers_says(tmp_path, architecture):
    model = make_model(tmp_path / "m", architecture)
    uneven = {"rank_pattern": {"q_proj": 8}, "alpha_pattern": {"k_proj": 3, "0.mlp.up_proj": 9}}
    adapter = make_adapter(model, tmp_path / "adapter", **uneven)
    written = export_lora(adapter, tmp_path / "adapter.gguf")
    assert (written.layers, written.size) == (14, (tmp_path / "adapter.gguf").stat().st_size)
    tokens = text_tokens(model)
    bare, tuned = by_transformers(model, adapter, tokens)
    file = tmp_path / "m.gguf"
    assert np.abs(by_llama_cpp(file, tokens) - bare).max() < 1e-3
    lora = by_llama_cpp(file, tokens, lora_path=str(written.file))
    assert np.abs(lora - tuned).max() < 1e-3
    assert np.abs(lora - bare).max() > 1


@pytest.mark.parametrize(
    "settings",
    [
        {"use_rslora": True},
        {"target_modules": ["q_proj", "lm_head"]},
        {"target_modules": ["k_proj"], "layers_to_transform": [1]},
        {"lora_alpha": 0},
    ],
)
def test_adapters_of_other_scales_and_layers_say_the_same_too(place, tmp_path, settings):
    adapter = make_adapter(place / "m", tmp_path / "adapter", **settings)
    file = export_lora(adapter, tmp_path / "adapter.gguf").file
    tokens = text_tokens(place / "m")
    _, tuned = by_transformers(place / "m", adapter, tokens)
    lora = by_llama_cpp(place / "m.gguf", tokens, lora_path=str(file))
    assert np.abs(lora - tuned).max() < 1e-3


def scored(backend):
    """Log-probabilities of the labels after each text, of shape (texts, labels)."""
    requests = [Request((Message("user", text),), labels=LABELS) for text in TEXTS]
    try:
        found = {id(done.request): read_scores(done) for done in backend.score_labels(requests)}
    finally:
        backend.close()
    return np.array([[found[id(r)][label].log_probability for label in LABELS] for r in requests])


def on_llama_cpp(place, **options):
    return LlamaCppBackend(options=LlamaCppOptions(model=place / "m.gguf", context=1024, **options))


def test_the_backends_hf_and_llama_cpp_score_alike_with_an_adapter(place, exported):
    reference = HuggingFaceOptions(
        model=str(place / "m"), adapter=place / "adapter", device="cpu", dtype="float32"
    )
    expected = scored(HuggingFaceBackend(options=reference))
    of_file = scored(on_llama_cpp(place, lora=exported))
    assert np.abs(of_file - expected).max() < TOLERANCE
    assert np.array_equal(of_file, scored(on_llama_cpp(place, lora=place / "adapter")))
    assert np.abs(of_file - scored(on_llama_cpp(place))).max() > 1


def test_answers_of_the_bare_and_of_each_tuned_model_have_identities_of_their_own(
    place, exported, tmp_path
):
    other = export_lora(place / "other", tmp_path / "other.gguf").file
    loras = [None, exported, other, place / "adapter", place / "other"]
    loras += [TunedAdapter(tuned="a"), TunedAdapter(tuned="a", part="first")]
    options = [LlamaCppOptions(model=place / "m.gguf", lora=lora) for lora in loras]
    assert len({LlamaCppBackend(options=one).model.weights for one in options}) == len(loras)
    prints = [LlamaCppBackend.fingerprint(options=one) for one in options]
    assert len({json.dumps(dict(found)) for found in prints}) == len(loras)
    assert "lora" not in prints[0] and str(place) not in json.dumps([dict(p) for p in prints])


def test_an_adapters_identity_is_what_it_does_and_not_where_it_was_trained(place, copied):
    def weights():
        options = LlamaCppOptions(model=place / "m.gguf", lora=copied)
        return LlamaCppBackend(options=options).model.weights

    first = weights()
    change(copied, base_model_name_or_path="/elsewhere/m")
    assert weights() == first
    change(copied, lora_alpha=60)
    assert weights() != first


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"use_dora": True}, "use_dora: True"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"task_type": "SEQ_2_SEQ_LM"}, "task_type: SEQ_2_SEQ_LM"),
        ({"peft_type": "IA3"}, "peft_type: IA3"),
        ({"bias": "all"}, "bias: all"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights: pissa"),
        ({"trainable_token_indices": [3]}, "trainable_token_indices"),
    ],
)
def test_what_is_more_than_plain_lora_is_refused_by_name(copied, tmp_path, settings, told):
    change(copied, **settings)
    with pytest.raises(CalldistilError, match=told) as raised:
        export_lora(copied, tmp_path / "x.gguf")
    assert "backend hf" in raised.value.hint
    assert not (tmp_path / "x.gguf").exists()


def test_weights_that_are_no_lora_of_a_linear_layer_are_refused_by_name(copied, tmp_path):
    file = copied / "adapter_model.safetensors"
    whole = load_file(file)
    name = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
    for wrong, told in (
        ({"base_model.model.model.norm.weight": whole[name]}, "model.norm.weight"),
        ({name.replace("layers.0", "layers.7"): whole[name]}, r"layers.7.* \(one half\)"),
        (
            {
                name.replace("layers.0", "layers.7").replace("_A", side): whole[
                    name.replace("_A", side)
                ]
                for side in ("_A", "_B")
            },
            "layers.7.* 2 layers",
        ),
    ):
        save_file(whole | wrong, file)
        with pytest.raises(CalldistilError, match=told):
            export_lora(copied, tmp_path / "x.gguf")
    save_file({}, file)
    with pytest.raises(CalldistilError, match="no weights"):
        export_lora(copied, tmp_path / "x.gguf")
    file.write_bytes(b"no safetensors")
    with pytest.raises(CalldistilError, match="cannot be read"):
        export_lora(copied, tmp_path / "x.gguf")
    file.unlink()
    with pytest.raises(CalldistilError, match="There is no file") as raised:
        export_lora(copied, tmp_path / "x.gguf")
    assert "safetensors" in raised.value.hint


def test_models_of_another_architecture_or_out_of_reach_are_told(
    place, copied, tmp_path, monkeypatch
):
    config = json.loads((place / "m" / "config.json").read_text())
    (tmp_path / "model").mkdir()

    def told(**changes):
        (tmp_path / "model" / "config.json").write_text(json.dumps(config | changes))
        with pytest.raises(CalldistilError) as raised:
            export_lora(copied, tmp_path / "x.gguf", model=str(tmp_path / "model"))
        return str(raised.value)

    said = told(architectures=["T5ForConditionalGeneration"])
    assert "T5ForConditionalGeneration" in said and "Qwen2ForCausalLM" in said
    assert "32 rows, which do not fit 3 heads" in told(num_attention_heads=3)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    change(copied, base_model_name_or_path="no/such-model")
    with pytest.raises(CalldistilError, match="no/such-model") as raised:
        export_lora(copied, tmp_path / "x.gguf")
    assert "--model" in raised.value.hint
    change(copied, base_model_name_or_path=None)
    with pytest.raises(CalldistilError, match="does not say which model"):
        export_lora(copied, tmp_path / "x.gguf")


def test_a_changed_output_layer_is_refused_where_the_embedding_stands_for_it(place, tmp_path):
    adapter = make_adapter(place / "m", tmp_path / "adapter", target_modules=["lm_head"])
    shutil.copytree(place / "m", tmp_path / "tied")
    config = json.loads((tmp_path / "tied" / "config.json").read_text())
    (tmp_path / "tied" / "config.json").write_text(
        json.dumps(config | {"tie_word_embeddings": True})
    )
    with pytest.raises(CalldistilError, match="shares with its embedding"):
        export_lora(adapter, tmp_path / "x.gguf", model=str(tmp_path / "tied"))


def test_weights_may_be_packed_where_their_rank_allows_it(place, tmp_path):
    with pytest.raises(CalldistilError, match="rows of 4, and q8_0 packs 32"):
        export_lora(place / "adapter", tmp_path / "x.gguf", dtype="q8_0")
    assert list(tmp_path.iterdir()) == []
    wide = make_adapter(place / "m", tmp_path / "wide", rank=32)
    tokens = text_tokens(place / "m")
    sizes = []
    for dtype, tolerance in (("f32", 1e-3), ("f16", 0.1), ("q8_0", 2.0)):
        file = export_lora(wide, tmp_path / f"{dtype}.gguf", dtype=dtype).file
        sizes.append(file.stat().st_size)
        lora = by_llama_cpp(place / "m.gguf", tokens, lora_path=str(file))
        _, tuned = by_transformers(place / "m", wide, tokens)
        assert np.abs(lora - tuned).mean() < tolerance
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_weights_of_16_bits_are_taken_over_without_loss(copied, tmp_path, dtype):
    import gguf
    import safetensors.torch
    import torch

    file = copied / "adapter_model.safetensors"
    tensors = safetensors.torch.load_file(file)
    tensors = {name: values.to(getattr(torch, dtype)) for name, values in tensors.items()}
    safetensors.torch.save_file(tensors, file)
    written = export_lora(copied, tmp_path / "x.gguf").file
    found = {tensor.name: tensor.data for tensor in gguf.GGUFReader(written).tensors}
    for side in ("A", "B"):
        given = tensors[f"base_model.model.model.layers.1.mlp.up_proj.lora_{side}.weight"]
        name = f"blk.1.ffn_up.weight.lora_{side.lower()}"
        assert np.array_equal(found[name], given.to(torch.float32).numpy())


def test_an_adapter_that_does_not_fit_the_model_is_told(place, exported, tmp_path):
    make_causal(tmp_path / "wide", width=48)
    write_gguf(tmp_path / "wide", tmp_path / "m.gguf")
    make_causal(tmp_path / "qwen", architecture="qwen2")
    for wrong, lora, said in (
        (tmp_path, exported, "wrong base model"),
        (place, write_gguf(tmp_path / "qwen", tmp_path / "q.gguf"), "adapter"),
        (place, place / "m", "adapter_config.json"),
        (place, tmp_path / "absent.gguf", "There is no file or folder"),
        (place, TunedAdapter(tuned="sft"), "trained by an experiment alone"),
    ):
        with pytest.raises(CalldistilError, match=said):
            scored(on_llama_cpp(wrong, lora=lora))


def test_without_gguf_the_extra_is_named(place, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(MissingExtraError, match="gguf"):
        export_lora(place / "adapter", tmp_path / "x.gguf")


def test_the_command_line_exports_beside_the_adapter_and_overwrites_nothing(copied, tmp_path):
    assert isinstance(LlamaCppBackend, ExportsAdapters)
    done = CliRunner().invoke(tune, ["export-gguf", str(copied), "--json"])
    assert done.exit_code == 0, done.output
    file = tmp_path / "spoilt.gguf"
    assert json.loads(done.stdout) == {
        "file": str(file),
        "layers": 14,
        "parameters": 4096,
        "bytes": file.stat().st_size,
    }
    assert "14 layers" in done.stderr
    again = CliRunner().invoke(tune, ["export-gguf", str(copied)])
    assert isinstance(again.exception, CalldistilError) and "there already" in str(again.exception)
    near = CliRunner().invoke(tune, ["export-gguf", str(tmp_path)])
    assert f"Name one of its folders: {copied}" in str(near.exception)
