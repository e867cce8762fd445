"""`bimodal serve`: what is asked wrongly is one line, before anything is built."""

import socket

import pytest


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--port", "70000"), "--port 70000 is no port; 0 to 65535, 0 for any that is free"),
        (("--host", "203.0.113.7", "--port", "0"), "--host 203.0.113.7 is no address of this machine"),
        (("--dialect", "grpc"), "unknown dialect 'grpc': known: openpi, vla-eval"),
        (("--task", "PandaLiftPott-v1"), "did you mean PandaLiftPot-v1"),
        (("--sandboxed",), "unknown option '--sandboxed'"),
    ],
)
def test_a_wrong_option_is_one_line(bimodal, words, said):
    code, out, err = bimodal("serve", "zero", *words)
    assert (code, out, len(err)) == (2, "", 1) and said in err[0]


def test_a_port_in_use_and_an_unknown_policy_are_told_at_once(bimodal):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = bimodal("serve", "zero", "--port", str(port))
    assert (code, out) == (2, "") and f"port {port} of 127.0.0.1 is in use" in err[0]
    code, out, err = bimodal("serve", "flo", "--port", "0")
    assert (code, out) == (2, "") and "unknown policy 'flo': did you mean flow" in err[0]
