"""A song is recorded in the page, by a microphone that hears a file."""

from __future__ import annotations

import numpy as np

from dancegen.audio.load import SAMPLE_RATE, load
from helpers.songs import write_song
from helpers.studio import beside, opened

LINE = "document.querySelector('#make-song dance-timeline')"
RECORDED_MS = 3500


def test_a_song_is_recorded_and_danced_to(browser, studio, tmp_path):
    heard = write_song(tmp_path / "heard.wav", 12.0, bpm=120)
    fake = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
    with beside(browser, *fake, f"--use-file-for-fake-audio-capture={heard}") as listening:
        page = opened(listening, studio, permissions=["microphone"])
        page.get_by_role("button", name="Record", exact=True).click()
        page.wait_for_timeout(RECORDED_MS)
        page.get_by_role("button", name="Stop", exact=True).click()
        page.wait_for_function(f"{LINE}?.song.seconds > 1", timeout=120_000)
        song = page.evaluate(f"{LINE}.song")
        assert song["seconds"] > RECORDED_MS / 2000 and max(song["peaks"]) == 255  # a busy browser stops late
        page.click("#dance")
        page.wait_for_function("document.querySelector('#make-stage dance-view')?.dance", timeout=240_000)
    (dance,) = (studio.store / "generate-poses").iterdir()
    sound = load(dance / "audio.flac")
    assert abs(len(sound) / SAMPLE_RATE - song["seconds"]) < 0.2  # all that was recorded, and nothing else
    assert np.sqrt(np.mean(np.square(sound))) > 0.01  # the kick and the chord, and no silence
