"""Published weights from the hub: fetched once, taken up after a cut, and every failure told in one sentence."""

import pytest
from file_server import silent_port
from hub_server import HubServer
from huggingface_hub import constants

from segkit.errors import CourseError
from segkit.pretrained.finding import find_weights

REPOSITORY = "nvidia/mit-b0"
CONTENT = bytes(range(256)) * 400
BY_HAND = "by hand from https://huggingface.co/nvidia/mit-b0/tree/main and give its path to load_pretrained"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    """No pause is made between attempts, and no proxy stands between the tests and their server."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """Function that points the hub's client, with the same cache, at an address where nobody answers."""
    with silent_port() as port:
        yield lambda: point_at(f"http://127.0.0.1:{port}", monkeypatch, tmp_path)


@pytest.fixture
def serve(monkeypatch, tmp_path):
    """Function that starts a hub with files and manners; the hub's client is pointed at it, with a cache of its own."""
    running = []

    def start(names=("model.safetensors",), **manners):
        server = HubServer({(REPOSITORY, name): CONTENT + name.encode() for name in names}, **manners).__enter__()
        running.append(server)
        point_at(server.url, monkeypatch, tmp_path)
        return server

    yield start
    for server in running:
        server.__exit__()


def point_at(url, monkeypatch, folder):
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder / "cache"))


def refusal(source=REPOSITORY):
    """The one sentence with which something is refused."""
    with pytest.raises(CourseError) as error:
        find_weights(source)
    sentence = str(error.value)
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence


def test_the_file_is_fetched_once(serve):
    server = serve(("pytorch_model.bin", "model.safetensors"))
    found = find_weights(REPOSITORY)
    assert found.path.read_bytes() == CONTENT + b"model.safetensors"
    assert (found.name, found.address) == (REPOSITORY, f"https://huggingface.co/{REPOSITORY}")
    asked = len(server.asked)
    assert find_weights(REPOSITORY) == found
    assert len(server.asked) == asked


def test_without_safetensors_the_other_file_is_taken(serve):
    serve(("pytorch_model.bin",))
    assert find_weights(REPOSITORY).path.read_bytes() == CONTENT + b"pytorch_model.bin"


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_what_was_fetched_serves_without_a_network(serve, no_network, name):
    serve((name,))
    found = find_weights(REPOSITORY)
    no_network()
    assert find_weights(REPOSITORY) == found


def test_a_connection_that_is_cut_is_taken_up_where_it_broke_off(serve, monkeypatch):
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1000)  # what has arrived counts by whole pieces
    server = serve(cuts=2)
    assert find_weights(REPOSITORY).path.read_bytes() == CONTENT + b"model.safetensors"
    starts = [int(part.removeprefix("bytes=").removesuffix("-")) for _, _, part in server.asked if part]
    assert len(starts) == 2 and 0 < starts[0] < starts[1] < len(CONTENT)


def test_after_a_download_that_failed_the_next_one_is_whole(serve):
    server = serve(cuts=10**6)
    assert BY_HAND in refusal()
    server.cuts = 0
    assert find_weights(REPOSITORY).path.read_bytes() == CONTENT + b"model.safetensors"


def test_no_network_is_told_with_the_way_by_hand(no_network):
    no_network()
    sentence = refusal()
    assert sentence.startswith("nvidia/mit-b0 could not be fetched from the hub (") and BY_HAND in sentence


def test_offline_mode_is_told_with_the_way_by_hand(serve, monkeypatch):
    server = serve()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert BY_HAND in refusal()
    assert server.asked == []


def test_an_unknown_repository_is_told(serve):
    serve()
    assert refusal("nvidia/mit-b9") == (
        "There is no public nvidia/mit-b9 on the hub: the encoders are called nvidia/mit-b0 to nvidia/mit-b5."
    )


def test_a_repository_without_weights_is_told(serve):
    serve(("README.md",))
    assert refusal() == (
        "nvidia/mit-b0 has no model.safetensors and no pytorch_model.bin: choose another, for example nvidia/mit-b0."
    )


@pytest.mark.parametrize("status", [403, 500, 503])
def test_a_server_that_refuses_is_told(serve, status):
    serve(status=status)
    sentence = refusal()
    assert str(status) in sentence and BY_HAND in sentence


@pytest.mark.parametrize("source", ["mit-b0", "weights/mit_b0.pth", "a/b/c", "nvidia/mit b0"])
def test_what_is_neither_a_path_nor_a_repository_is_told(source, monkeypatch, tmp_path, no_network):
    monkeypatch.chdir(tmp_path)
    no_network()
    assert refusal(source).startswith(f"There is no file or folder {source}: give its path, or the name of a repo")
