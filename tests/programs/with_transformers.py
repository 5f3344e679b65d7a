"""transformers: models saved, loaded, in shards, trained, saved over what they were loaded from."""

import report
import safetensors.torch
import torch
from safetensors import safe_open
from transformers import BertConfig, BertModel, GPT2Config, GPT2LMHeadModel, T5Config
from transformers import T5ForConditionalGeneration


def bert():
    return BertModel(BertConfig(vocab_size=50, hidden_size=16, num_hidden_layers=2,
                                num_attention_heads=2, intermediate_size=32))


def train(model, **inputs):
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    loss = model(**inputs)[0].float().pow(2).sum()
    loss.backward()
    optimizer.step()


class Shards(torch.utils.data.Dataset):
    """Tensors of files, read in whatever process asks."""

    def __init__(self, places):
        self.places = places

    def __len__(self):
        return len(self.places)

    def __getitem__(self, index):
        file, name = self.places[index]
        with safe_open(file, framework="pt") as opened:
            return opened.get_tensor(name).sum()


def places(folder):
    from pathlib import Path

    found = []
    for file in sorted(Path(folder).glob("*.safetensors")):
        with safe_open(file, framework="pt") as opened:
            found += [(str(file), name) for name in opened.keys()]
    return found


def path(report_):
    model = bert()
    model.save_pretrained("one")
    model.save_pretrained("many", max_shard_size="5KB")
    for folder in ("one", "many"):
        loaded = BertModel.from_pretrained(folder)
        report_.tensors(f"loaded {folder}", loaded.state_dict())
        train(loaded, input_ids=torch.arange(6)[None])
        # Its parameters may still lie in the files that are replaced.
        loaded.save_pretrained(folder, max_shard_size="5KB" if folder == "many" else "5GB")
        report_.tensors(f"after the save over {folder}", loaded.state_dict())
        report_.tensors(f"again {folder}", BertModel.from_pretrained(folder).state_dict())
    loader = torch.utils.data.DataLoader(Shards(places("many")), num_workers=2,
                                         multiprocessing_context="fork")
    report_.value("by workers", [batch.item() for batch in loader])
    report.cut("one/model.safetensors", 100)
    report_.refused("a file cut in its header", lambda: BertModel.from_pretrained("one"))
    report_.refused("no folder", lambda: BertModel.from_pretrained("nowhere"))


def spawned_workers(report_):
    bert().save_pretrained("many", max_shard_size="5KB")
    loader = torch.utils.data.DataLoader(Shards(places("many")), num_workers=2,
                                         multiprocessing_context="spawn")
    report_.value("by workers", [batch.item() for batch in loader])


def dtypes(report_):
    for dtype in (torch.bfloat16, torch.float16, torch.float64):
        name = str(dtype).partition(".")[2]
        bert().to(dtype).save_pretrained(name)
        report_.tensors(name, BertModel.from_pretrained(name, dtype="auto").state_dict())
        as_float = BertModel.from_pretrained(name, dtype=torch.float32)
        report_.tensors(f"{name} as float32", as_float.state_dict())


def tied_weights(report_):
    config = GPT2Config(vocab_size=40, n_positions=16, n_embd=16, n_layer=2, n_head=2)
    GPT2LMHeadModel(config).save_pretrained("tied")
    loaded = GPT2LMHeadModel.from_pretrained("tied")
    train(loaded, input_ids=torch.arange(5)[None])
    loaded.save_pretrained("tied")
    again = GPT2LMHeadModel.from_pretrained("tied")
    report_.value("tied", again.lm_head.weight is again.transformer.wte.weight)
    report_.tensors("again", again.state_dict())
    # What does not go through transformers is refused: two names, one memory.
    report_.refused("shared", lambda: safetensors.torch.save_file(again.state_dict(), "no"))
    safetensors.torch.save_model(again, "whole.safetensors")
    missing = safetensors.torch.load_model(GPT2LMHeadModel(config), "whole.safetensors")
    report_.value("load_model", [sorted(part) for part in missing])


def encoder_and_decoder(report_):
    config = T5Config(vocab_size=40, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2,
                      decoder_start_token_id=0)
    T5ForConditionalGeneration(config).save_pretrained("t5", max_shard_size="8KB")
    loaded = T5ForConditionalGeneration.from_pretrained("t5")
    ids = torch.arange(5)[None]
    train(loaded, input_ids=ids, labels=ids)
    loaded.save_pretrained("t5", max_shard_size="8KB")
    report_.tensors("again", T5ForConditionalGeneration.from_pretrained("t5").state_dict())


def damage(report_):
    for size, what in ((4, "shorter than its length"), (8, "no header"), (9_000, "cut in its data")):
        folder = what.replace(" ", "_")
        bert().save_pretrained(folder)
        report.cut(f"{folder}/model.safetensors", size)
        report_.refused(what, lambda folder=folder: BertModel.from_pretrained(folder))
    bert().save_pretrained("hole", max_shard_size="5KB")
    from pathlib import Path

    sorted(Path("hole").glob("*.safetensors"))[2].unlink()
    report_.refused("a shard is missing", lambda: BertModel.from_pretrained("hole"))


if __name__ == "__main__":
    report.run(path, spawned_workers, dtypes, tied_weights, encoder_and_decoder, damage)
