"""Photographs a dance as three.js shows it: the mannequin, a VRM avatar with the VRM animation, an own character.

dancegen generate-poses demo --seconds 10 -o dance.glb
PYTHONPATH=tests python docs/pictures/characters.py dance.glb -o docs/pictures/characters.webp

Needs Node's packages and Chromium: see tests/helpers/other_programs.py.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

SECONDS = (0.0, 1.5, 3.0, 4.5, 6.0, 7.5)
WIDTH = 1100


def main() -> None:
    from PIL import Image

    import dancegen
    from dancegen.motion.body import Body
    from dancegen.motion.characters.glb_file import read_glb
    from helpers.characters import CHILD, Rig, write_avatar, write_character
    from helpers.other_programs import played

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dance", type=Path, help="A dance.glb of dancegen's, whose dance is in the store.")
    parser.add_argument("--store")
    parser.add_argument("-o", "--output", type=Path, required=True)
    chosen = parser.parse_args()
    dance = read_glb(chosen.dance).document["asset"]["extras"]["dancegen"]["dance"]
    tall = Body.of({**CHILD, "shank": 0.5, "thigh": 0.42}, 1.8)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in ("dance.glb", "dance.vrma"):
            dancegen.export(dance, store=chosen.store, output=folder / name)
        write_avatar(folder / "short.vrm")
        write_character(folder / "tall.glb", Rig("unreal", arms_down=50, legs_out=6, axes="bones", body=tall))
        dancegen.export(dance, retarget=folder / "tall.glb", store=chosen.store, output=folder / "tall-dances.glb")
        rows = []
        shown = [("dance.glb", ""), ("short.vrm", "dance.vrma"), ("tall-dances.glb", "")]
        for number, (model, vrma) in enumerate(shown):
            shot = folder / f"{number}.png"
            played(folder, model, SECONDS, vrma, shot)
            rows.append(Image.open(shot).convert("RGB"))
        rows = [row.crop((0, 0, row.width, row.height - 145)) for row in rows]  # what a headless window does not show
    picture = Image.new("RGB", (rows[0].width, sum(row.height for row in rows)))
    for number, row in enumerate(rows):
        picture.paste(row, (0, number * row.height))
    picture.resize((WIDTH, round(picture.height * WIDTH / picture.width))).save(chosen.output, quality=80, method=6)


if __name__ == "__main__":
    main()
