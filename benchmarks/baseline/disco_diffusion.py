"""The guided step of the original programs, whole and in parts, run by their own code from PyPI.

    pip install --no-deps --target PEER guided-diffusion-sdk==1.0.0 resize-right-sdk==1.0.2 discoart==0.12.1 \\
        cn-clip==1.6.0 torchvision==0.28.0 six tqdm
"""

import ast
import importlib.util
import sys
import warnings
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from benchmarks.baseline.workload import GRAY, POWER, PROMPTS, SCALES, STEPS, K, State, Workload
from danqing.models.clip import ClipConfig
from danqing.models.clip_vision import VisionConfig

Network = TypeVar("Network", bound=nn.Module)
NEEDED = ("guided_diffusion", "resize_right", "discoart", "cn_clip", "torchvision")


def find_baseline(folder: Path | None) -> bool:
    """Add the folder to sys.path and return True if the original programs can be imported."""
    if folder is not None and str(folder) not in sys.path:
        sys.path.append(str(folder))  # last: what is installed beside torch wins
    return all(importlib.util.find_spec(name) is not None for name in NEEDED)


class DiscoDiffusion:
    """guided-diffusion's U-Net and DDIM, discoart's guidance, cn-clip's encoder; see `Program`.

    The U-Net and CLIP are in half precision on a GPU and in float32 on a CPU, as these programs load them.
    """

    name = "peer"

    def __init__(self, workload: Workload) -> None:
        warnings.filterwarnings("ignore", module="torchvision|guided_diffusion|cn_clip|resize_right")
        _import_torchvision()
        from cn_clip.clip.model import CLIP, convert_weights  # pyright: ignore
        from guided_diffusion import script_util  # pyright: ignore

        self.workload, half = workload, workload.device.type == "cuda"
        with torch.device("meta"):
            denoiser: Any = script_util.create_model(**_unet_words(workload), use_fp16=half)  # pyright: ignore
        self.denoiser: Any = _fill(denoiser, workload.unet, workload)
        self.secondary_diffusion, self.cuts, self.formulas = (
            _part_of_discoart(name) for name in ("sec_diff", "make_cutouts", "losses")
        )
        self.small = _fill(self.secondary_diffusion.SecondaryDiffusionImageNet2(), workload.secondary, workload)
        self.encoder: Any = _fill(CLIP(**_clip_words(workload.shapes.clip)), workload.clip, workload)  # pyright: ignore
        if half:
            self.denoiser.convert_to_fp16()
            convert_weights(self.encoder)  # pyright: ignore
        self.diffusion = _diffusion(script_util)
        self.x = workload.noise()
        self.image = (self.x / 8 + 0.5).requires_grad_()
        self.pixels = workload.pixels().requires_grad_()
        self.emb = self.pixels.new_empty(0)

    def unet(self) -> Tensor:
        """See `Program`."""
        tau = self.diffusion.timestep_map[K] * 1000 / self.diffusion.original_num_steps
        with torch.no_grad():
            return self.denoiser(self.x, self.x.new_tensor([tau]))

    def secondary(self) -> Tensor:
        """See `Program`."""
        x = self.x.detach().requires_grad_()
        alphas, sigmas = self.diffusion.sqrt_alphas_cumprod, self.diffusion.sqrt_one_minus_alphas_cumprod
        alpha, sigma = x.new_tensor(alphas[K]), x.new_tensor(sigmas[K])
        time = self.secondary_diffusion.alpha_sigma_to_t(alpha, sigma)
        return torch.autograd.grad(self.small(x, time[None]).pred.sum(), x)[0]

    def cutouts(self) -> Tensor:
        """See `Program`."""
        workload = self.workload
        make = self.cuts.MakeCutouts(
            workload.shapes.clip.vision.resolution, workload.overview, workload.inner, IC_Size_Pow=POWER, IC_Grey_P=GRAY
        )
        return torch.autograd.grad(make(self.image).sum(), self.image)[0]

    def clip_forward(self) -> Tensor:
        """See `Program`."""
        self.emb = self.encoder.encode_image(self.pixels)
        return self.emb

    def clip_backward(self) -> Tensor:
        """See `Program`."""
        return torch.autograd.grad(self.emb.sum(), self.pixels)[0]

    def losses(self) -> Tensor:
        """See `Program`."""
        emb = self.emb.detach().requires_grad_()
        distances = self.formulas.spherical_dist_loss(emb[:, None], self.workload.texts()[None])
        torch.autograd.grad(distances.view(len(emb), 1, -1).sum(2).mean(0).sum() * SCALES["clip"], emb)
        seen = self.x.detach().requires_grad_()
        sat = torch.abs(seen - seen.clamp(min=-1, max=1)).mean() * SCALES["sat"]
        tv, outside = self.formulas.tv_loss(seen).sum(), self.formulas.range_loss(seen).sum()
        return torch.autograd.grad(tv * SCALES["tv"] + outside * SCALES["range"] + sat, seen)[0]

    def whole(self) -> Tensor:
        """See `Program`."""
        t = torch.tensor([K], device=self.workload.device)
        with torch.no_grad():
            step = self.diffusion.ddim_sample(
                self.denoiser, self.x, t, clip_denoised=False, cond_fn=self._cond_fn(), model_kwargs={}, eta=0.8
            )
        return step["sample"]

    def _cond_fn(self) -> Any:
        """Return discoart's guidance function, a closure of its `do_run`, with logging and display disabled."""
        workload = self.workload
        knobs = SimpleNamespace(
            use_secondary_model=True,
            clip_guidance_scale=SCALES["clip"],
            tv_scale=SCALES["tv"],
            range_scale=SCALES["range"],
            sat_scale=SCALES["sat"],
            init_scale=0,
            clamp_grad=True,
            clamp_max=SCALES["clamp"],
            cutn_batches=workload.batches,
            cut_overview=workload.overview,
            cut_innercut=workload.inner,
            cut_ic_pow=POWER,
            cut_icgray_p=GRAY,
        )
        stats = {
            "model_name": "clip",
            "clip_model": self.encoder,
            "prompt_embeds": workload.texts(),
            "schedules": [True] * 1000,
            "input_resolution": workload.shapes.clip.vision.resolution,
        }
        around: dict[str, Any] = {
            "torch": torch,
            "device": workload.device,
            "diffusion": self.diffusion,
            "cur_t": K,
            "secondary_model": self.small,
            "init": None,
            "args": SimpleNamespace(visualize_cuts=False),
            "_MAX_DIFFUSION_STEPS": 1000,
            "_get_current_schedule": lambda *_: knobs,
            "schedule_table": None,
            "alpha_sigma_to_t": self.secondary_diffusion.alpha_sigma_to_t,
            "tv_loss": self.formulas.tv_loss,
            "range_loss": self.formulas.range_loss,
            "spherical_dist_loss": self.formulas.spherical_dist_loss,
            "MakeCutouts": self.cuts.MakeCutouts,
            "model_stats": [stats],
            "prompts": SimpleNamespace(get_prompt_ids=lambda *_: (tuple(range(PROMPTS)), (1.0,) * PROMPTS)),
            "normalize_fn": torch.nn.functional.normalize,
            "detach_gpu": _part_of_discoart("helper").detach_gpu,
            "loss_values": [],
            "logger": SimpleNamespace(debug=lambda _: None, warning=lambda _: None),
            "wandb": SimpleNamespace(Histogram=lambda _: None, log=lambda _: None),
        }
        tree = ast.parse((_discoart() / "runner.py").read_text(encoding="utf-8"))
        found = next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "cond_fn")
        exec(compile(ast.Module([found], []), "cond_fn", "exec"), around)
        return around["cond_fn"]


def _import_torchvision() -> None:
    """Import torchvision next to another build of torch; its compiled operators are missing and not needed."""
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision  # pyright: ignore  # noqa: F401

    _KEPT.append(library)


_KEPT: list[torch.library.Library] = []  # the operators go when this goes


def _discoart() -> Path:
    found = importlib.util.find_spec("discoart")
    assert found is not None
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0])


def _part_of_discoart(name: str) -> Any:
    """Import one file of discoart; importing the package starts threads and downloads."""
    spec = importlib.util.spec_from_file_location(f"discoart_{name}", _discoart() / "nn" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _unet_words(workload: Workload) -> dict[str, Any]:
    """Return the arguments of `create_model` for the 512x512 network at the workload's width."""
    return {
        "image_size": 512,
        "num_channels": workload.shapes.unet.channels,
        "num_res_blocks": workload.shapes.unet.blocks,
        "learn_sigma": True,
        "attention_resolutions": "32,16,8",
        "num_head_channels": 64,
        "use_scale_shift_norm": True,
        "resblock_updown": True,
    }


def _clip_words(config: ClipConfig) -> dict[str, Any]:
    assert isinstance(config.vision, VisionConfig)
    text = config.text
    return {
        "embed_dim": config.embed,
        "image_resolution": config.vision.resolution,
        "vision_layers": config.vision.layers,
        "vision_width": config.vision.width,
        "vision_patch_size": config.vision.patch,
        "vocab_size": text.vocabulary,
        "text_attention_probs_dropout_prob": 0.1,
        "text_hidden_act": "gelu",
        "text_hidden_dropout_prob": 0.1,
        "text_hidden_size": text.width,
        "text_initializer_range": 0.02,
        "text_intermediate_size": text.mlp,
        "text_max_position_embeddings": text.positions,
        "text_num_attention_heads": max(1, text.width // 64),
        "text_num_hidden_layers": text.layers,
        "text_type_vocab_size": 2,
    }


def _diffusion(script_util: Any) -> Any:
    return script_util.create_gaussian_diffusion(
        steps=1000 // STEPS * STEPS,
        learn_sigma=True,
        noise_schedule="linear",
        rescale_timesteps=True,
        timestep_respacing=f"ddim{STEPS}",
    )


def _fill(network: Network, state: State, workload: Workload) -> Network:
    network.load_state_dict({name: tensor.to(workload.device) for name, tensor in state.items()}, assign=True)
    return network.eval().requires_grad_(False)
