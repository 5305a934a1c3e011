"""`python -m dancegen.audio.synth`."""

from dancegen.audio.synth.song_maker import main

raise SystemExit(main())
