"""What every film backend needs: prompts, key frames, segments, weights, memory."""
