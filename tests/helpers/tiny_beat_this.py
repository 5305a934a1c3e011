"""A tiny checkpoint of Beat This!: of its own class, in the format in which its makers publish theirs."""

from __future__ import annotations

from pathlib import Path

SIZE = {"transformer_dim": 32, "n_layers": 1, "head_dim": 16, "stem_dim": 16, "ff_mult": 2}


def save_tiny(path: Path, seed: int = 0) -> Path:
    """Weights at random, and so are the beats that it hears."""
    import torch
    from beat_this.model.beat_tracker import BeatThis

    torch.manual_seed(seed)
    model = BeatThis(**SIZE)
    torch.nn.init.normal_(model.task_heads.beat_downbeat_lin.weight, std=2.0)
    weights = {f"model.{name}": value for name, value in model.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": weights, "hyper_parameters": {**SIZE, "lr": 0.001}}, path)
    return path
