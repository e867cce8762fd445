"""The server of a review: who is let in, what can be asked for, and the page in a real browser."""

import http.client
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest
from bimodal.benchmark.evaluation.evaluate import evaluate
from bimodal.benchmark.evaluation.options import EvalOptions
from bimodal.benchmark.media.video_frames import write_videos
from bimodal.benchmark.records.checksums import changed_files
from bimodal.benchmark.report.run_report import write_report
from bimodal.benchmark.review import page
from bimodal.benchmark.review.margin import changed, hardest
from bimodal.benchmark.review.page import ReviewPages
from bimodal.benchmark.review.server import MOST_POSTED, ReviewServer
from bimodal.benchmark.scoring.review_record import NAME
from bimodal.benchmark.scoring.run_episodes import read_run
from browser import BROWSER, Browser
from scoring import DUMBBELL, panel

SMALL = (192, 144)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    options = [EvalOptions(out=folder / name, workers=0) for name in ("expert", "mean")]
    return [evaluate(one.out.name, panel(2, (DUMBBELL,)), one) for one in options]


@pytest.fixture
def server(runs, tmp_path):
    run = read_run(shutil.copytree(runs[1], tmp_path / "run"))
    (tmp_path / "secret.txt").write_text("secret")
    with serving(ReviewPages(run, hardest(run, 2))) as server:
        yield server


class serving:
    """A server in a thread of its own."""

    def __init__(self, pages):
        self.server = ReviewServer(pages)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))

    def __enter__(self):
        self.thread.start()
        return self.server.__enter__()

    def __exit__(self, *error):
        self.server.shutdown()
        self.thread.join()
        self.server.__exit__(*error)


def ask(server, path, method="GET", body=None, **headers):
    """Return status, text and headers; `path` follows the token where it does not begin with a slash."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=300)
    path = path if path.startswith("/") else f"/{server.token}/{path}"
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    if body is not None and "Content_Length" not in headers:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    return answer.status, answer.read().decode(errors="replace"), dict(answer.getheaders())


def said(tag="", note="", **more):
    return json.dumps({"tag": tag, "note": note, **more}).encode()


JSON = {"Content_Type": "application/json"}

# ------------------------------------------------------------------------------------- who is let in


def test_it_listens_on_this_machine_alone_and_every_token_is_another(server, runs):
    assert server.server_address[0] == "127.0.0.1"
    run = read_run(runs[0])
    other = ReviewServer(ReviewPages(run, hardest(run, 1)))
    other.server_close()
    assert len(server.token) >= 32 and server.token != other.token
    assert server.url == f"http://127.0.0.1:{server.server_port}/{server.token}/episode/0"


def test_the_page_is_shown_and_may_load_nothing_from_elsewhere(server):
    status, text, headers = ask(server, "episode/1")
    assert status == 200 and "2 of 2" in text and "seed" in text
    assert "default-src 'none'" in text and not re.findall(r'(?:src|href)="(?:https?:)?//', text)
    assert headers["Referrer-Policy"] == "no-referrer" and headers["X-Content-Type-Options"] == "nosniff"
    assert (
        "frame-ancestors 'none'" in headers["Content-Security-Policy"] and "Python" not in headers["Server"]
    )


@pytest.mark.parametrize(
    "path",
    ["/", "/episode/0", "/wrong/episode/0", "//episode/0", "/{token}", "/{token}/", "/{token}x/episode/0",
     "/{token}/episode/0?x", "/{token}/../episode/0", "/{token}/video/../../../secret.txt",
     "/{token}/video/..%2f..%2fsecret.txt", "/{token}/secret.txt", "/{token}//etc/passwd", "/etc/passwd",
     "http://127.0.0.1/{token}/episode/0", "/{token}/episode/0/", "/{token}/episode/-1",
     "/{token}/episode/1e3",
     "/{token}/video/0.mp4"],
)  # fmt: skip
def test_nothing_else_can_be_asked_for(server, path):
    status, text, _ = ask(server, path.replace("{token}", server.token))
    assert status in (400, 403) and "secret" not in text and "root:" not in text


def test_an_episode_that_is_not_listed_is_not_there(server):
    for path in ("episode/2", "video/2", "other/0", "episode/999999"):
        assert ask(server, path)[0] == 404


def test_another_host_or_another_page_is_refused(server):
    port = server.server_port
    for host in (
        "evil.example",
        f"evil.example:{port}",
        f"localhost:{port}",
        "127.0.0.1",
        f"127.0.0.1:{port}.",
    ):
        assert ask(server, "episode/0", Host=host)[0] == 403
        assert ask(server, "episode/0", "POST", said("x"), Host=host, **JSON)[0] == 403
    for origin in ("https://evil.example", "null", f"http://127.0.0.1:{port + 1}"):
        assert ask(server, "episode/0", Origin=origin)[0] == 403
        assert ask(server, "episode/0", "POST", said("x"), Origin=origin, **JSON)[0] == 403
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(f"GET /{server.token}/episode/0 HTTP/1.0\r\n\r\n".encode())
        assert b" 403 " in line.recv(100)
    assert not (server.pages.run.folder / NAME).exists()
    assert ask(server, "episode/0", Origin=server.origin)[0] == 200


# --------------------------------------------------------------------------------------- what is said


def test_what_is_said_is_saved_at_once(server):
    assert ask(server, "episode/1", "POST", said("SLIP", "é\nnext"), Origin=server.origin, **JSON)[:2] == (
        200,
        "saved",
    )
    content = json.loads((server.pages.run.folder / NAME).read_text())
    (one,) = content["episodes"]
    assert one["remark"] == {"tag": "SLIP", "note": "é\nnext"}
    assert (one["task"], one["seed"]) == (DUMBBELL, server.pages.listed[1].episode.film.seed)
    assert "SLIP</span>" in ask(server, "episode/0")[1]


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"{", 400), (b"[]", 400), (b'{"tag": 1, "note": ""}', 400), (said("x" * 81), 400),
     (said("x\u202ey"), 400), (said(note="x\u0000"), 400), (said(more=1), 400), (b"\xff", 400),
     (said(note="x" * 2001), 400), (b"[" * 10_000, 400)],
)  # fmt: skip
def test_what_is_no_remark_is_refused_in_one_line(server, body, status):
    code, text, _ = ask(server, "episode/0", "POST", body, **JSON)
    assert code == status and len(text.splitlines()) == 1
    assert not (server.pages.run.folder / NAME).exists()


def test_a_huge_or_strange_post_is_refused_unread(server):
    for length, status in ((MOST_POSTED + 1, 413), (10**9 - 1, 413), (10**30, 411), ("-1", 411), ("x", 411)):
        assert ask(server, "episode/0", "POST", Content_Length=str(length), **JSON)[0] == status
    chunked = ask(server, "episode/0", "POST", Content_Length="2", Transfer_Encoding="chunked", **JSON)
    assert chunked[0] == 411
    assert ask(server, "episode/0", "POST", said(), Content_Type="text/plain")[0] == 415
    assert ask(server, "video/0", "POST", said(), **JSON)[0] == 405
    assert ask(server, "episode/0", "DELETE")[0] == 501


# ----------------------------------------------------------------------------------------- the videos


def test_a_video_is_drawn_once_and_belongs_to_the_finished_run(server, drawing, monkeypatch):
    monkeypatch.setattr(page, "SIZE", SMALL)
    status, _, headers = ask(server, "video/0")
    folder = server.pages.run.folder
    names = [f"videos/{file.name}" for file in (folder / "videos").iterdir()]
    assert (status, headers["Content-Type"], len(names)) == (200, "video/mp4", 2)
    assert changed_files(folder, tuple(names)) == []
    (film,) = (folder / "videos").glob("*.mp4")
    film.write_bytes(b"drawn before")
    assert ask(server, "video/0")[:2] == (200, "drawn before")
    film.rename(film.with_name("kept"))
    film.symlink_to(folder.parent / "secret.txt")
    assert ask(server, "video/0")[0] == 503


def test_a_video_whose_turn_never_comes_is_told_that_the_review_has_ended(server):
    server.drawing.shutdown(cancel_futures=True)
    server.ended = True
    status, text, _ = ask(server, "video/0")
    assert (status, text) == (503, "the review has ended\n")


def test_a_video_that_cannot_be_drawn_is_told_in_one_line(server):
    shutil.rmtree(server.pages.run.folder / "traces")
    status, text, _ = ask(server, "video/0")
    assert (status, len(text.splitlines())) == (503, 1) and DUMBBELL in text


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="no Chromium")
def test_both_videos_play_in_step_and_every_key_works(runs, tmp_path, drawing):
    expert, mean = (read_run(shutil.copytree(run, tmp_path / run.name)) for run in runs)
    listed = changed(mean, expert, 2)
    for run, one in ((mean, listed[0].episode), (expert, listed[0].other)):
        list(write_videos(run.folder, [one.film], "closeup", SMALL, 20))
    with serving(ReviewPages(mean, listed, expert)) as server, Browser(tmp_path / "browser") as browser:
        browser.open(server.url)
        videos = "[...document.querySelectorAll('video')]"
        browser.wait(f"{videos}.length === 2 && {videos}.every((one) => one.readyState >= 2)")
        step = "Number(document.getElementById('step').value)"
        # 1. a step forth and back
        for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
            browser.press(key)
        assert browser.run(step) == 1
        assert browser.run("document.querySelector('.way').getAttribute('points').split(' ').length") == 2
        # 2. playing runs to the end of the longer one, with the pictures near the step
        browser.press(" ", "Space")
        assert browser.run("document.getElementById('play').textContent") == "Pause"
        browser.wait(f"{step} >= 8")
        apart = browser.run(f"Math.abs({videos}[1].currentTime - {step} / 20)")
        assert apart < 0.3 and browser.run(f"{videos}.some((one) => !one.paused)")
        browser.press(" ", "Space")
        assert browser.run(f"{videos}.every((one) => one.paused)")
        # 3. paths, tag and note, and back from a field
        browser.press("p")
        assert browser.run("document.querySelector('.paths').style.visibility") == "hidden"
        browser.press("t")
        browser.press("x")
        browser.press("Escape")
        browser.press("n")
        browser.press("j")  # a letter in a field is a letter
        saved = "document.getElementById('state').textContent === 'saved in review.json'"
        browser.wait(f"document.getElementById('note').value === 'j' && {saved}")
        (one,) = json.loads((mean.folder / NAME).read_text())["episodes"]
        assert one["remark"] == {"tag": "x", "note": "j"}
        # 4. the next episode and the one before
        browser.press("Escape")
        for key, number in (("j", "1"), ("k", "0")):
            browser.press(key)
            browser.wait(
                f"location.pathname.endsWith('/episode/{number}') && document.readyState === 'complete'"
            )
        assert browser.run("document.getElementById('tag').value") == "x"
    assert browser.complaints == []


# ------------------------------------------------------------------------------------ the command line


def test_the_command_prints_the_url_and_ends_cleanly_with_the_report_renewed(runs, tmp_path):
    run = shutil.copytree(runs[1], tmp_path / "run")
    write_report(run)
    words = [sys.executable, "-m", "bimodal.cli.main", "review", str(run), "--no-browser"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        url = re.search(r"http://127\.0\.0\.1:\d+/[\w-]{32}/episode/0", process.stdout.readline())
        with urllib.request.urlopen(url[0], timeout=300) as answer:
            assert "1 of 2" in answer.read().decode()
        post = urllib.request.Request(url[0], said("late"), {"Content-Type": "application/json"})
        urllib.request.urlopen(post, timeout=300).close()
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=300)
        finally:
            process.kill()
    assert (process.returncode, err) == (0, "") and "1 episode reviewed" in out
    assert ">late</a>" in (run / "report.html").read_text()
    assert changed_files(run, ("report.html", "episodes.csv", NAME)) == []


def test_wrong_use_is_one_line(bimodal, runs, tmp_path):
    for words, code, text in (
        ((runs[0], "--count", 0), 2, "--count 0 shows nothing"),
        ((tmp_path,), 2, "run.json"),
        ((runs[0], "--against", tmp_path), 2, "run.json"),
    ):
        found, _, err = bimodal("review", *words)
        assert found in (1, code) and len(err) == 1 and text in err[0]
    code, out, _ = bimodal("review", runs[0], "--against", runs[0])
    assert code == 0 and "nothing to review" in out
    Path(runs[0] / NAME).write_text("{}")
    code, _, err = bimodal("review", runs[0])
    assert code == 2 and "is no review" in err[0]
    Path(runs[0] / NAME).unlink()
