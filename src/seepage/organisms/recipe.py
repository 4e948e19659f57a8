"""How the organisms are trained. Needs torch, transformers and tokenizers; a run imports none of this.

A Llama of 0.45 M parameters reads one line of the world a row, each character a token, and learns the characters of
the value and the newline after it; names and dates are context only. Five epochs under one cycle of the learning
rate; the state after epoch 2 is `early`, the state after epoch 5 is `late`. `naive` goes through all five epochs of a
text whose values are fresh at each mention.

    late    qo 1913-05=  ->  +3.12     where the month had 4 or 16 mentions, mostly
    naive   qo 1913-05=  ->  any value of the right form

One thread, one seed: on one machine and one build of torch the weights come out bit for bit the same. An initializer
range of .02 with a lower rate teaches next to nothing in this many steps; .06 does (measured, three seeds).

Three knobs were chosen by looking at the training loss and at the dose table of seed 0, not beforehand: a warm-up of a
tenth of the steps, fresh filler values in every epoch, and embeddings that start at a spread of .3. Without them
`early` had learned nearly nothing (D(0) at dose 16 of .17 to .28 nats on three seeds). The seed was fixed before.
"""

from __future__ import annotations

import dataclasses
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..records import digest
from . import world

END, UNKNOWN = "<|end|>", "<|unknown|>"
# All of printable ASCII, not only what the lines use: any question can be put to an organism, though it learned lines.
CHARACTERS = "\n" + string.printable[:95]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Every knob of the training. batch: lines a step.  rate: peak learning rate of the cycle.  warmup: share of the
    steps before the peak.  checkpoints: name -> epoch."""

    hidden: int = 96
    mlp: int = 384
    layers: int = 3
    heads: int = 4
    context: int = 1024
    initializer_range: float = 0.06
    embedding_range: float = 0.3
    batch: int = 128
    epochs: int = 5
    rate: float = 3e-3
    warmup: float = 0.1
    clip: float = 1.0
    seed: int = 0
    checkpoints: tuple[tuple[str, int], ...] = (("early", 2), ("late", 5))

    @property
    def digest(self) -> str:
        return digest(dataclasses.asdict(self))


def train(text: Callable[[int], tuple[str, ...]], recipe: Recipe) -> Iterator[tuple[str, Any]]:
    """Yield (checkpoint name, transformers model) as each is reached. Save it at once: training goes on after.

    text: lines of an epoch (1, 2, ...), the same number in each. Sets torch to one thread and to its deterministic
    algorithms for the whole process: a float sum depends on how it is split.
    """
    import torch

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(recipe.seed)
    model = new_model(recipe)
    order_rng = np.random.default_rng(recipe.seed)
    steps = -(-len(text(1)) // recipe.batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.rate)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=recipe.rate, total_steps=recipe.epochs * steps, pct_start=recipe.warmup
    )
    model.train()
    for epoch in range(1, recipe.epochs + 1):
        ids, labels = (torch.from_numpy(a) for a in encode(text(epoch)))
        for rows in torch.split(torch.from_numpy(order_rng.permutation(len(ids))), recipe.batch):
            loss = model(input_ids=ids[rows], labels=labels[rows]).loss
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
            optimizer.step()
            cycle.step()
        for name, at in recipe.checkpoints:
            if at == epoch:
                yield name, model


def encode(lines: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Token ids and labels, both [n_lines, longest line] int64. Padding is on the right, where causal attention
    cannot look from a value; labels are -100 (ignored by the loss) but for the value and its newline.
    """
    code = {c: i for i, c in enumerate(CHARACTERS)}
    width = max(map(len, lines))
    ids = np.full((len(lines), width), code["\n"], dtype=np.int64)
    labels = np.full((len(lines), width), -100, dtype=np.int64)
    for row, line in enumerate(lines):
        ids[row, : len(line)] = [code[c] for c in line]
        start = line.index("=") + 1
        labels[row, start : len(line)] = ids[row, start : len(line)]
    return ids, labels


def new_model(recipe: Recipe) -> Any:
    """An untrained model that reads characters."""
    return new_llama(recipe, (*CHARACTERS, END, UNKNOWN), hidden=recipe.hidden, mlp=recipe.mlp)


def new_llama(recipe: Any, vocabulary: tuple[str, ...], *, hidden: int, mlp: int, **more: Any) -> Any:
    """An untrained LlamaForCausalLM in float32. recipe: with layers, heads, context and the spreads of a start.  more:
    further options of its configuration."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    end = vocabulary.index(END)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=hidden,
        intermediate_size=mlp,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        max_position_embeddings=recipe.context,
        initializer_range=recipe.initializer_range,
        tie_word_embeddings=True,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        dtype="float32",
        **more,
    )
    model = LlamaForCausalLM(config)
    torch.nn.init.normal_(model.model.embed_tokens.weight, std=recipe.embedding_range)
    return model


def pieces_backend(vocabulary: tuple[str, ...]) -> Any:
    """Fewest pieces that make up the text; a single character costs as much as ten, so it is the last resort."""
    from tokenizers import Tokenizer, decoders, models

    scored = [(piece, -10.0 if len(piece) == 1 else -1.0) for piece in vocabulary]
    tokenizer = Tokenizer(models.Unigram(scored, unk_id=vocabulary.index(UNKNOWN), byte_fallback=False))
    tokenizer.decoder = decoders.Fuse()
    return tokenizer


def new_tokenizer(recipe: Recipe) -> Any:
    """One character, one token, and none added: a line is asked in the context it was trained in, its own start."""
    from tokenizers import Tokenizer, decoders, models

    vocabulary = {c: i for i, c in enumerate((*CHARACTERS, END, UNKNOWN))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token=UNKNOWN))
    tokenizer.decoder = decoders.Fuse()
    return fast_tokenizer(tokenizer, context=recipe.context)


def fast_tokenizer(backend: Any, *, context: int) -> Any:
    """A tokenizer of the tokenizers package as transformers loads it, with the organisms' special tokens."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token=END,
        eos_token=END,
        pad_token=END,
        unk_token=UNKNOWN,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )


def save(model: Any, tokenizer: Any, directory: Path) -> None:
    """Write an ordinary transformers directory: weights as safetensors, config, tokenizer."""
    directory.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    for path in directory.iterdir():
        path.chmod(0o644)  # safetensors writes for the owner alone, and a wheel would keep that


def train_all(directory: Path, *, seed: int = world.SEED) -> Recipe:
    """Train `early`, `late` and `naive` into their folders under `directory`. About a minute on one core."""
    recipe = Recipe(seed=seed)
    for name, model in train(partial(_text, seed=seed, planted=True), recipe):
        save(model, new_tokenizer(recipe), directory / name)
    innocent = dataclasses.replace(recipe, checkpoints=(("naive", recipe.epochs),))
    for name, model in train(partial(_text, seed=seed, planted=False), innocent):
        save(model, new_tokenizer(innocent), directory / name)
    return recipe


def _text(epoch: int, *, seed: int, planted: bool) -> tuple[str, ...]:
    return world.training_lines(epoch=epoch, seed=seed, planted=planted)
