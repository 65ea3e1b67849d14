"""A download: right or not there, gone on with after every interruption, and every failure told in one sentence."""

import errno
import hashlib
import io
import json
import random
import socket
import subprocess
import sys
import threading
import time
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace

import pytest
from file_server import PATH, FileServer, Manners, etag_of, silent_port

from segkit import download as module
from segkit.download import ADE20K_MD5, ADE20K_URL, checksum_of, download
from segkit.errors import CourseError

CONTENT = random.Random(0).randbytes(100_000)
OTHER = random.Random(1).randbytes(100_000)
HALF = len(CONTENT) // 2
REST = f"bytes={HALF}-"
PAGE = b"\n<!DOCTYPE html><html><body>Welcome to the airport: please log in.</body></html>"


def md5(content):
    return hashlib.md5(content).hexdigest()


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """The pauses that were asked for; none is made. No proxy stands between the tests and their server."""
    pauses = []
    monkeypatch.setattr(module, "sleep", pauses.append)
    monkeypatch.setenv("NO_PROXY", "*")
    return pauses


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "file.zip"


@pytest.fixture
def serve():
    """Function that starts a server with the manners given; it stops when the test ends."""
    running = []

    def start(*contents, **manners):
        running.append(FileServer(Manners(contents or (CONTENT,), **manners)).__enter__())
        return running[-1]

    yield start
    for server in running:
        server.__exit__()


def get(server, path, content=CONTENT, **options):
    options = {"checksum": md5(content), "progress": False, "timeout": 10} | options
    return download(server.url, path, **options)


def refusal(*arguments, **options):
    """The one sentence with which something is refused."""
    with pytest.raises(CourseError) as error:
        get(*arguments, **options)
    sentence = str(error.value)
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence


def part(path):
    return path.with_name(path.name + ".part")


def record(path):
    return path.with_name(path.name + ".part.json")


def leave_half(server, path, content=CONTENT, **options):
    """What an interrupted call leaves: the first half of the file."""
    was = server.manners
    version = {"etag": was.etag, "last_modified": was.last_modified}
    server.manners = Manners((content,), **version, cut_after=HALF, refusals=(None, (404, {})))
    server.requests.clear()
    refusal(server, path, content, **options)
    assert part(path).read_bytes() == content[:HALF]
    server.manners = was
    server.requests.clear()


def only_the_file_is_there(path, content=CONTENT):
    assert path.read_bytes() == content
    return sorted(file.name for file in path.parent.iterdir() if file.suffix != ".lock") == [path.name]


def until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


# --- whole and right ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("checksum", [md5(CONTENT), f"sha256:{hashlib.sha256(CONTENT).hexdigest()}", None])
def test_a_file_arrives_whole(serve, path, checksum):
    server = serve()
    assert get(server, path, checksum=checksum) == path
    assert only_the_file_is_there(path)
    assert server.ranges == [None]


def test_an_empty_file_arrives(serve, path):
    get(serve(b""), path, b"")
    assert only_the_file_is_there(path, b"")


@pytest.mark.parametrize("length", ["chunked", "close"])
def test_the_length_need_not_be_announced(serve, path, length):
    get(serve(length=length), path)
    assert only_the_file_is_there(path)


def test_an_address_may_have_moved(serve, path):
    server = serve()
    download(server.address("/moved"), path, checksum=md5(CONTENT), progress=False)
    assert only_the_file_is_there(path)


def test_the_server_is_told_who_asks_and_not_to_compress(serve, path):
    server = serve()
    get(server, path)
    assert server.requests[0]["Accept-Encoding"] == "identity"
    assert "segformer-course" in server.requests[0]["User-Agent"]


def test_the_path_may_be_a_string(serve, path):
    assert get(serve(), str(path)) == path


def test_the_address_of_ade20k_has_a_checksum():
    assert ADE20K_URL.endswith("/ADEChallengeData2016.zip")
    assert module._parse_checksum(ADE20K_MD5) == ("md5", ADE20K_MD5)


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_the_checksum_of_a_file(tmp_path, algorithm):
    (tmp_path / "file").write_bytes(CONTENT)
    assert checksum_of(tmp_path / "file", algorithm) == hashlib.new(algorithm, CONTENT).hexdigest()


# --- what is there already ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("checksum", [f"MD5:{md5(CONTENT).upper()}", hashlib.sha256(CONTENT).hexdigest(), None])
def test_a_file_that_is_there_is_not_fetched(serve, path, checksum):
    server = serve()
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    assert get(server, path, checksum=checksum) == path
    assert server.requests == []
    assert only_the_file_is_there(path)


def test_somebody_elses_file_is_not_overwritten(serve, path):
    server = serve()
    path.parent.mkdir()
    path.write_bytes(b"my thesis")
    sentence = refusal(server, path)
    assert str(path) in sentence and md5(CONTENT) in sentence and md5(b"my thesis") in sentence
    assert "remove it" in sentence
    assert path.read_bytes() == b"my thesis"
    assert server.requests == []


def test_a_file_made_meanwhile_is_not_overwritten(serve, path, monkeypatch):
    complete = module._complete
    monkeypatch.setattr(module, "_complete", lambda *arguments: [complete(*arguments), path.write_bytes(b"my thesis")])
    assert "was made by something else" in refusal(serve(), path)
    assert path.read_bytes() == b"my thesis"


def test_a_folder_is_no_place_for_a_file(serve, tmp_path):
    server = serve()
    assert "is a folder" in refusal(server, tmp_path)
    assert server.requests == []


# --- what is asked for wrongly ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "checksum", ["", "md5:", "abc", "0" * 33, "md5:" + "0" * 64, "sha256:" + "0" * 32, "crc:" + "0" * 32]
)
def test_a_malformed_checksum_is_refused(serve, path, checksum):
    server = serve()
    assert f"{checksum!r} is not a checksum" in refusal(server, path, checksum=checksum)
    assert server.requests == []


@pytest.mark.parametrize(
    "url", ["ftp://host/file", "file:///etc/hosts", "data/file.zip", "http://", "http:///file", None]
)
def test_only_http_addresses_are_taken(path, url):
    with pytest.raises(CourseError, match="only addresses that begin with http"):
        download(url, path, progress=False)
    assert not path.parent.exists()


def test_an_address_that_cannot_be_one_is_refused_at_once(path, pauses):
    with pytest.raises(CourseError, match=r"Cannot download http://\[/file"):
        download("http://[/file", path, progress=False)
    assert pauses == []


# --- interrupted and gone on with ---------------------------------------------------------------------------------


def test_a_cut_connection_is_gone_on_with(serve, path):
    server = serve(cut_after=HALF, cuts=1)
    get(server, path)
    assert only_the_file_is_there(path)
    assert server.ranges == [None, REST]
    assert server.requests[1]["If-Range"] == etag_of(CONTENT)


def test_progress_resets_the_count_of_attempts(serve, path):
    server = serve(cut_after=9_000)
    get(server, path, attempts=1)
    assert only_the_file_is_there(path)
    assert len(server.requests) == 12


def test_the_next_call_goes_on_where_the_last_one_stopped(serve, path):
    server = serve()
    leave_half(server, path)
    assert json.loads(record(path).read_text()) == {
        "url": server.url,
        "etag": etag_of(CONTENT),
        "last_modified": None,
        "total": len(CONTENT),
    }
    get(server, path)
    assert only_the_file_is_there(path)
    assert server.ranges == [REST]


def test_what_has_arrived_is_named_when_attempts_run_out(serve, path):
    server = serve(cut_after=0)
    leave_half(server, path)
    sentence = refusal(server, path, attempts=2)
    assert server.url in sentence and "byte: 2" in sentence and "the connection was cut" in sentence
    assert "50.0kB" in sentence
    assert server.ranges == [REST] * 2
    assert part(path).read_bytes() == CONTENT[:HALF]


def test_a_killed_process_is_gone_on_with(serve, path):
    server = serve(cut_after=1_000, cuts=1, stalls=True)
    process = start_process(server, path)
    until(lambda: part(path).exists() and part(path).stat().st_size == 1_000)
    process.kill()
    process.communicate()
    assert not path.exists()
    get(server, path)
    assert only_the_file_is_there(path)
    assert server.ranges == [None, "bytes=1000-"]


def start_process(server, path):
    # The package without its __init__, which loads torch and takes seconds.
    program = f"""
import sys, types
sys.modules["segkit"] = types.ModuleType("segkit")
sys.modules["segkit"].__path__ = [{str(Path(module.__file__).parent)!r}]
from segkit.download import download
download({server.url!r}, {str(path)!r}, checksum={md5(CONTENT)!r})
"""
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_ctrl_c_keeps_what_has_arrived(serve, path, monkeypatch):
    class Interrupted(module.tqdm):
        def update(self, n=1):
            raise KeyboardInterrupt

    server = serve(cut_after=HALF)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, "tqdm", Interrupted)
        get(server, path)
    arrived = part(path).stat().st_size
    assert 0 < arrived <= HALF and not path.exists()
    server.manners.cuts = 0
    get(server, path)
    assert only_the_file_is_there(path)
    assert server.ranges == [None, f"bytes={arrived}-"]


def test_a_whole_part_needs_no_request(serve, path):
    server = serve()
    leave_half(server, path)
    part(path).write_bytes(CONTENT)
    get(server, path)
    assert only_the_file_is_there(path)
    assert server.requests == []


def test_a_part_that_turns_out_whole_is_finished(serve, path):
    server = serve()
    leave_half(server, path)
    part(path).write_bytes(CONTENT)
    forget(path, "total")
    get(server, path, checksum=None)
    assert only_the_file_is_there(path)
    assert server.ranges == [f"bytes={len(CONTENT)}-"]


def forget(path, entry):
    record(path).write_text(json.dumps(json.loads(record(path).read_text()) | {entry: None}))


def test_a_part_longer_than_the_file_is_thrown_away(serve, path):
    server = serve()
    leave_half(server, path)
    part(path).write_bytes(CONTENT + b"more")
    forget(path, "total")
    get(server, path, checksum=None)
    assert only_the_file_is_there(path)
    assert server.ranges == [f"bytes={len(CONTENT) + 4}-", None]


def test_a_part_longer_than_its_record_says_is_not_gone_on_with(serve, path):
    server = serve()
    leave_half(server, path)
    part(path).write_bytes(CONTENT + b"more")
    get(server, path)
    assert only_the_file_is_there(path)
    assert server.ranges == [None]


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"url": 1}', "\0"])
def test_a_part_without_a_record_of_its_version_is_thrown_away(serve, path, content):
    server = serve()
    leave_half(server, path)
    record(path).unlink() if content is None else record(path).write_text(content)
    get(server, path)
    assert only_the_file_is_there(path)
    assert server.ranges == [None]


def test_a_part_of_another_address_is_thrown_away(serve, path):
    leave_half(serve(etag='"same"'), path)
    server = serve(OTHER, etag='"same"')
    get(server, path, OTHER)
    assert only_the_file_is_there(path, OTHER)
    assert server.ranges == [None]


def test_an_unknown_length_is_no_obstacle_to_going_on(serve, path):
    server = serve(length="chunked", cut_after=HALF, cuts=1)
    get(server, path)
    assert only_the_file_is_there(path)
    assert server.ranges == [None, REST]


def test_the_length_may_be_learnt_on_the_way(serve, path):
    server = serve(length="close", cut_after=1_000, cuts=1)
    leave_half(server, path)
    forget(path, "total")
    get(server, path, checksum=None)
    assert only_the_file_is_there(path)
    assert server.ranges == [REST, f"bytes={HALF + 1_000}-"]


def test_a_file_from_an_address_that_has_moved_is_gone_on_with(serve, path):
    server = serve(cut_after=HALF, refusals=(None, (404, {})))
    with pytest.raises(CourseError):
        download(server.address("/moved"), path, progress=False)
    server.manners.cut_after = None
    download(server.address("/moved"), path, progress=False)
    assert only_the_file_is_there(path)
    assert server.ranges == [None, REST, REST]


# --- never two versions in one file -------------------------------------------------------------------------------


def test_a_server_without_ranges_sends_everything_again(serve, path):
    server = serve(ranges=False, cut_after=HALF, cuts=1)
    get(server, path)
    assert only_the_file_is_there(path)
    assert server.ranges == [None, REST]


def test_bytes_that_come_again_are_no_progress(serve, path):
    server = serve(ranges=False, cut_after=HALF)
    refusal(server, path, attempts=3)
    assert len(server.requests) == 4


@pytest.mark.parametrize("obeys_if_range", [True, False])
@pytest.mark.parametrize("checksum", [md5(OTHER), None])
def test_a_file_that_changed_meanwhile_is_fetched_anew(serve, path, obeys_if_range, checksum):
    server = serve(CONTENT, OTHER, obeys_if_range=obeys_if_range, cut_after=HALF, cuts=1)
    get(server, path, checksum=checksum)
    assert only_the_file_is_there(path, OTHER)
    assert server.ranges == ([None, REST] if obeys_if_range else [None, REST, None])


def test_a_file_that_has_another_length_is_fetched_anew(serve, path):
    server = serve(CONTENT, OTHER[:-1], etag=None, cut_after=HALF, cuts=1)
    get(server, path, OTHER[:-1])
    assert only_the_file_is_there(path, OTHER[:-1])
    assert server.ranges == [None, REST, None]


def test_the_time_of_change_stands_in_for_a_weak_etag(serve, path):
    changed = formatdate(0, usegmt=True)
    server = serve(etag='W/"weak"', last_modified=changed)
    leave_half(server, path)
    get(server, path)
    assert server.ranges == [REST]
    assert server.requests[0]["If-Range"] == changed


def test_without_a_version_only_a_checksum_allows_going_on(serve, path):
    server = serve(etag=None)
    leave_half(server, path)
    get(server, path)
    assert server.ranges == [REST] and server.requests[0]["If-Range"] is None
    path.unlink()
    leave_half(server, path, checksum=None)
    get(server, path, checksum=None)
    assert server.ranges == [None]
    assert only_the_file_is_there(path)


def test_two_versions_that_nothing_tells_apart_are_noticed_at_the_end(serve, path):
    server = serve(CONTENT, OTHER, etag=None, cut_after=HALF, cuts=1)
    get(server, path, OTHER)
    assert only_the_file_is_there(path, OTHER)
    assert server.ranges == [None, REST, None]


@pytest.mark.parametrize("content_range", ["bytes 0-{end}/{total}", "bytes {start}-{end}/7", "bytes", "{total}"])
def test_bytes_that_do_not_follow_are_not_appended(serve, path, content_range):
    server = serve(content_range=content_range)
    leave_half(server, path, checksum=None)
    get(server, path, checksum=None)
    assert only_the_file_is_there(path)
    assert server.ranges == [REST, None]


def test_more_bytes_than_announced_are_not_kept(serve, path):
    server = serve(surplus=b"more")
    leave_half(server, path)
    get(server, path, checksum=None)
    assert only_the_file_is_there(path)
    assert server.ranges == [REST, None]


# --- the wrong file -----------------------------------------------------------------------------------------------


def test_a_wrong_file_is_removed_and_named(serve, path):
    server = serve(OTHER)
    sentence = refusal(server, path)
    assert server.url in sentence and md5(CONTENT) in sentence and md5(OTHER) in sentence
    assert "HTML" not in sentence
    assert len(server.requests) == 1
    assert [file.name for file in path.parent.iterdir() if file.suffix != ".lock"] == []


def test_a_resumed_file_that_is_wrong_is_fetched_once_more(serve, path):
    server = serve()
    leave_half(server, path)
    part(path).write_bytes(OTHER[:HALF])
    get(server, path)
    assert only_the_file_is_there(path)
    assert server.ranges == [REST, None]


def test_a_whole_part_that_is_wrong_is_fetched_once_more(serve, path):
    server = serve()
    leave_half(server, path)
    part(path).write_bytes(OTHER)
    get(server, path)
    assert only_the_file_is_there(path)
    assert server.ranges == [None]


def test_a_file_that_stays_wrong_is_fetched_only_once_more(serve, path):
    server = serve(OTHER)
    leave_half(server, path, OTHER)
    assert md5(OTHER) in refusal(server, path)
    assert server.ranges == [REST, None]
    assert not part(path).exists() and not path.exists()


def test_a_page_in_place_of_the_file_is_called_one(serve, path):
    sentence = refusal(serve(PAGE, content_type="text/html"), path)
    assert "a page of HTML in place of the file" in sentence and md5(PAGE) in sentence


def test_a_page_in_place_of_the_rest_costs_nothing_that_has_arrived(serve, path):
    server = serve(PAGE, content_type="text/html; charset=utf-8", ranges=False)
    leave_half(server, path)
    assert "a page of HTML now" in refusal(server, path)
    assert part(path).read_bytes() == CONTENT[:HALF]
    server.manners = Manners((CONTENT,))
    get(server, path)
    assert only_the_file_is_there(path)
    assert server.ranges == [REST, REST]


def test_a_page_may_be_what_is_wanted(serve, path):
    page = PAGE + CONTENT
    server = serve(page, content_type="text/html", ranges=False)
    leave_half(server, path, page)
    get(server, path, page)
    assert only_the_file_is_there(path, page)


# --- trouble on the way -------------------------------------------------------------------------------------------


def test_no_network_is_one_sentence(path, pauses):
    with silent_port() as port, pytest.raises(CourseError) as error:
        url = f"http://127.0.0.1:{port}{PATH}"
        download(url, path, progress=False)
    assert url in str(error.value) and "byte: 5" in str(error.value)
    assert "HTTPConnection" not in str(error.value)
    assert pauses == [0, 2, 4, 8]
    assert not path.exists()


def test_a_name_that_nobody_has_is_one_sentence(path, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(CourseError, match=r"http://nowhere\.invalid/file: Name or service not known \("):
        download("http://nowhere.invalid/file", path, progress=False, attempts=2)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 416])
def test_a_refusal_is_final(serve, path, status, pauses):
    server = serve(refusals=((status, {}),) * 9)
    assert f"the server answers {status}" in refusal(server, path)
    assert len(server.requests) == 1 and pauses == []


def test_a_moved_address_that_leads_nowhere_is_named(serve, path):
    server = serve(refusals=((302, {"Location": PATH}),) * 99)
    assert "redirects" in refusal(server, path)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_a_busy_server_is_asked_again(serve, path, status):
    server = serve(refusals=((status, {"Retry-After": "0"}),))
    get(server, path)
    assert only_the_file_is_there(path)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("0", [0, 0, 0]), ("7", [7, 7, 7]), ("3600", [60, 60, 60]), ("soon", [0, 2, 4]), (formatdate(0), [0, 0, 0])],
)
def test_the_server_says_how_long_to_wait_up_to_a_minute(serve, path, pauses, asked, expected):
    get(serve(refusals=((429, {"Retry-After": asked}),) * 3), path)
    assert pauses == expected


def test_a_server_that_stays_busy_is_given_up(serve, path):
    server = serve(refusals=((503, {}),) * 99)
    assert "the server answers 503" in refusal(server, path, attempts=3)
    assert len(server.requests) == 3


def test_a_busy_server_costs_nothing_that_has_arrived(serve, path):
    server = serve(refusals=((503, {}),))
    leave_half(server, path)
    get(server, path)
    assert server.ranges == [REST, REST]


def test_silence_is_a_failure(serve, path):
    server = serve(cut_after=HALF, cuts=1, stalls=True)
    get(server, path, timeout=1)  # a busy machine is silent for a moment, too
    assert only_the_file_is_there(path)
    assert server.ranges == [None, REST]


def test_lasting_silence_is_given_up(serve, path):
    server = serve(cut_after=0, stalls=True)
    assert "nothing came for 0.1 s" in refusal(server, path, timeout=0.1, attempts=2)
    until(lambda: len(server.requests) == 2)  # what nobody waits for any more may be read late


# --- the disk -----------------------------------------------------------------------------------------------------


def with_free(monkeypatch, free):
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: SimpleNamespace(free=free))


def test_a_disk_without_room_is_named_before_anything_is_written(serve, path, monkeypatch):
    with_free(monkeypatch, len(CONTENT) - 1_000)
    sentence = refusal(serve(), path)
    assert "100kB" in sentence and "99.0kB" in sentence and str(path.parent) in sentence
    assert not part(path).exists()


def test_room_is_needed_only_for_what_is_missing(serve, path, monkeypatch):
    server = serve()
    leave_half(server, path)
    with_free(monkeypatch, HALF)
    get(server, path)
    assert only_the_file_is_there(path)


def test_no_room_for_the_rest_costs_nothing_that_has_arrived(serve, path, monkeypatch):
    server = serve()
    leave_half(server, path)
    with_free(monkeypatch, HALF - 1_000)
    sentence = refusal(server, path)
    assert "50.0kB" in sentence and "49.0kB" in sentence
    assert part(path).read_bytes() == CONTENT[:HALF]


def test_what_is_thrown_away_makes_room(serve, path, monkeypatch):
    server = serve(ranges=False)
    leave_half(server, path)
    with_free(monkeypatch, HALF)
    get(server, path)
    assert only_the_file_is_there(path)


def test_a_disk_that_fills_up_keeps_what_has_arrived(serve, path, monkeypatch):
    class SmallDisk(io.FileIO):
        def write(self, data):
            if self.tell() + len(data) > HALF:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data)

    server = serve(cut_after=HALF, cuts=1)
    with monkeypatch.context() as patch:
        opened = {"ab": SmallDisk}
        patch.setattr(module, "open", lambda file, mode: opened.get(mode, open)(file, mode), raising=False)
        sentence = refusal(server, path)
    assert "The disk is full" in sentence and str(path) in sentence
    assert part(path).stat().st_size == HALF
    get(server, path)
    assert only_the_file_is_there(path)
    assert server.ranges[-1] == REST


def test_a_place_that_cannot_be_written_is_named(serve, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    server = serve()
    assert f"to {tmp_path / 'file' / 'file.zip'}" in refusal(server, tmp_path / "file" / "file.zip")
    assert server.requests == []


# --- two at once, and the bar -------------------------------------------------------------------------------------


def test_a_second_process_waits_and_finds_the_file(serve, path, capsys):
    server = serve(cut_after=HALF, cuts=1, stalls=True)
    first = start_process(server, path)
    until(lambda: part(path).exists() and part(path).stat().st_size == HALF)
    second = threading.Thread(target=get, args=(server, path), kwargs={"progress": True})
    second.start()
    until(lambda: "waiting for it" in capsys.readouterr().out or len(server.requests) > 1)
    server.release()
    second.join()
    assert first.wait() == 0, first.communicate()
    assert only_the_file_is_there(path)
    assert len(server.requests) == 1


def test_the_bar_begins_at_what_is_there(serve, path, capfd):
    server = serve()
    leave_half(server, path)
    get(server, path, progress=True)
    bar = capfd.readouterr().err
    assert "50.0k/100k" in bar.split("\r")[1] and "100k/100k" in bar and "file.zip" in bar


def test_the_bar_begins_anew_when_the_file_does(serve, path, capfd):
    server = serve(ranges=False)
    leave_half(server, path)
    get(server, path, progress=True)
    bar = capfd.readouterr().err
    assert "100k/100k" in bar.split("\r")[-1] and "150k" not in bar


def test_no_bar_if_none_is_wanted(serve, path, capfd):
    get(serve(), path)
    assert capfd.readouterr() == ("", "")
