"""Listen to a song: read any format, its log-mel spectrogram, its beats; and synthesise songs of our own."""
