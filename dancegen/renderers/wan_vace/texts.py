"""Prompts as Wan reads them: with UMT5-XXL, once for a film, which is then freed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from dancegen.hub import quiet_libraries
from dancegen.renderers.film.loading import explained
from dancegen.renderers.film.tiers import release
from dancegen.weights import Located

if TYPE_CHECKING:
    import torch

TOKENS = 512
"""What is read of a text, at most."""


class Texts:
    """Texts behind the text encoder, which is here only while it reads."""

    def __init__(self, base: Located, dtype: torch.dtype) -> None:
        """Raises ModelError for what is no tokenizer."""
        from transformers import AutoTokenizer

        self.base, self.dtype = base, dtype
        self._known: dict[str, torch.Tensor] = {}
        with quiet_libraries(), explained(base):
            self._tokenizer: Any = AutoTokenizer.from_pretrained(base.directory / "tokenizer", local_files_only=True)

    def read(self, texts: Iterable[str], device: str) -> None:
        """Read those that were not yet; what they become stays in main memory. Raises ModelError."""
        import torch

        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if not new:
            return
        with quiet_libraries(), explained(self.base), torch.inference_mode():
            pipeline = self._encoder(device)
            for text in new:
                embeds = pipeline.encode_prompt(
                    text, do_classifier_free_guidance=False, max_sequence_length=TOKENS, device=torch.device(device)
                )  # fmt: skip
                self._known[text] = embeds[0].cpu()
        del pipeline
        release()

    def of(self, text: str) -> torch.Tensor:
        """(1, 512, D) of a text that was read."""
        return self._known[text]

    def tokens_over(self, text: str) -> int:
        """How many tokens of a text are not read."""
        with quiet_libraries():
            return max(0, len(self._tokenizer(text).input_ids) - TOKENS)

    def _encoder(self, device: str) -> Any:
        """Diffusers' pipeline with nothing in it but what reads texts."""
        from diffusers import WanVACEPipeline
        from transformers import UMT5EncoderModel

        encoder: Any = UMT5EncoderModel.from_pretrained(
            self.base.directory / "text_encoder", dtype=self.dtype, local_files_only=True
        )
        encoder.to(device)
        nothing: Any = None
        return WanVACEPipeline(self._tokenizer, encoder, vae=nothing, scheduler=nothing, transformer=nothing)
