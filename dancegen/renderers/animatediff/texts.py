"""Prompts as the text encoder reads them: of any length, with words that weigh more or less, with learnt words.

The reading itself is compel's, for whatever is more than a plain text of at most 77 tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dancegen.errors import ModelError
from dancegen.renderers.film.loading import explained
from dancegen.weights import Located

if TYPE_CHECKING:
    import torch

HEAVIEST = 2.0
"""More than this and pictures break."""
_TOKENS = re.compile(r"\\[()\\]|\(|:\s*\d*\.?\d+\s*\)|\)|[^\\():]+|.", re.DOTALL)
_WEIGHT = re.compile(r":\s*(?P<weight>\d*\.?\d+)\s*\)")


def weighted_parts(text: str) -> list[tuple[str, float]]:
    """A prompt as pieces with their weights: "a (red:1.3) dress" is a, red 1.3 times as much, dress.

    Weights multiply where one stands in another. Parentheses without a weight, and those after a backslash, are text.
    """
    open_at: list[int] = []
    pieces: list[tuple[str, float]] = []
    for token in _TOKENS.findall(text):
        weight = _WEIGHT.fullmatch(token)
        if token == "(":
            open_at.append(len(pieces))
            pieces.append(("(", 1.0))
        elif weight and open_at:
            first = open_at.pop()
            factor = min(float(weight["weight"]), HEAVIEST)
            pieces[first:] = [(part, each * factor) for part, each in pieces[first + 1 :]]
        else:
            if token == ")" and open_at:
                open_at.pop()
            pieces.append((token[1:] if re.fullmatch(r"\\[()\\]", token) else token, 1.0))
    joined: list[tuple[str, float]] = []
    for part, weight in pieces:
        if joined and joined[-1][1] == weight:
            joined[-1] = (joined[-1][0] + part, weight)
        else:
            joined.append((part, weight))
    return [(part.strip(), weight) for part, weight in joined if part.strip()]


class Texts:
    """Texts behind a pipeline's text encoder; each is read once. known: (tokens, D) of each text so far."""

    def __init__(self, pipeline: Any, device: str) -> None:
        self.pipeline, self.device = pipeline, device
        self.known: dict[str, torch.Tensor] = {}

    def of(self, texts: Sequence[str]) -> list[torch.Tensor]:
        """(tokens, D) of each: 77 tokens, or, of all of them, as many times 77 as the longest needs."""
        found = [self._of(text) for text in texts]
        if len({each.shape for each in found}) == 1:
            return found
        return [each[0] for each in self._compel().pad_conditioning_tensors_to_same_length([e[None] for e in found])]

    def _of(self, text: str) -> torch.Tensor:
        if text not in self.known:
            parts = weighted_parts(text)
            whole = parts[0][0] if parts else ""
            plain = all(weight == 1 for _, weight in parts) and self._tokens(whole) <= self._limit
            self.known[text] = self._plainly(whole) if plain else self._by_parts(parts)
        return self.known[text]

    def _plainly(self, text: str) -> torch.Tensor:
        return self.pipeline.encode_prompt(text, self.device, 1, False)[0][0]

    def _by_parts(self, parts: list[tuple[str, float]]) -> torch.Tensor:
        from compel.prompt_parser import FlattenedPrompt

        found, _ = self._compel().build_conditioning_tensor_for_prompt_object(FlattenedPrompt(list(parts)))
        return found[0][0]

    def _compel(self) -> Any:
        from compel import Compel, DiffusersTextualInversionManager

        return Compel(
            self.pipeline.tokenizer, self.pipeline.text_encoder, DiffusersTextualInversionManager(self.pipeline),
            truncate_long_prompts=False, device=self.device,
        )  # fmt: skip

    @property
    def _limit(self) -> int:
        return self.pipeline.tokenizer.model_max_length

    def _tokens(self, text: str) -> int:
        """How many there are, with the marks at both ends."""
        whole = self.pipeline.maybe_convert_prompt(text, self.pipeline.tokenizer)
        return len(self.pipeline.tokenizer(whole).input_ids)


def word_of(text: str) -> tuple[str, str]:
    """(model, word) of a learnt word, from MODEL or MODEL=WORD; the word is else the file's name."""
    model, sign, word = text.rpartition("=")
    if not sign or Path(text).exists():
        model, word = text, ""
    return model, word or Path(model.split("@")[0]).stem


def learn_words(pipeline: Any, models: Iterable[Located], texts: Iterable[str]) -> None:
    """Give the text encoder learnt words (textual inversion, Gal et al. 2022). texts: what a person wrote of each.

    Raises ModelError for what is none, or does not fit.
    """
    for located, text in zip(models, texts, strict=True):
        word = word_of(text)[1]
        with explained(located):
            if word in pipeline.tokenizer.get_vocab():
                raise ModelError(
                    f'{located.ref.option} {text}: "{word}" is a word already; write MODEL=WORD with another'
                )
            pipeline.load_textual_inversion(
                str(located.directory), weight_name=located.files[0], token=word, local_files_only=True
            )
