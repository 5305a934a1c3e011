"""Audio: decoding any format, log-mel spectrogram, onsets, beats, repeated sections; and a song synthesiser."""

AUDIO_SUFFIXES = {".wav", ".flac", ".ogg", ".mp3", ".m4a", ".aac", ".opus", ".aif", ".aiff", ".wma", ".oga"}
"""What the names of songs end in."""
