"""Sources of pictures: each kind gives what was put in, and says clearly what it cannot read."""

import cv2
import numpy as np
import pytest

from hmr_ros.sources.opening import open_source
from hmr_ros.sources.source import SourceError

SIZE = (96, 64)  # width, height


def picture(number: int) -> np.ndarray:
    """A picture that says its number in its grey level, with a red corner to show BGR order."""
    image = np.full((SIZE[1], SIZE[0], 3), 20 + 20 * number, np.uint8)
    image[:16, :16] = (0, 0, 255)
    return image


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "five.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 8.0, SIZE)
    for i in range(5):
        writer.write(picture(i))
    writer.release()
    return path


def test_image(tmp_path):
    path = tmp_path / "one.png"
    cv2.imwrite(str(path), picture(3))
    source = open_source(path)
    (only,) = source
    assert (source.kind, source.count, source.sequence) == ("image", 1, False)
    assert only.name == "one.png" and only.camera is None
    np.testing.assert_array_equal(only.image, picture(3))


def test_folder_is_sorted_and_ignores_other_files(tmp_path):
    for i in (2, 0, 1):
        cv2.imwrite(str(tmp_path / f"{i}.png"), picture(i))
    (tmp_path / "notes.txt").write_text("not a picture")
    pictures = list(open_source(tmp_path))
    assert [p.name for p in pictures] == ["0.png", "1.png", "2.png"]
    assert [int(p.image[-1, -1, 0]) for p in pictures] == [20, 40, 60]
    assert np.allclose(np.diff([p.stamp for p in pictures]), 0.1)


def test_video_gives_every_picture_with_its_time_and_can_be_read_twice(video):
    source = open_source(str(video))
    assert (source.kind, source.count, source.rate_hz) == ("video", 5, 8.0)
    for _ in range(2):
        pictures = list(source)
        grey = [int(p.image[-1, -1, 0]) for p in pictures]
        assert np.abs(np.subtract(grey, [20, 40, 60, 80, 100])).max() <= 3
        assert np.allclose([p.stamp for p in pictures], np.arange(5) / 8.0, atol=1e-6)
        assert pictures[1].image[4, 4].argmax() == 2, "red is the last channel of BGR"
    assert pictures[4].name == "five.avi#4"


def test_panned_photo_moves():
    pytest.importorskip("skimage")
    source = open_source("photo:astronaut")
    reader = iter(source)
    first = next(reader)
    for _ in range(20):
        later = next(reader)
    assert first.image.shape == (576, 768, 3) and first.image.dtype == np.uint8
    assert later.stamp == pytest.approx(2.0)
    assert np.abs(first.image.astype(int) - later.image).mean() > 5


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("broken.avi", b"RIFF but nothing else", ["broken.avi", "no picture can be decoded"]),
        ("empty.mp4", b"", ["empty.mp4", "0 bytes"]),
        ("broken.png", b"\x89PNG no more", ["broken.png", "no picture OpenCV can decode"]),
        ("old.bag", b"#ROSBAG V2.0", ["old.bag", "rosbags-convert"]),
        ("broken.mcap", b"nothing", ["broken.mcap", "no readable rosbag2"]),
    ],
)
def test_unreadable_files_are_named(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError) as error:
        list(open_source(path))
    for word in words:
        assert word in str(error.value)


def test_missing_file_empty_folder_and_absent_webcam(tmp_path):
    with pytest.raises(SourceError, match="there is no such file"):
        open_source(tmp_path / "nowhere.mp4")
    with pytest.raises(SourceError, match="holds no picture"):
        open_source(tmp_path)
    with pytest.raises(SourceError, match="webcam 97.*group video"):
        open_source("97")


@pytest.fixture
def typestore():
    typesys = pytest.importorskip("rosbags.typesys")
    return typesys.get_typestore(typesys.Stores.ROS2_HUMBLE)


def write_bag(path, typestore, topics, infos=True, storage="SQLITE3"):
    """A bag of three pictures on each topic; the name decides raw or compressed."""
    from rosbags.rosbag2 import StoragePlugin, Writer

    types = typestore.types
    header, stamp = types["std_msgs/msg/Header"], types["builtin_interfaces/msg/Time"]

    def head(i):
        return header(stamp=stamp(sec=1000, nanosec=i * 100_000_000), frame_id="optical")

    def image(i, compressed):
        if compressed:
            jpeg = np.frombuffer(cv2.imencode(".png", picture(i))[1].tobytes(), np.uint8)
            return types["sensor_msgs/msg/CompressedImage"](
                header=head(i), format="bgr8; png compressed bgr8", data=jpeg
            )
        rgb = np.ascontiguousarray(picture(i)[..., ::-1])
        return types["sensor_msgs/msg/Image"](
            header=head(i),
            height=SIZE[1],
            width=SIZE[0],
            encoding="rgb8",
            is_bigendian=0,
            step=3 * SIZE[0],
            data=rgb.ravel(),
        )

    roi = types["sensor_msgs/msg/RegionOfInterest"](
        x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
    )
    info = types["sensor_msgs/msg/CameraInfo"](
        header=head(0),
        height=SIZE[1],
        width=SIZE[0],
        distortion_model="plumb_bob",
        d=np.zeros(5),
        k=np.array([90, 0, 47.5, 0, 91, 31.5, 0, 0, 1], float),
        r=np.eye(3).ravel(),
        p=np.zeros(12),
        binning_x=0,
        binning_y=0,
        roi=roi,
    )
    with Writer(path, version=9, storage_plugin=StoragePlugin[storage]) as writer:
        connections = {}
        for topic, kind in topics.items():
            connections[topic] = writer.add_connection(topic, kind, typestore=typestore)
        for i in range(3):
            for topic, kind in topics.items():
                if kind in (IMAGE, COMPRESSED):
                    data = typestore.serialize_cdr(image(i, kind == COMPRESSED), kind)
                elif infos and i == 1:  # later than the first image, as it happens
                    data = typestore.serialize_cdr(info, kind)
                else:
                    continue
                writer.write(connections[topic], 2_000_000_000_000 + i * 100_000_000, data)
    return path


IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
INFO = "sensor_msgs/msg/CameraInfo"


@pytest.mark.parametrize("storage", ["SQLITE3", "MCAP"])
def test_bag_gives_images_with_intrinsics_and_ros_time(tmp_path, typestore, storage):
    topics = {"/eye/image_raw": IMAGE, "/eye/camera_info": INFO, "/eye/depth/image": IMAGE}
    source = open_source(write_bag(tmp_path / "bag", typestore, topics, storage=storage))
    assert source.kind == "bag" and source.count == 3 and source.where.endswith("/eye/image_raw")
    assert source.rate_hz == pytest.approx(10, rel=0.02)
    pictures = list(source)
    for i, p in enumerate(pictures):
        np.testing.assert_array_equal(p.image, picture(i))
        assert p.stamp == pytest.approx(1000 + i / 10)
        assert (p.camera.fx, p.camera.fy, p.camera.cx, p.camera.cy) == (90, 91, 47.5, 31.5)
        assert p.camera.metric


def test_bag_of_compressed_images_without_camera_info(tmp_path, typestore):
    bag = write_bag(tmp_path / "bag", typestore, {"/eye/image/compressed": COMPRESSED})
    pictures = list(open_source(bag))
    assert [p.camera for p in pictures] == [None] * 3
    np.testing.assert_array_equal(pictures[2].image, picture(2))


def test_bag_with_two_cameras_asks_which(tmp_path, typestore):
    topics = {"/left/image_raw": IMAGE, "/right/image_raw": IMAGE}
    bag = write_bag(tmp_path / "bag", typestore, topics)
    with pytest.raises(SourceError, match="several image topics.*/left/image_raw, /right"):
        open_source(bag)
    assert len(list(open_source(bag, "/right/image_raw"))) == 3
    with pytest.raises(SourceError, match="has no image topic /up; its image topics: /left"):
        open_source(bag, "/up")


def test_bag_without_images_lists_its_topics(tmp_path, typestore):
    bag = write_bag(tmp_path / "bag", typestore, {"/eye/camera_info": INFO})
    with pytest.raises(SourceError, match="no topic of type.*its topics: /eye/camera_info"):
        open_source(bag)
