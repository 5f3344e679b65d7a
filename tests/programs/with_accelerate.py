"""accelerate: models in shards, states in the middle of training, weights left on disk."""

import os
import subprocess
import sys
from pathlib import Path

import report
import torch
from accelerate import Accelerator, disk_offload, init_empty_weights, load_checkpoint_and_dispatch
from accelerate import load_checkpoint_in_model
from safetensors.torch import load_file


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(8, 16)
        self.second = torch.nn.Linear(16, 8)
        self.third = torch.nn.Linear(8, 8)

    def forward(self, x):
        return self.third(self.second(self.first(x).relu()))


def train(accelerator, model, optimizer):
    accelerator.backward(model(torch.ones(2, 8)).pow(2).sum())
    optimizer.step()
    optimizer.zero_grad()


def file_sum(file):
    """In a child."""
    return sum(tensor.sum().item() for tensor in load_file(file).values())


def path(report_):
    accelerator = Accelerator(cpu=True)
    model = Net()
    model, optimizer = accelerator.prepare(model, torch.optim.AdamW(model.parameters(), 0.1))
    accelerator.save_model(model, "model", max_shard_size=700)
    load_checkpoint_in_model(model, "model")
    train(accelerator, model, optimizer)
    accelerator.save_model(model, "model", max_shard_size=700)
    with init_empty_weights():
        empty = Net()
    loaded = load_checkpoint_and_dispatch(empty, "model", device_map={"": "cpu"})
    report_.tensors("dispatched", loaded.state_dict())

    accelerator.save_state("state")
    train(accelerator, model, optimizer)
    accelerator.load_state("state")
    report_.tensors("state", model.state_dict())
    train(accelerator, model, optimizer)
    accelerator.save_state("state")
    files = sorted(str(file) for file in Path("model").glob("*.safetensors"))
    with torch.multiprocessing.get_context("fork").Pool(2) as pool:
        report_.value("by workers", pool.map(file_sum, files))
    report.cut("state/model.safetensors", 60)
    report_.refused("a file cut in its header", lambda: accelerator.load_state("state"))
    report.cut(files[1], 200)
    report_.refused("a shard cut in its data", lambda: load_checkpoint_in_model(Net(), "model"))


def weights_on_disk(report_):
    accelerator = Accelerator(cpu=True)
    accelerator.save_model(Net(), "model", max_shard_size=700)
    with init_empty_weights():
        empty = Net()
    device_map = {"first": "cpu", "second": "disk", "third": "disk"}
    model = load_checkpoint_and_dispatch(empty, "model", device_map=device_map,
                                         offload_folder="offload")
    report_.tensors("said", {"y": model(torch.ones(2, 8))})
    other = Net()
    disk_offload(other, "offloaded", execution_device="cpu")
    report_.tensors("said from disk", {"y": other(torch.ones(2, 8))})


def launched(report_):
    """Processes that each load, train and save, started as people start them."""
    Accelerator(cpu=True).save_model(Net(), "model", max_shard_size=700)
    for count, launcher in (
        (1, ["accelerate.commands.launch", "--cpu", "--num_processes=1", "--num_machines=1",
             "--mixed_precision=no", "--dynamo_backend=no"]),
        (2, ["torch.distributed.run", "--standalone", "--nproc_per_node=2"]),
    ):
        done = subprocess.run(
            [sys.executable, "-m", *launcher, __file__, sys.argv[2], str(count)],
            capture_output=True, text=True, env={**os.environ, "PROGRAM_IS_RANK": "1"})
        if done.returncode:
            raise RuntimeError(done.stderr)
        report_.tensors(f"saved by {count}", load_file(f"after_{count}/model.safetensors"))


def rank():
    import safetensors

    assert safetensors.__name__ == sys.argv[1]
    torch.set_num_threads(1)
    accelerator = Accelerator(cpu=True)
    assert accelerator.num_processes == int(sys.argv[2])
    model = Net()
    load_checkpoint_in_model(model, "model")
    model, optimizer = accelerator.prepare(model, torch.optim.SGD(model.parameters(), 0.1))
    train(accelerator, model, optimizer)
    accelerator.save_model(model, f"after_{sys.argv[2]}")
    accelerator.wait_for_everyone()
    accelerator.end_training()


if __name__ == "__main__":
    if os.environ.get("PROGRAM_IS_RANK") == "1":
        rank()
    else:
        report.run(path, weights_on_disk, launched)
