"""huggingface_hub: modules of one's own by its mixin, models in shards, files with many models."""

import json
from pathlib import Path

import huggingface_hub as hub
import report
import torch
from safetensors.torch import load


class Net(torch.nn.Module, hub.PyTorchModelHubMixin):
    def __init__(self, width: int = 8):
        super().__init__()
        self.first = torch.nn.Linear(4, width)
        self.second = torch.nn.Linear(width, 4)

    def forward(self, x):
        return self.second(self.first(x).relu())


def train(model):
    optimizer = torch.optim.AdamW(model.parameters(), 0.1)
    model(torch.ones(2, 4)).pow(2).sum().backward()
    optimizer.step()


def load_part(index):
    """In a child: one shard of those in `shards`."""
    file = sorted(Path("shards").glob("*.safetensors"))[index]
    return sum(tensor.sum().item() for tensor in hub.load_state_dict_from_file(file).values())


def path(report_):
    Net(width=12).save_pretrained("mixin")
    loaded = Net.from_pretrained("mixin")
    report_.tensors("mixin", loaded.state_dict())
    train(loaded)
    loaded.save_pretrained("mixin")
    report_.tensors("mixin again", Net.from_pretrained("mixin").state_dict())

    Path("shards").mkdir()  # this function makes no folder
    hub.save_torch_model(loaded, "shards", max_shard_size=300, metadata={"made by": "a test"})
    other = Net(width=12)
    result = hub.load_torch_model(other, "shards", strict=True)
    report_.value("result", [list(result.missing_keys), list(result.unexpected_keys)])
    train(other)
    hub.save_torch_model(other, "shards", max_shard_size=300)
    hub.load_torch_model(loaded, "shards")
    report_.tensors("shards", loaded.state_dict())
    with torch.multiprocessing.get_context("fork").Pool(2) as pool:
        report_.value("by workers", pool.map(load_part, range(2)))

    report.cut("mixin/model.safetensors", 300)
    report_.refused("a file cut in its data", lambda: Net.from_pretrained("mixin"))
    report_.refused("no model", lambda: hub.load_torch_model(other, "nowhere"))


def shared_tensors(report_):
    Path("shared").mkdir()
    Path("kept").mkdir()
    one = torch.arange(12.0)
    state = {"a": one, "b": one, "part": one[2:5], "columns": torch.arange(6.0).view(2, 3).t()}
    hub.save_torch_state_dict(state, "shared", metadata={"note": "ä"})
    report_.tensors("shared", hub.load_state_dict_from_file("shared/model.safetensors"))
    names = hub.save_torch_state_dict({"a": one, "b": one}, "kept", shared_tensors_to_discard=["a"])
    report_.value("nothing else", names)
    report_.tensors("kept", hub.load_state_dict_from_file("kept/model.safetensors"))


def dtypes(report_):
    state = {str(dtype): torch.arange(8).to(dtype) for dtype in (
        torch.bool, torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64, torch.float16,
        torch.bfloat16, torch.float32, torch.float64, torch.float8_e4m3fn, torch.float8_e5m2)}
    state |= {"scalar": torch.tensor(3.5), "empty": torch.empty(0, 4)}
    Path("dtypes").mkdir()
    hub.save_torch_state_dict(state, "dtypes", max_shard_size=40)
    for file in sorted(Path("dtypes").glob("*.safetensors")):
        report_.tensors(file.name, hub.load_state_dict_from_file(file))


def many_in_one_file(report_):
    Net().save_pretrained("made/net")
    Path("made/model_index.json").write_text(json.dumps({"_class_name": "None", "net": []}))
    hub.export_folder_as_dduf("all.dduf", "made")
    entry = hub.read_dduf_file("all.dduf")["net/model.safetensors"]
    with entry.as_mmap() as mapped:
        # Sorted, because the reference's load gives an order that differs from run to run.
        report_.tensors("in the archive", dict(sorted(load(bytes(mapped)).items())))


if __name__ == "__main__":
    report.run(path, shared_tensors, dtypes, many_in_one_file)
