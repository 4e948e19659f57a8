"""How a model is named.

    hf:DIRECTORY                      safetensors and a tokenizer, or a GGUF file, in a folder
    hf:ORG/NAME[@REVISION]            a hub id; the only scheme that uses the network
    hf:path/to/file.gguf              one GGUF file
    pkg:PACKAGE[/path/inside]         a model inside an installed package; the path may be left out if there is only one
    embedded:NAME                     an organism that seepage ships
    recorded:STORE.sqlite[#DIGEST]    answers only
    scores:TABLE.csv?name=MODEL       published scores only (seepage.scores)

Options follow a `?`, as in a URL: `hf:models/mine?dtype=bfloat16&trust_remote_code=1`. dtype (float32), allow_pickle,
trust_remote_code (0 or 1), gguf (name of the GGUF file in a folder that holds several), and those of `models.recipe`,
which make a compressed twin of the model: `hf:models/mine?prune=wanda&sparsity=0.5`.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

from ..errors import BadSpec
from .recipe import OPTIONS as RECIPE_OPTIONS
from .recipe import Recipe, read_recipe

SCHEMES = ("hf", "pkg", "embedded", "recorded", "scores")
DTYPES = ("float32", "bfloat16", "float16", "float64")
_OPTIONS = ("dtype", "trust_remote_code", "allow_pickle", "gguf", *RECIPE_OPTIONS)
_ALIASES = {
    "huggingface": "hf",
    "transformers": "hf",
    "hub": "hf",
    "package": "pkg",
    "store": "recorded",
    "replay": "recorded",
}


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A parsed spec. text: as the user wrote it.  rest: what follows the scheme, without revision and options.

    recipe: how another model is made of the one named, None for the model as it comes.
    """

    text: str
    scheme: str
    rest: str
    revision: str | None = None
    dtype: str = "float32"
    trust_remote_code: bool = False
    allow_pickle: bool = False
    gguf: str | None = None
    recipe: Recipe | None = None


def parse_spec(text: str) -> ModelSpec:
    """Raises BadSpec where scheme, options or their values are not known."""
    scheme, colon, rest = text.partition(":")
    if not colon or scheme not in SCHEMES or not rest:
        raise BadSpec(_unknown_scheme(text, scheme, rest if colon else text))
    if scheme in ("recorded", "scores"):
        return ModelSpec(text, scheme, rest)
    revision = None
    options: dict[str, str] = {}
    if not Path(rest).expanduser().exists():  # a folder may have any name, "?" and "@" included
        rest, mark, query = rest.rpartition("?") if "?" in rest else (rest, "", "")
        options = _options(text, query) if mark else {}
    if scheme == "hf" and "@" in rest and not Path(rest).expanduser().exists():
        rest, _, revision = rest.rpartition("@")
    dtype = options.get("dtype", "float32")
    if dtype not in DTYPES:
        raise BadSpec(f"unknown dtype {dtype!r} in {text}. Known: {', '.join(DTYPES)}.")
    return ModelSpec(
        text=text,
        scheme=scheme,
        rest=rest,
        revision=revision,
        dtype=dtype,
        trust_remote_code=_switch(text, options, "trust_remote_code"),
        allow_pickle=_switch(text, options, "allow_pickle"),
        gguf=options.get("gguf"),
        recipe=read_recipe(options, where=text),
    )


def _options(text: str, query: str) -> dict[str, str]:
    try:
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=True))
    except ValueError as error:
        raise BadSpec(f"the options of {text} are not of the form name=value&name=value.") from error
    for name in options:
        if name not in _OPTIONS:
            raise BadSpec(f"unknown option {name!r} in {text}. Known: {', '.join(_OPTIONS)}.{_guess(name, _OPTIONS)}")
    return options


def _switch(text: str, options: dict[str, str], name: str) -> bool:
    value = options.get(name, "0")
    if value not in ("0", "1"):
        raise BadSpec(f"option {name}={value!r} in {text} is not 0 or 1.")
    return value == "1"


def _unknown_scheme(text: str, scheme: str, rest: str) -> str:
    known = f"Known: {', '.join(SCHEMES)}."
    if scheme in SCHEMES:
        return f"nothing follows {scheme}: in the model spec {text!r}; see `seepage.models.spec` for the forms."
    if ":" not in text:
        return f"the model spec {text!r} has no scheme. {known} Did you mean hf:{text}?"
    near = _ALIASES.get(scheme.lower()) or next(iter(difflib.get_close_matches(scheme.lower(), SCHEMES, 1)), None)
    return f"unknown model scheme {scheme + ':'!r} in {text}. {known}" + (
        f" Did you mean {near}:{rest}?" if near else ""
    )


def _guess(name: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f" Did you mean {near[0]}?" if near else ""
