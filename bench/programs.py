#!/usr/bin/env python3
"""Benchmark `programs`: what libraries take to save and load over the drop-in and over the reference.

    programs.py --reference FOLDER [--rounds N] [--folder FOLDER] [--docs FOLDER] [PROGRAM...]

Each program lives in four processes, which take turns: one a package whose saves are durable, and one
whose saves are not. A turn is a load, and a save over what was loaded. Saves by tensorhold are durable
when they return, unless TENSORHOLD_DURABLE=0; after durable ones by the reference the program syncs
the files and their folder. A process that is timed sees a warm page cache.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

OURS, THEIRS = "tensorhold", "safetensors"
# Values of TENSORHOLD_DURABLE.
DURABLE, NOT_DURABLE = "1", "0"


def transformers():
    from transformers import BertConfig, BertModel

    def load():
        return BertModel.from_pretrained("model")

    made = BertModel(BertConfig(vocab_size=8000, hidden_size=512, num_hidden_layers=6,
                                num_attention_heads=8, intermediate_size=2048))
    return made, load, lambda model: model.save_pretrained("model", max_shard_size="40MB")


def huggingface_hub():
    import huggingface_hub as hub

    def load():
        model = layers()
        hub.load_torch_model(model, "model")
        return model

    return layers(), load, lambda model: hub.save_torch_model(model, "model", max_shard_size="40MB")


def peft():
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import BertConfig, BertModel

    base = BertModel(BertConfig(vocab_size=100, hidden_size=512, num_hidden_layers=12,
                                num_attention_heads=8, intermediate_size=512))
    config = LoraConfig(target_modules=["query", "key", "value"], r=64)

    def load():
        return PeftModel.from_pretrained(base, "model")

    # The base is shared, so an adapter is taken off again before the next is put on.
    def save(model):
        model.save_pretrained("model")
        model.unload()

    return get_peft_model(base, config), load, save


def accelerate():
    from accelerate import Accelerator, load_checkpoint_in_model

    accelerator = Accelerator(cpu=True)

    def load():
        model = layers()
        load_checkpoint_in_model(model, "model")
        return model

    return layers(), load, lambda model: accelerator.save_model(model, "model", max_shard_size="40MB")


def diffusers():
    from diffusers import UNet2DModel

    made = UNet2DModel(sample_size=16, in_channels=3, out_channels=3, layers_per_block=2,
                       block_out_channels=(128, 256), norm_num_groups=32,
                       down_block_types=("DownBlock2D", "AttnDownBlock2D"),
                       up_block_types=("AttnUpBlock2D", "UpBlock2D"))
    return made, lambda: UNet2DModel.from_pretrained("model"), lambda m: m.save_pretrained("model")


def layers():
    import torch

    return torch.nn.Sequential(*(torch.nn.Linear(512, 1024) for _ in range(48)))


PROGRAMS = [transformers, huggingface_hub, peft, accelerate, diffusers]


def work(name: str):
    """In a process of a contestant: for each line, one turn; its seconds are the answer."""
    import safetensors
    import torch

    torch.manual_seed(0)
    syncs = safetensors.__name__ == THEIRS and os.environ["TENSORHOLD_DURABLE"] == DURABLE
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # libraries print
    model, load, save = {program.__name__: program for program in PROGRAMS}[name]()
    os.mkdir("model")
    save(model)
    del model
    print("ready", file=answers)
    for _ in sys.stdin:
        start = time.perf_counter()
        model = load()
        loaded = time.perf_counter()
        save(model)
        if syncs:
            sync("model")
        saved = time.perf_counter()
        del model
        print(json.dumps([loaded - start, saved - loaded]), file=answers)


def sync(folder: str):
    places = [os.path.join(folder, file) for file in os.listdir(folder) if file.endswith(".safetensors")]
    for place in (*places, folder):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class Contestant:
    def __init__(self, name, package, durable, folder, reference):
        folder.mkdir()
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("TENSORHOLD_DROPIN", "PYTHONPATH")}
        environment |= {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1",
                        "TRANSFORMERS_VERBOSITY": "error", "HF_HOME": str(folder / "home"),
                        "TENSORHOLD_DURABLE": durable}
        environment |= ({"TENSORHOLD_DROPIN": "1"} if package == OURS else {"PYTHONPATH": reference})
        self.log = open(folder / "log", "w+")
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "--work", name], cwd=folder, text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, env=environment)
        self.answer()

    def answer(self) -> str:
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            raise RuntimeError("a contestant failed:\n" + self.log.read()[-3000:])
        return line

    def turn(self) -> list:
        self.process.stdin.write("go\n")
        return json.loads(self.answer())

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.log.close()


def measure(name: str, rounds: int, folder: pathlib.Path, reference: str) -> dict:
    """Medians by durability and package: seconds of a load, of a save, and of both."""
    contestants = {(durable, package): Contestant(name, package, durable, folder / (package + durable),
                                                  reference)
                   for durable in (DURABLE, NOT_DURABLE) for package in (OURS, THEIRS)}
    turns = {which: [] for which in contestants}
    for number in range(rounds + 1):
        for which, contestant in contestants.items():
            load, save = contestant.turn()
            if number:  # the first warms
                turns[which].append((load, save, load + save))
    for contestant in contestants.values():
        contestant.end()
    return {which: [statistics.median(column) for column in zip(*took)]
            for which, took in turns.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work")
    parser.add_argument("--reference")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", default=".")
    parser.add_argument("--docs")
    parser.add_argument("programs", nargs="*")
    options = parser.parse_args()
    if options.work:
        work(options.work)
        return
    import harness

    rows: dict[str, list] = {DURABLE: [], NOT_DURABLE: []}
    sums = {(durable, package): 0.0 for durable in rows for package in (OURS, THEIRS)}
    before = os.getloadavg()[0]
    for name in options.programs or [program.__name__ for program in PROGRAMS]:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            took = measure(name, options.rounds, pathlib.Path(folder).resolve(), options.reference)
        for which in sums:
            sums[which] += took[which][2]
        for durable, found in rows.items():
            cells = [f"{took[durable, package][i] * 1e3:.1f}" for i in range(2) for package in (OURS, THEIRS)]
            ratio = took[durable, THEIRS][2] / took[durable, OURS][2]
            found.append([name, *cells, f"{ratio:.2f}"])
            print(f"  durable={durable}: " + " ".join(found[-1]), file=sys.stderr)
    for durable, found in rows.items():
        ratio = sums[durable, THEIRS] / sums[durable, OURS]
        found.append(["all together", "", "", "", "", f"{ratio:.2f}"])
    titles = ["program", "load, tensorhold", "load, safetensors", "save, tensorhold"]
    text = "\n".join([
        "# Programs", "", "    ./dev bench programs", "",
        "Libraries over the drop-in and over safetensors 0.8.0, each in a process of its own, in turn;",
        f"medians of {options.rounds}, in milliseconds. A turn is a load, and a save over what was loaded. The",
        "ratio is how many times longer the reference takes for both.", "",
        f"Machine: {harness.machine()}. Load average when it began: {before:.1f}.", "",
        "## Durable", "",
        "The reference's saves are followed by `fsync` of the files and of their folder.", "",
        harness.table([*titles, "save, safetensors + fsync", "ratio"], rows[DURABLE]), "",
        "## Not durable", "",
        "tensorhold with TENSORHOLD_DURABLE=0.", "",
        harness.table([*titles, "save, safetensors", "ratio"], rows[NOT_DURABLE]), ""])
    print(text)
    if options.docs:
        (pathlib.Path(options.docs) / "programs.md").write_text(text)


if __name__ == "__main__":
    main()
