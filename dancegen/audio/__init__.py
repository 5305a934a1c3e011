"""Audio: decoding any format, log-mel spectrogram, onsets, beats, repeated sections; and a song synthesiser."""
