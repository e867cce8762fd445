"""Attempts to reach the network, and files that are not the policy's."""

import ctypes
import os
import socket
import tempfile
from pathlib import Path

import numpy as np
from registry_of_attempts import attempt, harmless, own_files

# ------------------------------------------------------------------------------------------ network


@attempt
def connects_to_the_network():
    return socket.create_connection(("192.0.2.1", 80), 1)


@harmless
def connects_to_this_machine():
    port = Path(os.environ["BIMODAL_SECRET_PORT_FILE"]).read_text()
    return socket.create_connection(("127.0.0.1", int(port)), 1)


@attempt
def sends_a_datagram():
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"seed", ("192.0.2.1", 53))


@attempt
def sends_a_datagram_over_ipv6():
    return socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"seed", ("2001:db8::1", 53))


@attempt
def opens_a_raw_socket():
    return socket.socket(socket.AF_PACKET, socket.SOCK_RAW)


@harmless
def asks_the_kernel_for_routes_that_lead_out():
    routes = Path("/proc/net/route").read_text().splitlines()[1:]
    return [line for line in routes if not line.startswith("lo")]


@attempt
def resolves_a_name():
    return socket.getaddrinfo("example.org", 80)


@attempt
def connects_to_the_docker_socket():
    with socket.socket(socket.AF_UNIX) as end:
        return end.connect("/var/run/docker.sock") or True


# -------------------------------------------------------------------------------------------- files


@attempt
def reads_the_passwords():
    return Path("/etc/shadow").read_text()


@harmless
def reads_the_users():
    return Path("/etc/passwd").read_text()


@harmless
def reads_the_secret_beside_the_run():
    return Path(os.environ["BIMODAL_SECRET_FILE"]).read_text()


@harmless
def reads_the_run_folder():
    return (Path(os.environ["BIMODAL_SECRET_RUN"]) / "run.json").read_text()


@harmless
def reads_the_entries():
    return list((own_files() / "leaderboard" / "entries").glob("*.json"))


@attempt
def reads_the_history():
    return list((own_files() / ".git").iterdir())


@harmless
def reads_the_tests():
    return list((own_files() / "tests").iterdir())


@attempt
def reads_home():
    return [path for path in Path("/root").iterdir() if path.is_file()] + [*Path("/home").iterdir()]


@attempt
def reads_ssh_keys():
    return [*Path("/root/.ssh").iterdir(), *Path("/home").glob("*/.ssh/*")]


@harmless
def writes_beside_itself():
    return Path(__file__).with_name("left_behind.txt").write_text("here")


@attempt
def changes_its_own_file():
    return Path(__file__).write_text("")


@attempt
def changes_the_harness():
    return (own_files() / "benchmark" / "__init__.py").open("a").write("\n")


@attempt
def changes_an_installed_library():
    return (Path(np.__file__).parent / "left_behind.py").write_text("")


@attempt
def writes_to_the_system():
    return Path("/usr/left_behind").write_text("here")


@attempt
def deletes_a_library():
    return Path(np.__file__).unlink() or True


@attempt
def makes_itself_readable_by_mount():
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.mount(b"none", b"/mnt", b"tmpfs", 0, None) == 0 and True


@attempt
def opens_a_disk():
    return [path for path in Path("/dev").glob("[sv]d*") if os.open(path, os.O_RDONLY)]


@attempt
def opens_physical_memory():
    return os.open("/dev/mem", os.O_RDONLY)


@attempt
def writes_a_big_file():
    with tempfile.TemporaryFile() as file:
        for _ in range(96):
            file.write(bytes(2**20))
        file.flush()
        return True
