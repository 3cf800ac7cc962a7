"""What the recorder takes is what the index names and what stands on the disk."""

import io
from itertools import pairwise
from pathlib import Path

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.clock import SimulatedClock
from ingest.decode import frames
from ingest.errors import FootageAltered, NoFootage
from ingest.files import sha256_file
from ingest.packet import JUMP_S, Packet
from ingest.recorder import Recorder
from ingest.segments import Gop, Hole, Segments, holes, load, read_index
from tests.ingest.clip import (
    BASE,
    CAMERA,
    STEP,
    STEP_S,
    Recipe,
    Replay,
    encoded,
    everything,
    indexes,
    record,
    recorded,
    replayed,
)
from vision.frame import SECOND, CameraId, Instant, later, seconds_between

SHORT = Recipe(count=12, gop=4)
KINDS = {
    f"{codec}-{container}-{b_frames}b": Recipe(codec, 12, 4, b_frames, container=container)
    for codec in ("h264", "hevc")
    for container in ("mp4", "ts")
    for b_frames in (0, 2)
}


def table(gops: list[Gop]) -> list[list[tuple[int, int, int, bool]]]:
    """Times in pictures, so that a person can read them."""
    return [
        [(p.pts // STEP, p.dts // STEP, p.duration // STEP, p.key) for p in gop.pictures]
        for gop in gops
    ]


def read_back(gops: list[Gop]) -> list[bytes]:
    """The coded pictures of one segment, as a player finds them."""
    with av.open(io.BytesIO(load(gops)), format="mp4") as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def with_lengths(data: bytes) -> bytes:
    """Pictures with start codes as an MP4 holds them: each unit behind its length."""
    units = data.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")[1:]
    return b"".join(len(unit).to_bytes(4) + unit for unit in units)


def test_a_tiny_clip_gives_this_table(tmp_path: Path) -> None:
    """The index holds every packet's times, to the tick."""
    gops = recorded(tmp_path, Replay(encoded(SHORT)))
    assert table(gops) == [
        [(0, 0, 1, True), (1, 1, 1, False), (2, 2, 1, False), (3, 3, 1, False)],
        [(4, 4, 1, True), (5, 5, 1, False), (6, 6, 1, False), (7, 7, 1, False)],
        [(8, 8, 1, True), (9, 9, 1, False), (10, 10, 1, False), (11, 11, 1, False)],
    ]


def test_pictures_coded_out_of_order_give_this_table(tmp_path: Path) -> None:
    """B frames keep both their times; only decoding times grow."""
    gops = recorded(tmp_path, Replay(encoded(Recipe(count=8, gop=4, b_frames=2))))
    assert table(gops) == [
        [(0, -2, 1, True), (3, -1, 1, False), (1, 0, 1, False), (2, 1, 1, False)],
        [(4, 2, 1, True), (7, 3, 1, False), (5, 4, 1, False), (6, 5, 1, False)],
    ]


@pytest.mark.parametrize("recipe", KINDS.values(), ids=KINDS)
def test_every_packet_is_read_back(tmp_path: Path, recipe: Recipe) -> None:
    """Originals are sacred: bytes and order come back as they were received."""
    source = Replay(encoded(recipe))
    _, packets = replayed(source)
    source.close()
    gops = recorded(tmp_path, Replay(encoded(recipe)))
    known = [picture for gop in gops for picture in gop.pictures]
    assert [(k.pts, k.dts, k.duration, k.key, k.size) for k in known] == [
        (p.pts, p.dts, p.duration, p.key, len(p.data)) for p in packets
    ]
    wanted = [p.data if recipe.container == "mp4" else with_lengths(p.data) for p in packets]
    assert read_back(gops) == wanted


@settings(deadline=None, max_examples=12)
@given(shift=st.integers(-(2**40), 2**40))
def test_the_origin_of_the_media_clock_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, shift: int
) -> None:
    """RTP times begin anywhere: shifted packets give the same bytes and wall times."""
    plain, moved = (
        recorded(tmp_path_factory.mktemp("ring"), Replay(encoded(SHORT), shift=by))
        for by in (0, shift)
    )
    assert [p.pts - shift for g in moved for p in g.pictures] == [
        p.pts for g in plain for p in g.pictures
    ]
    assert [(g.at, g.end, g.pieces) for g in moved] == [(g.at, g.end, g.pieces) for g in plain]


def test_a_run_is_placed_by_its_least_delayed_packet(tmp_path: Path) -> None:
    """Networks only delay: the earliest `arrival - media time` of a GOP is the truest."""
    delays = [0.5, 0.1, 0.3, 0.4]
    gops = recorded(tmp_path, Replay(encoded(SHORT), lag_s=lambda n: delays[n % 4]))
    start = SimulatedClock().now()
    assert [gop.at - start for gop in gops] == [100_000, 500_000, 900_000]


def test_a_segment_is_read_while_it_is_written(tmp_path: Path) -> None:
    """Look-back needs the footage up to the last complete GOP at once."""
    source = Replay(encoded(SHORT))
    recorder = Recorder(tmp_path, CAMERA, source.clock, segment_s=60)
    recorder.start(source.open())
    complete = []
    for n, packet in enumerate(source.packets()):
        complete.append(recorder.write(packet))
        if n >= 4:
            assert len(read_back(everything(tmp_path))) == n // 4 * 4
        if n == 10:
            break
    assert [n for n, done in enumerate(complete) if done] == [4, 8]
    assert indexes(tmp_path)[0].end is None
    recorder.stop("stopped")
    source.close()
    assert len(read_back(everything(tmp_path))) == 11


def test_packets_before_the_first_key_frame_are_left_out(tmp_path: Path) -> None:
    """They cannot be decoded: the segment begins with the first key frame."""
    source = Replay(encoded(SHORT))
    info, packets = replayed(source)
    recorder = Recorder(tmp_path, CAMERA, source.clock, segment_s=60)
    recorder.start(info)
    for packet in packets[2:]:
        recorder.write(packet)
    recorder.stop("stopped")
    source.close()
    assert [p.pts // STEP for g in everything(tmp_path) for p in g.pictures] == [*range(4, 12)]


def test_a_recorder_is_started_before_it_writes(tmp_path: Path) -> None:
    source = Replay(encoded(SHORT))
    _, packets = replayed(source)
    source.close()
    with pytest.raises(RuntimeError, match="start"):
        Recorder(tmp_path, CAMERA, source.clock, segment_s=60).write(packets[0])


@pytest.mark.parametrize(
    ("segment_s", "pictures"),
    [(0.1, [4, 4, 4]), (0.4, [4, 4, 4]), (0.5, [8, 4]), (0.8, [8, 4]), (0.9, [12])],
)
def test_segments_change_at_the_first_key_frame_after_their_time(
    tmp_path: Path, segment_s: float, pictures: list[int]
) -> None:
    """Rotation never cuts a GOP, loses no packet and ends no run."""
    recorded(tmp_path, Replay(encoded(SHORT)), segment_s=segment_s)
    found = indexes(tmp_path)
    assert [sum(len(gop.pictures) for gop in segment.gops) for segment in found] == pictures
    reasons = [segment.end.reason for segment in found if segment.end]
    assert reasons == ["full"] * (len(found) - 1) + ["disconnected"]
    assert len({segment.head.run for segment in found}) == 1


def test_each_segment_names_the_one_before_it(tmp_path: Path) -> None:
    """A removed segment leaves a broken chain; runs and restarts do not."""
    clock = SimulatedClock()
    recorder = Recorder(tmp_path, CAMERA, clock, segment_s=0.5)
    for _ in range(2):
        record(recorder, Replay(encoded(SHORT), clock))
        clock.sleep(5)
    found = indexes(tmp_path)
    assert [s.head.predecessor for s in found] == [None, *(s.id for s in found[:-1])]
    assert found[0].id == f"gate/20260528/{SimulatedClock().now()}"


def test_the_end_holds_the_hash_of_the_whole_file(tmp_path: Path) -> None:
    """What was hashed as it arrived is what stands there; the GOPs cover it without a gap."""
    recorded(tmp_path, Replay(encoded(SHORT)), segment_s=0.5)
    for segment in indexes(tmp_path):
        assert segment.end is not None
        media = segment.head.path.with_suffix(".mp4")
        assert (segment.end.sha256, segment.end.size) == sha256_file(media)
        borders = [segment.head.init_size, *(g.offset + g.size for g in segment.gops)]
        assert [g.offset for g in segment.gops] == borders[:-1]
        assert borders[-1] <= segment.end.size


@pytest.mark.parametrize("reason", ["silent", "refused", "stopped"])
def test_the_end_says_why(tmp_path: Path, reason: str) -> None:
    source = Replay(encoded(SHORT))
    record(Recorder(tmp_path, CAMERA, source.clock, segment_s=60), source, reason)
    (segment,) = indexes(tmp_path)
    assert segment.end is not None
    assert (segment.end.reason, segment.end.closed) == (reason, source.clock.now())


JUMPS = {
    "back": (-5 * STEP, 2),
    "to the same time": (-STEP, 2),
    "far ahead": (round((JUMP_S + 1) / BASE), 2),
    "wrap of 32 bits": (-(2**32), 2),
    "a pause": (round((JUMP_S - 1) / BASE), 1),
}


@pytest.mark.parametrize(("ticks", "runs"), JUMPS.values(), ids=JUMPS)
def test_a_jump_of_the_media_clock_is_a_new_run(tmp_path: Path, ticks: int, runs: int) -> None:
    """Times before and after it cannot be compared; nothing after it is lost."""
    source = Replay(encoded(SHORT), warp=lambda n: ticks if n >= 8 else 0)
    gops = recorded(tmp_path, source)
    assert [len(gop.pictures) for gop in gops] == [4, 4, 4]
    found = indexes(tmp_path)
    assert len({segment.head.run for segment in found}) == runs
    assert found[0].end is not None
    assert (found[0].end.reason == "media_clock_jump") == (runs == 2)


@pytest.mark.parametrize("ticks", [-5 * STEP, -(2**32), round((JUMP_S + 60) / BASE)])
def test_a_jump_between_key_frames_loses_no_picture(tmp_path: Path, ticks: int) -> None:
    """What can be decoded is recorded: counted on until the next key frame begins a run."""
    source = Replay(
        encoded(Recipe(count=12, gop=4, container="ts")), warp=lambda n: ticks if n >= 6 else 0
    )
    gops = recorded(tmp_path, source)
    assert [len(gop.pictures) for gop in gops] == [4, 4, 4]
    found = indexes(tmp_path)
    assert [s.end.reason for s in found if s.end] == ["media_clock_jump", "disconnected"]
    assert len({s.head.run for s in found}) == 2
    steps = [b.dts - a.dts for a, b in pairwise(p for g in found[0].gops for p in g.pictures)]
    assert steps == [STEP] * 7
    start = SimulatedClock().now()
    assert [(gop.at - start) / SECOND for gop in gops] == [0, 0.4, 0.8]
    assert len(list(frames(gops))) == 12


def test_two_runs_leave_a_hole(tmp_path: Path) -> None:
    """A gap is a fact, with its two ends."""
    clock = SimulatedClock()
    start = clock.now()
    recorder = Recorder(tmp_path, CAMERA, clock, segment_s=60)
    record(recorder, Replay(encoded(SHORT), clock))
    clock.sleep(30)
    record(recorder, Replay(encoded(SHORT), clock))
    gops = everything(tmp_path)
    end = later(start, 31.2 + 1.2 + 10)
    assert holes(gops, later(start, -1), end) == [
        Hole(later(start, 1.2), later(start, 31.2)),
        Hole(later(start, 32.4), end),
    ]
    assert holes(gops, later(start, 0.5), later(start, 3)) == []
    assert holes(gops, start, later(start, 20)) == [Hole(later(start, 1.2), later(start, 20))]
    assert holes([], start, later(start, 3)) == [Hole(start, later(start, 3))]


def test_a_clock_that_is_set_back_hides_nothing(tmp_path: Path) -> None:
    """Footage of an hour that comes twice is all there, each GOP at its own time."""

    class SetBack(Replay):
        def _stamped(self, n: int, packet: av.Packet) -> Packet:
            if n == 20:
                self.clock.step(-1.6)
            return super()._stamped(n, packet)

    gops = recorded(tmp_path, SetBack(encoded(Recipe(count=40, gop=5))))
    assert sorted(g.pictures[0].pts // STEP for g in gops) == [*range(0, 40, 5)]
    assert all(a.at <= b.at for a, b in pairwise(gops))
    assert [g.pictures[0].pts // STEP for g in gops] != [*range(0, 40, 5)]


def test_what_was_not_recorded_is_not_found(tmp_path: Path) -> None:
    """Half-open intervals: the moment of the end belongs to nobody."""
    gops = recorded(tmp_path, Replay(encoded(SHORT)))
    ring = Segments(tmp_path)
    start, end = gops[0].at, gops[-1].end
    assert len(ring.read(CAMERA, start, Instant(start + 1))) == 1
    assert ring.recorded_to(CAMERA, start) == end
    assert ring.recorded_to(CAMERA, end) is None
    for first, last in ((end, later(end, 9)), (later(start, -9), start)):
        with pytest.raises(NoFootage):
            ring.read(CAMERA, first, last)


def test_a_torn_last_line_was_never_acknowledged(tmp_path: Path) -> None:
    """A crash may cut a line at any byte; what stood before it still counts."""
    recorded(tmp_path, Replay(encoded(SHORT)))
    (path,) = (tmp_path / CAMERA).glob("*/*.idx")
    data = path.read_bytes()
    ends = [n + 1 for n, byte in enumerate(data) if byte == ord("\n")]
    torn = tmp_path / CAMERA / "20260528" / "1.idx"
    for size in (*range(0, ends[0] + 2, 7), *range(ends[1] - 3, len(data), 97)):
        torn.write_bytes(data[:size])
        whole = sum(end <= size for end in ends)
        segment = read_index(torn)
        if whole == 0:
            assert segment is None
        else:
            assert segment is not None
            assert (len(segment.gops), segment.end is not None) == (min(whole - 1, 3), whole == 5)


DAMAGE = {
    "no such time base": (b"[1,90000]", b"[1,0]"),
    "a field less": (b'"run":"a",', b""),
    "a packet field less": (b",5,5,null]", b",5,5]"),
    "not an object": (b'{"offset"', b'["offset"'),
    "another line in the middle": (b'{"offset"', b'7\n{"offset"'),
    "bytes that are no text": (b"gate", b"g\xffte"),
}


@pytest.mark.parametrize(("was", "now"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_index_is_altered_footage(tmp_path: Path, was: bytes, now: bytes) -> None:
    """A whole line that is not the recorder's is evidence that does not hold."""
    path = tmp_path / "1.idx"
    assert was in _INDEX_LINES
    path.write_bytes(_INDEX_LINES.replace(was, now))
    with pytest.raises(FootageAltered):
        read_index(path)


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_a_damaged_index_never_surprises(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whatever stands in an index is read or refused as altered; no foreign error leaks."""
    root = tmp_path_factory.mktemp("ring")
    path = root / "gate" / "20260528" / "1.idx"
    path.parent.mkdir(parents=True)
    line = bytearray(_INDEX_LINES)
    at = data.draw(st.integers(0, len(line) - 1))
    piece = data.draw(st.sampled_from([b"0", b"null", b"[", b"\n", b"{}", b'"', b"\xff", b"-1"]))
    line[at : at + data.draw(st.integers(0, 3))] = piece
    path.write_bytes(bytes(line))
    try:
        read_index(path)
    except FootageAltered as error:
        assert error.facts == {"path": "gate/20260528/1.idx"}


_INDEX_LINES = b"""\
{"version":1,"camera":"gate","run":"a","predecessor":null,"predecessor_end":null,"codec":"h264","width":64,"height":48,\
"time_base":[1,90000],"first_dts":0,"init_size":7,"init_sha256":"00"}
{"offset":7,"size":9,"sha256":"00","at_us":5,"packets":[[0,0,9000,1,9,5,5,null]]}
{"end":"stopped","size":16,"sha256":"00","closed_us":9}
"""


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_any_flipped_byte_is_noticed(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Every byte that is played was hashed, those of the header too."""
    root = tmp_path_factory.mktemp("ring")
    gops = recorded(root, Replay(encoded(SHORT)))
    path = gops[0].head.path.with_suffix(".mp4")
    footage = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, gops[-1].offset + gops[-1].size - 1))
    footage[at] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(footage)
    with pytest.raises(FootageAltered):
        load(gops)
    # The others can still be read alone, unless the header is hit.
    hit = [g for g in gops if g.offset <= at < g.offset + g.size]
    for gop in gops if hit else []:
        if gop in hit:
            with pytest.raises(FootageAltered):
                load([gop])
        else:
            assert load([gop])


def test_a_file_that_was_cut_off_is_altered(tmp_path: Path) -> None:
    gops = recorded(tmp_path, Replay(encoded(SHORT)))
    path = gops[0].head.path.with_suffix(".mp4")
    path.write_bytes(path.read_bytes()[: gops[2].offset + 5])
    assert load(gops[:2])
    with pytest.raises(FootageAltered):
        load(gops)


def test_what_was_destroyed_meanwhile_is_not_there(tmp_path: Path) -> None:
    """The ring gives way while others read: no footage, and no foreign error."""
    gops = recorded(tmp_path, Replay(encoded(SHORT)), segment_s=0.5)
    path = gops[0].head.path

    class Vanishing(Segments):
        def indexes(self, camera: CameraId, start: Instant, end: Instant) -> list[Path]:
            found = super().indexes(camera, start, end)
            path.with_suffix(".idx").unlink(missing_ok=True)
            return found

    left = Vanishing(tmp_path).read(CAMERA, gops[0].at, gops[-1].end)
    assert {gop.head.path for gop in left} == {gop.head.path for gop in gops} - {path}
    path.with_suffix(".mp4").unlink()
    with pytest.raises(NoFootage):
        load(gops[:1])
    left[0].head.path.with_suffix(".mp4").unlink()
    with pytest.raises(FootageAltered):
        load(left[:1])


def test_a_gop_knows_its_wall_times(tmp_path: Path) -> None:
    """Every tick of a closed GOP has one wall time, with or without B frames."""
    for name, recipe in KINDS.items():
        gops = recorded(tmp_path / name, Replay(encoded(recipe)))
        for gop in gops:
            first = gop.pictures[0].pts
            assert gop.wall(first) == gop.at
            assert gop.wall(first + 3 * STEP) == later(gop.at, 3 * STEP_S)
            assert seconds_between(gop.at, gop.end) == pytest.approx(4 * STEP_S)
        assert [b.at - a.at for a, b in pairwise(gops)] == [4 * SECOND // 10] * 2
