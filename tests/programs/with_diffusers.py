"""diffusers: models and pipelines saved, loaded, in shards, trained, saved over themselves."""

from pathlib import Path

import report
import torch
from diffusers import AutoencoderKL, DDPMPipeline, DDPMScheduler, UNet2DConditionModel, UNet2DModel
from safetensors.torch import load_file


def small():
    return UNet2DModel(sample_size=8, in_channels=1, out_channels=1, layers_per_block=1,
                       block_out_channels=(8, 8), norm_num_groups=4, attention_head_dim=4,
                       down_block_types=("DownBlock2D", "DownBlock2D"),
                       up_block_types=("UpBlock2D", "UpBlock2D"))


def train(model, noise):
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    model(noise, 3).sample.pow(2).sum().backward()
    optimizer.step()


def file_sum(file):
    """In a child."""
    return sum(tensor.sum().item() for tensor in load_file(file).values())


def path(report_):
    small().save_pretrained("one")
    small().save_pretrained("many", max_shard_size="20KB")
    noise = torch.randn(1, 1, 8, 8)
    for folder, size in (("one", "10GB"), ("many", "20KB")):
        loaded = UNet2DModel.from_pretrained(folder)
        train(loaded, noise)
        loaded.save_pretrained(folder, max_shard_size=size)
        report_.tensors(f"after the save over {folder}", loaded.state_dict())
        report_.tensors(f"again {folder}", UNet2DModel.from_pretrained(folder).state_dict())
    DDPMPipeline(loaded, DDPMScheduler(num_train_timesteps=10)).save_pretrained("pipeline")
    pipeline = DDPMPipeline.from_pretrained("pipeline")
    pipeline.set_progress_bar_config(disable=True)
    made = pipeline(generator=torch.manual_seed(3), num_inference_steps=2, output_type="np")
    report_.tensors("picture", {"made": made.images})
    pipeline.save_pretrained("pipeline")
    files = sorted(str(file) for file in Path("many").glob("*.safetensors"))
    with torch.multiprocessing.get_context("fork").Pool(2) as pool:
        report_.value("by workers", pool.map(file_sum, files))
    report.cut("one/diffusion_pytorch_model.safetensors", 100)
    report_.refused("a file cut in its header", lambda: UNet2DModel.from_pretrained("one"))
    report_.refused("no model", lambda: UNet2DModel.from_pretrained("nowhere"))


def half(report_):
    for dtype in (torch.float16, torch.bfloat16):
        name = str(dtype).partition(".")[2]
        small().to(dtype).save_pretrained(name, variant="half")
        loaded = UNet2DModel.from_pretrained(name, variant="half", torch_dtype=dtype)
        report_.tensors(name, loaded.state_dict())
        loaded.save_pretrained(name, variant="half")


def autoencoder(report_):
    AutoencoderKL(in_channels=1, out_channels=1, block_out_channels=(8,), norm_num_groups=4,
                  latent_channels=2).save_pretrained("vae")
    loaded = AutoencoderKL.from_pretrained("vae")
    loaded(torch.randn(1, 1, 8, 8)).sample.sum().backward()
    loaded.save_pretrained("vae", max_shard_size="20KB")
    report_.tensors("again", AutoencoderKL.from_pretrained("vae").state_dict())


def adapter(report_):
    from peft import LoraConfig

    def model():
        torch.manual_seed(2)
        return UNet2DConditionModel(
            sample_size=8, in_channels=1, out_channels=1, layers_per_block=1, norm_num_groups=4,
            block_out_channels=(8, 8), cross_attention_dim=8, attention_head_dim=4,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"))

    trained = model()
    trained.add_adapter(LoraConfig(r=2, target_modules=["to_q", "to_v"], init_lora_weights=False))
    trained.save_lora_adapter("lora")
    loaded = model()
    loaded.load_lora_adapter("lora", prefix=None, use_safetensors=True,
                             weight_name="pytorch_lora_weights.safetensors")
    report_.tensors("again", loaded.state_dict())


if __name__ == "__main__":
    report.run(path, half, autoencoder, adapter)
