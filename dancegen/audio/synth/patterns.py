"""What drums, bass and chords play in a bar, by style of music: the grooves of the song synthesiser.

A row is one bar (or several, end to end) of steps. Drums: `x` a hit, `X` an accent, `o` a soft one, `.` none. Bass: the
degree of the chord (`1`, `3`, `5`, `7`, `8` for the octave). Chords: `x` struck short, `=` held until the next.
"""

from __future__ import annotations

from dataclasses import dataclass

DRUMS = ("kick", "snare", "hats", "open-hat", "ride", "clap", "rim", "toms", "shaker", "tambourine")
LATIN = ("congas", "cowbell", "clave", "guiro")
PERCUSSION = DRUMS + LATIN
CHORDS = ("pad", "organ", "piano", "pluck", "strings")
MELODY = ("lead", "bells")
INSTRUMENTS = (*PERCUSSION, "bass", *CHORDS, *MELODY)


@dataclass(frozen=True)
class Groove:
    """One style: beats a bar, steps a beat, its usual tempi, and a row of steps for each instrument it knows."""

    metre: int
    steps: int
    tempo: tuple[float, float]
    rows: dict[str, str]
    swing: float = 0.0  # usual share of a step by which every second one comes late

    @property
    def kit(self) -> tuple[str, ...]:
        """The percussion that belongs to the style."""
        return tuple(name for name in self.rows if name in PERCUSSION)


def _rows(**rows: str) -> dict[str, str]:
    return {name.replace("_", "-"): row.replace(" ", "") for name, row in rows.items()}


GROOVES: dict[str, Groove] = {
    "house": Groove(4, 4, (116, 132), _rows(
        kick="X... X... X... X...", clap=".... X... .... X...", hats="o.x. o.x. o.x. o.xo",
        open_hat="..x. ..x. ..x. ..x.", shaker="oxox oxox oxox oxox", bass="..1. ..1. ..1. ..81",
        chords="x..x ..x. ...x ..x.")),
    "techno": Groove(4, 4, (124, 145), _rows(
        kick="X... X... X... X...", hats="..x. ..x. ..x. ..x.", rim="...x ..x. .x.. x...",
        clap=".... X... .... X...", ride="..x. ..x. ..x. ..x.", bass=".111 .111 .111 .118",
        chords="...x .... ..x. ....")),
    "disco": Groove(4, 4, (108, 128), _rows(
        kick="X... X... X... X...", snare=".... X... .... X...", hats="x.o. x.o. x.o. x.o.",
        open_hat="..x. ..x. ..x. ..x.", tambourine="oxxo oxxo oxxo oxxo", bass="1.8. 1.8. 1.8. 5.8.",
        chords="..x. ..x. ..xx ..x.")),
    "rock": Groove(4, 2, (90, 160), _rows(
        kick="X. .x X. ..", snare=".. X. .. X.", hats="Xo Xo Xo Xo",
        toms=".. .. .. .. .. .. .. .. .. .. .. .. .. .. .. xx", bass="11 11 11 15", chords="=. .. =. x.")),
    "punk": Groove(4, 2, (150, 180), _rows(
        kick="X. .x X. .x", snare=".X .X .X .X", ride="x. x. x. x.", bass="11 11 11 11",
        chords="xx xx xx xx")),
    "ballad": Groove(4, 2, (70, 92), _rows(
        kick="X. .. .x ..", snare=".. .. X. ..", hats="xo xo xo xo", shaker="xo xo xo xo", bass="1. .. 5. .5",
        chords="=. .. =. ..")),
    "hip-hop": Groove(4, 4, (76, 104), _rows(
        kick="X..x .... ..x. .x..", snare=".... X... .... X..o", hats="x.x. x.xx x.x. x.x.",
        rim=".... .... ..o. ....", bass="1... .... ..1. .5..", chords="=... .... .... x..."), 0.18),
    "trap": Groove(4, 4, (70, 88), _rows(
        kick="X... ..x. .x.. ....", clap=".... X... .... X...", hats="xoxo xoxx xoxo xxxx",
        open_hat=".... .... ...x ....", bass="1... ..1. .1.. ....", chords="=... .... .... ....")),
    "breakbeat": Groove(4, 4, (120, 140), _rows(
        kick="X.x. .... ..xx ....", snare=".... X..o .o.. X..o", hats="x.x. x.x. x.x. x.x.",
        ride=".... .... .... ..x.", bass="1.1. ..1. ..11 ..8.", chords="x... ..x. .... x...")),
    "drum-and-bass": Groove(4, 4, (160, 180), _rows(
        kick="X... .... ..X. ....", snare=".... X..o .o.. X...", hats="x.x. x.x. x.x. x.xx",
        ride="x... x... x... x...", bass="1... ...1 ..1. ...5", chords="=... .... .... ....")),
    "funk": Groove(4, 4, (94, 116), _rows(
        kick="X..x ..x. ..x. .x..", snare=".o.. X..o .o.. X.o.", hats="xxxx xxxx xxxx xx.x",
        open_hat=".... .... .... ..x.", bass="1..1 .8.. 1.75 ..81", chords=".x.. ..x. .xx. ...."), 0.08),
    "reggaeton": Groove(4, 4, (86, 104), _rows(
        kick="X... X... X... X...", snare="...X ..X. ...X ..X.", hats="x.x. x.x. x.x. x.x.",
        rim="...x ..x. ...x ..x.", bass="1..1 ..1. 1..1 ..5.", chords="...x ..x. ...x ..x.")),
    "reggae": Groove(4, 4, (70, 92), _rows(
        kick=".... .... X... ....", rim=".... .... X... ...o", hats="x.x. x.x. x.x. x.xo",
        bass="1..3 5... ..1. 5.3.", chords=".... x... .... x..."), 0.12),
    "salsa": Groove(4, 4, (80, 108), _rows(  # written in double time: two clave sides a bar of four
        clave="X..x ..x. ..x. x...", congas="o.x. o.XX o.x. o.XX", cowbell="X.x. X.xx X.x. X.xx",
        guiro="x.oo x.oo x.oo x.oo", shaker="xoxo xoxo xoxo xoxo", bass="...1 ..5. ...1 ..8.",
        chords="x.xx .x.x .x.x .x.x")),
    "cha-cha": Groove(4, 4, (104, 128), _rows(
        cowbell="X... X... X... X...", guiro="X.oo X.oo X.oo X.oo", congas="o.o. X.o. o.o. X.XX",
        kick="X... .... x... ....", rim=".... x... .... x.x.", bass="1... ..5. ...5 ..8.",
        chords="x... x.x. ..x. x.x.")),
    "merengue": Groove(4, 4, (120, 160), _rows(
        kick="X... X... X... X...", congas="o.xx o.xx o.xx X.XX", guiro="x.xx x.xx x.xx x.xx",
        cowbell="X... X.x. X... X.x.", bass="1... 5... 1... 5...", chords="x.x. .x.x x.x. .x.x")),
    "bossa": Groove(4, 4, (70, 100), _rows(
        kick="X..x X..x X..x X..x", rim="x..x ..x. ..x. .x..", hats="xoxo xoxo xoxo xoxo",
        shaker="xoxo xoxo xoxo xoxo", bass="1..5 5..5 1..5 5..5", chords="x..x ..x. ..x. .x..")),
    "samba": Groove(4, 4, (92, 116), _rows(
        kick="o..x X..x o..x X..x", shaker="XooX XooX XooX XooX", tambourine="x.xx .x.x x.xx .x.x",
        toms=".... X... .... X...", cowbell="x.x. xx.x .x.x xx.x", bass="1..5 8..5 1..5 8..5",
        chords="x.x. .x.x .xx. x.x.")),
    "afrobeat": Groove(4, 4, (96, 124), _rows(
        kick="X... ..x. X.x. ....", snare="..o. ...x ..o. x...", hats="x.xx x.xx x.xx x.xx",
        congas="o.x. .xX. o.x. .xXx", cowbell="X.x. xx.x .x.x x.x.", bass="1..1 ..3. 5..1 ..7.",
        chords="..x. x..x ..x. x..x")),
    "swing": Groove(4, 3, (110, 180), _rows(
        ride="X.. X.x X.. X.x", hats="... x.. ... x..", kick="o.. o.. o.. o..", snare="... ..o ... ..o",
        bass="1.. 3.. 5.. 7..", chords="x.. ..x ... ...")),
    "shuffle": Groove(4, 3, (84, 132), _rows(
        kick="X.. ..x X.. ...", snare="... X.. ... X..", hats="x.x x.x x.x x.x", bass="1.1 3.3 5.5 7.5",
        chords="x.. ..x ..x ...")),
    "march": Groove(4, 4, (100, 128), _rows(
        kick="X... .... X... ....", snare="x.xx X.xx x.xx XxXx", tambourine=".... x... .... x...",
        bass="1... 5... 1... 5...", chords="..x. ..x. ..x. ..x.")),
    "polka": Groove(4, 2, (110, 150), _rows(
        kick="X. .. X. ..", snare=".. X. .. X.", tambourine="ox ox ox ox", bass="1. 5. 1. 5.",
        chords=".. x. .. x.")),
    "waltz": Groove(3, 2, (84, 180), _rows(
        kick="X. .. ..", snare=".. x. x.", hats=".. x. xo", ride="X. x. x.", tambourine=".. x. x.",
        bass="1. .. ..  5. .. ..", chords=".. x. x.")),
    "slow-waltz": Groove(3, 4, (70, 96), _rows(
        kick="X... .... ....", rim=".... x... x.o.", hats="x.o. x.o. x.o.", shaker="xoxo xoxo xoxo",
        bass="1... .... 5...", chords="=... .... ....")),
    "mazurka": Groove(3, 4, (110, 160), _rows(
        kick="X... .... ....", snare=".... X... x...", tambourine="x..x X... x...", bass="1... 5... 5...",
        chords=".... x... x...")),
    "jig": Groove(6, 3, (96, 132), _rows(
        kick="X.. X..", snare="..o ..x", tambourine="Xox Xox", bass="1.. 5.5", chords="x.x x.x")),
    "blues-six": Groove(6, 3, (70, 84), _rows(
        kick="X.. ..x", snare="... X..", hats="xoo xoo", ride="xox xox", bass="1.3 5.7", chords="=.. =..")),
    "tarantella": Groove(6, 3, (120, 170), _rows(
        kick="X.. x..", tambourine="Xox Xxx", clap="... x..", bass="1.. 5..", chords=".xx .xx")),
}  # fmt: skip

DEFAULT_BEATS = {  # what an instrument plays in a style that has no row for it: one pattern a beat, from the downbeat
    "kick": ("X", "."), "snare": (".", "x"), "clap": (".", "x"), "hats": ("x", "x"), "open-hat": (".", "o"),
    "ride": ("x", "x"), "rim": (".", "x"), "toms": (".", "o"), "shaker": ("x", "o"), "tambourine": ("o", "x"),
    "congas": ("o", "x"), "cowbell": ("X", "x"), "clave": ("x", "x"), "guiro": ("x", "o"), "bass": ("1", "5"),
    "chords": ("=", "."),
}  # fmt: skip


def row_of(groove: Groove, instrument: str, metre: int) -> tuple[str, int]:
    """The row an instrument plays in a style, bent to `metre`, and its steps a beat.

    A straight beat of four steps becomes the three of 6/8 without its last one; a longer metre repeats the bar, a
    shorter one cuts it. `metre` 6 is 6/8 with two beats a bar, each divided into three.
    """
    name = "chords" if instrument in CHORDS else instrument
    row, steps = groove.rows.get(name), groove.steps
    if row is None:
        beats = 4 if groove.metre == 4 else groove.metre if groove.metre == 3 else 2
        row = "".join(DEFAULT_BEATS[name][beat % 2].ljust(steps, ".") for beat in range(beats))
    if metre == groove.metre:
        return row, steps
    beats = [row[at : at + steps] for at in range(0, len(row), steps)]
    if metre == 6:
        return "".join((beat[:3] if len(beat) > 2 else f"{beat[0]}.{beat[1]}") for beat in beats[:2]), 3
    wanted = metre if len(beats) >= metre else metre * len(beats)
    return "".join((beats * metre)[:wanted]), steps


def beats_a_bar(metre: int) -> int:
    """Beats a person would count in one bar: two in 6/8."""
    return 2 if metre == 6 else metre
