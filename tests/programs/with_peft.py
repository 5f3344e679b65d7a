"""peft: adapters saved, loaded over their model, trained, saved over themselves, merged."""

from pathlib import Path

import report
import torch
from peft import IA3Config, LoraConfig, PeftModel, PromptTuningConfig, get_peft_model
from safetensors.torch import load_file
from transformers import BertConfig, BertModel


def base():
    torch.manual_seed(1)
    return BertModel(BertConfig(vocab_size=50, hidden_size=16, num_hidden_layers=2,
                                num_attention_heads=2, intermediate_size=32))


def train(model):
    chosen = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(chosen, 0.1)
    model(input_ids=torch.arange(6)[None]).last_hidden_state.pow(2).sum().backward()
    optimizer.step()


def adapter_sum(folder):
    """In a child."""
    return sum(t.sum().item() for t in load_file(f"{folder}/adapter_model.safetensors").values())


def path(report_):
    base().save_pretrained("base", max_shard_size="5KB")
    model = get_peft_model(BertModel.from_pretrained("base"), LoraConfig(target_modules=["query"], r=2))
    model.save_pretrained("lora")
    loaded = PeftModel.from_pretrained(BertModel.from_pretrained("base"), "lora", is_trainable=True)
    train(loaded)
    loaded.save_pretrained("lora")
    report_.tensors("after the save", loaded.state_dict())
    again = PeftModel.from_pretrained(BertModel.from_pretrained("base"), "lora")
    report_.tensors("again", again.state_dict())
    merged = again.merge_and_unload()
    merged.save_pretrained("base", max_shard_size="5KB")
    report_.tensors("merged", BertModel.from_pretrained("base").state_dict())
    with torch.multiprocessing.get_context("fork").Pool(2) as pool:
        report_.value("by workers", pool.map(adapter_sum, ["lora", "lora"]))
    report.cut("lora/adapter_model.safetensors", 200)
    report_.refused("a file cut in its header", lambda: PeftModel.from_pretrained(base(), "lora"))
    report_.refused("no adapter", lambda: PeftModel.from_pretrained(base(), "nowhere"))


def other_adapters(report_):
    for name, config in (
        ("ia3", IA3Config(target_modules=["query"], feedforward_modules=[])),
        ("dora", LoraConfig(target_modules=["value"], r=2, use_dora=True)),
        ("embeddings", LoraConfig(target_modules=["query"], r=2, modules_to_save=["pooler"])),
        ("prompt", PromptTuningConfig(task_type="FEATURE_EXTRACTION", num_virtual_tokens=3)),
    ):
        get_peft_model(base(), config).save_pretrained(name)
        loaded = PeftModel.from_pretrained(base(), name, is_trainable=name != "prompt")
        report_.tensors(name, loaded.state_dict())
        loaded.save_pretrained(name)


def several_adapters(report_):
    model = get_peft_model(base(), LoraConfig(target_modules=["query"], r=2), adapter_name="one")
    model.add_adapter("two", LoraConfig(target_modules=["value"], r=3, init_lora_weights=False))
    model.save_pretrained("both")
    loaded = PeftModel.from_pretrained(base(), "both/one", adapter_name="one")
    loaded.load_adapter("both/two", adapter_name="two")
    report_.tensors("both", loaded.state_dict())
    for file in sorted(Path("both").rglob("*.safetensors")):
        report_.tensors(str(file), load_file(file))


if __name__ == "__main__":
    report.run(path, other_adapters, several_adapters)
