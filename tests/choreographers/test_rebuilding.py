"""Networks rebuilt from settings and weights: without memory first, and without torch's compiler."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dancegen.choreographers.rebuilding import rebuilt
from dancegen.errors import ModelError
from helpers.processes import run_python

LOADED = """
import sys
from dancegen.choreographers import find_model, load_choreographer
from dancegen.store import open_store

load_choreographer(find_model(sys.argv[1], open_store(sys.argv[2])), "cpu")
print([name for name in ("torch._dynamo", "torch._inductor", "sympy") if name in sys.modules])
"""


@pytest.mark.parametrize("model", ["diffusion", "gan"])
def test_a_model_is_loaded_without_torchs_compiler(model, tmp_path):
    """Which takes more than a second of every run to import."""
    ran = run_python("-c", LOADED, model, str(tmp_path))
    assert ran.stdout == "[]\n", ran.stderr


def test_a_network_is_what_its_weights_say_buffers_and_all():
    def make() -> torch.nn.Module:
        parts = torch.nn.Conv1d(3, 4, 3), torch.nn.BatchNorm1d(4), torch.nn.Embedding(2, 3), torch.nn.LayerNorm(3)
        return torch.nn.Sequential(*parts)

    network = make()
    again = rebuilt(make, network.state_dict(), Path("model/model.safetensors")).state_dict()
    assert again.keys() == network.state_dict().keys()
    for name, tensor in network.state_dict().items():
        assert not again[name].is_meta and torch.equal(again[name], tensor), name


def test_settings_of_an_enormous_network_take_no_memory():
    weights = torch.nn.Linear(4, 4).state_dict()
    with pytest.raises(ModelError, match="does not fit"):
        rebuilt(lambda: torch.nn.Linear(10**7, 10**7), weights, Path("model/model.safetensors"))
