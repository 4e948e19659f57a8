"""A spec becomes a benchmark.

file:quiz.jsonl?question=stem&options=choices&gold=answer     csv, tsv, jsonl or parquet, by its name
hf:allenai/ai2_arc?config=ARC-Easy&split=test&revision=...&options=choices.text&labels=choices.label&gold=answerKey
hf:data/my_set?split=test                                     a local folder
bigbench:date_understanding?items=200                         a JSON task of BIG-bench 1.0.0, after typing once:
                                                              python -m seepage.benchmarks.from_bigbench
embedded:quiz                                                 the invented facts that the organisms were taught
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import tables
from ..errors import BadSpec
from ..specs import known_only, meant, slug, split
from .fields import items, no_such
from .record import Benchmark

PROVIDERS = ("file", "hf", "bigbench", "embedded")
HUB = ("config", "split", "revision")


def open_benchmark(spec: str) -> Benchmark:
    """The benchmark that a spec names. Raises BadSpec on anything not accepted, with what is."""
    provider, body, options = split(spec)
    if provider == "file":
        table = tables.read(body)
        return Benchmark(id=slug(Path(body).stem), items=items(table, options, spec=spec), source=body)
    if provider == "hf":
        return _from_datasets(spec, body, options)
    if provider == "bigbench":
        from .from_bigbench import open_task  # here, because `python -m` wants its module not yet imported

        return open_task(spec, body, options)
    if provider == "embedded":
        from ..organisms import facts  # here, because facts builds a Benchmark

        known_only(options, (), what="option", where=repr(spec))
        return facts.open_benchmark(body)
    raise BadSpec(
        f"unknown benchmark provider {provider + ':'!r} in {spec!r}. Known: {', '.join(PROVIDERS)}."
        f"{meant(provider, PROVIDERS, template='{}:' + body)}"
    )


def _from_datasets(spec: str, body: str, options: Mapping[str, str]) -> Benchmark:
    try:
        import datasets
    except ImportError as error:
        raise BadSpec(f"{spec!r} needs the package datasets: pip install 'seepage[datasets]'") from error
    stated = {key: options[key] for key in HUB if key in options}
    loaded = _load(datasets, spec, body, stated)
    if isinstance(loaded, datasets.DatasetDict):
        if stated.get("split") in loaded:
            loaded = loaded[stated["split"]]
        elif "split" in stated:
            raise no_such(stated["split"], sorted(loaded), what="split", where=repr(spec))
        elif len(loaded) == 1:
            loaded = next(iter(loaded.values()))
        else:
            raise BadSpec(f"{spec!r} has splits {', '.join(sorted(loaded))}; state one, split={sorted(loaded)[0]}")
    rows = tuple(loaded.to_list())
    table = tables.Rows(body, tuple(loaded.column_names), rows, tuple(f"row {i}" for i in range(len(rows))))
    fields = {key: value for key, value in options.items() if key not in HUB}
    return Benchmark(
        id=slug(body.rpartition("/")[2]),
        items=items(table, fields, spec=spec),
        source=" ".join([f"hf:{body}", *(f"{k}={v}" for k, v in stated.items()), *_commits(loaded)]),
        licence=loaded.info.license or "",
    )


def _load(datasets: Any, spec: str, body: str, stated: Mapping[str, str]) -> Any:
    """A Dataset or DatasetDict: a folder written by save_to_disk, a folder of tables, or a hub id."""
    folder = Path(body)
    if (folder / "state.json").is_file() or (folder / "dataset_dict.json").is_file():
        return datasets.load_from_disk(body)
    try:
        return datasets.load_dataset(body, stated.get("config"), revision=stated.get("revision"))
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        # datasets tells a missing id, a missing configuration and a missing network apart only in words
        raise BadSpec(
            f"{spec!r} could not be loaded by datasets: {type(error).__name__}: {error}. Accepted: a local folder of "
            "csv, json or parquet files, or a hub id without a loading script (owner/name, with config= where it has "
            "several)"
        ) from error


def _commits(loaded: Any) -> list[str]:
    """ "commit 1a2b..." where the files came from the hub: the answer to which version this was."""
    urls = loaded.info.download_checksums or {}
    return sorted({"commit " + url.partition("@")[2].partition("/")[0] for url in urls if "@" in url})
