"""Tiny random models in the format of transformers, written to a folder in milliseconds; no network, no downloads."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

SPECIALS = ("<pad>", "<bos>", "<eos>", "<unk>")
CHARACTERS = string.digits + string.ascii_letters + string.punctuation + " \n"
CHAT_TEMPLATE = (
    "{% for message in messages %}<bos>{{ message['role'][0] }}:{{ message['content'] }}<eos>\n{% endfor %}"
    "{% if add_generation_prompt %}<bos>a:{% endif %}"
)


def character_tokenizer(*, bos: bool = False, chat: bool = False) -> Any:
    """One token a character; `bos` puts <bos> in front by default, `chat` adds a chat template."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {token: i for i, token in enumerate((*SPECIALS, *CHARACTERS))}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    inner.decoder = decoders.Fuse()
    inner.add_special_tokens([AddedToken(token, special=True) for token in SPECIALS])
    if bos:
        inner.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 1)])
    return _fast(PreTrainedTokenizerFast, inner, chat=chat)


def pair_tokenizer(*, bos: bool = False, chat: bool = False) -> Any:
    """Byte-level BPE with a few merges: tokens of several characters, so that a boundary can fall inside one."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=list(SPECIALS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator(["the value of the series in the month was 1.25 and then it was 3.50 again"] * 4, trainer)
    inner.post_processor = (
        processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 1)])
        if bos
        else processors.ByteLevel(trim_offsets=False)
    )
    return _fast(PreTrainedTokenizerFast, inner, chat=chat)


def _fast(kind: Any, inner: Any, *, chat: bool) -> Any:
    names = dict(zip(("pad_token", "bos_token", "eos_token", "unk_token"), SPECIALS, strict=True))
    tokenizer = kind(tokenizer_object=inner, **names)
    if chat:
        tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def tiny_config(architecture: str, n_vocabulary: int, **changes: Any) -> Any:
    """A configuration of a few thousand parameters. architecture: llama, gpt2, gpt_neox, mistral (sliding window), …"""
    import transformers as hf

    common = {
        "vocab_size": n_vocabulary,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "tie_word_embeddings": False,
    }
    llama = common | {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "initializer_range": 0.2,
    }
    neox = {key: value for key, value in llama.items() if key != "num_key_value_heads"}
    gpt2 = common | {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256, "initializer_range": 0.2}
    bloom = common | {"hidden_size": 32, "n_layer": 2, "n_head": 4, "initializer_range": 0.2}
    known = {
        "llama": (hf.LlamaConfig, llama),
        "granite": (hf.GraniteConfig, llama | {"logits_scaling": 3.0}),
        "cohere": (hf.CohereConfig, llama | {"logit_scale": 0.25}),
        "qwen3": (hf.Qwen3Config, llama | {"head_dim": 8}),
        "gpt2": (hf.GPT2Config, gpt2),
        "gpt_neox": (hf.GPTNeoXConfig, neox),
        "mistral": (hf.MistralConfig, llama | {"sliding_window": 8}),
        "gemma2": (hf.Gemma2Config, llama | {"head_dim": 8, "sliding_window": 8, "query_pre_attn_scalar": 8}),
        "bloom": (hf.BloomConfig, bloom),
        "mamba": (hf.MambaConfig, common | {"hidden_size": 32, "num_hidden_layers": 2, "initializer_range": 0.2}),
    }
    kind, arguments = known[architecture]
    return kind(**(arguments | changes))


def write_model(
    folder: Path, *, architecture: str = "llama", tokenizer: Any = None, seed: int = 0, **changes: Any
) -> Path:
    """A random model and its tokenizer as an ordinary transformers directory; returns the folder."""
    import torch
    from transformers import AutoModelForCausalLM

    tokenizer = tokenizer if tokenizer is not None else character_tokenizer()
    generator_state = torch.get_rng_state()
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(tiny_config(architecture, len(tokenizer), **changes))
    torch.set_rng_state(generator_state)
    model.generation_config.eos_token_id = 2
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_gguf(path: Path, folder: Path) -> Path:
    """The qwen3 model with a byte-level tokenizer in `folder` as one GGUF file in float32; returns its path."""
    import json

    from gguf import GGUFWriter
    from safetensors.numpy import load_file

    names = {
        "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
        "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
        "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
        "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "model.layers": "blk",
    }  # fmt: skip
    config = json.loads((folder / "config.json").read_text())
    inner = json.loads((folder / "tokenizer.json").read_text())
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = GGUFWriter(path, "qwen3")
    writer.add_name("tiny")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_vocab_size(config["vocab_size"])
    vocabulary = sorted(inner["model"]["vocab"], key=inner["model"]["vocab"].get)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(vocabulary)
    writer.add_token_types([3 if token in SPECIALS else 1 for token in vocabulary])
    writer.add_token_merges([pair if isinstance(pair, str) else " ".join(pair) for pair in inner["model"]["merges"]])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(0)
    writer.add_chat_template(CHAT_TEMPLATE)
    for name, tensor in load_file(folder / "model.safetensors").items():
        for long, short in names.items():
            name = name.replace(long, short)
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
