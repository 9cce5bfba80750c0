"""A tiny causal model that has learnt a few answers by heart, for tests that need real ones."""

from benchmarks.tiny_models import CHAT_TEMPLATE, make_causal


def memorise(folder, answers, *, texts=(), context=512, steps=120):
    """Trains a tiny model until it gives each question its answer; returns its folder.

    Args:
        folder: Where it is written.
        answers: Question to answer.
        texts: Further texts for the tokenizer.
        context: Most tokens, or a text: then just too few for it as a question.
        steps: Steps of Adam over all answers at once.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    known = [*answers, *answers.values(), *texts] * 4
    make_causal(folder, texts=known, context=64, layers=1)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.chat_template == CHAT_TEMPLATE

    def prompt(question):
        turns = [{"role": "user", "content": question}]
        text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        return tokenizer(text)["input_ids"]

    if isinstance(context, str):
        context = len(prompt(context))
    model = AutoModelForCausalLM.from_pretrained(folder)
    model.config.max_position_embeddings = context
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    rows = [(prompt(q), [*tokenizer(a)["input_ids"], tokenizer.eos_token_id])
            for q, a in answers.items()]  # fmt: skip
    width = max(len(p) + len(a) for p, a in rows)
    pad = tokenizer.pad_token_id
    ids = torch.tensor([p + a + [pad] * (width - len(p) - len(a)) for p, a in rows])
    labels = torch.tensor([[-100] * len(p) + a + [-100] * (width - len(p) - len(a))
                           for p, a in rows])  # fmt: skip
    for _ in range(steps):
        loss = model(input_ids=ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1, loss
    model.save_pretrained(folder)
    return folder
