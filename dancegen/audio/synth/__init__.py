"""Songs of known tempo, metre and beats, made by synthesis: for the demo, for tests, and for more music to train on."""

from dancegen.audio.synth.song_maker import (
    DEMO,
    Song,
    SongSpec,
    main,
    random_spec,
    synthesise,
    write_song,
)

__all__ = ["DEMO", "Song", "SongSpec", "main", "random_spec", "synthesise", "write_song"]
