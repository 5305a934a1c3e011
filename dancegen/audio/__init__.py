"""Audio: decoding any format, log-mel spectrogram, onsets, beats, repeated sections; and a song synthesiser."""

AUDIO_SUFFIXES = (".wav", ".flac", ".aif", ".aiff", ".m4a", ".opus", ".ogg", ".oga", ".aac", ".mp3", ".wma")
"""What the names of songs end in, those without losses first."""
PLAYLISTS = ("concat", "dash", "hls", "image2", "imf", "rtsp", "sdp", "webm_dash_manifest")
"""FFmpeg's formats that name other files, which are not followed."""
BUILT_IN, BEAT_THIS = "built-in", "beat-this"
"""What hears the beats and the bars of a song."""
