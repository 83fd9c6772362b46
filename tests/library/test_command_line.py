"""``flask health`` and ``python -m flask_management_endpoints check``."""

import os
import socket
import statistics
import subprocess
import sys
import time

import pytest

from flask_management_endpoints import ManagementEndpoints
from flask_management_endpoints.probe import main


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "flask_management_endpoints", *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


class TestTheExecProbe:
    @pytest.mark.parametrize(
        ("status", "document", "code"),
        [
            (200, {"status": "UP"}, 0),
            (200, {"status": "DEGRADED"}, 0),
            (200, b"ok", 0),
            (204, b"", 0),
            (302, b"", 0),
            (200, {"status": "DOWN"}, 1),
            (503, {"status": "DOWN"}, 1),
            (503, {"status": "UP"}, 1),
            (404, b"", 1),
            (200, b'{"status": ', 0),
        ],
    )
    def test_its_exit_code_says_what_the_answer_was(self, peer, behaviours, capsys, status, document, code):
        assert main(["check", f"http://{peer(behaviours.says(document, status, keep=False)).host}/z/health"]) == code
        assert capsys.readouterr().out.startswith(str(status))

    @pytest.mark.parametrize("fault", ["hangs", "resets", "drips", "garbage", "silent"])
    def test_no_answer_is_1_in_time(self, peer, behaviours, capsys, fault):
        behaviour = {
            "hangs": behaviours.hangs, "resets": behaviours.resets,
            "drips": behaviours.drips(b"HTTP/1.1 200 OK\r\n\r\n"),
            "garbage": behaviours.raw(b"garbage"), "silent": behaviours.raw(b""),
        }[fault]  # fmt: skip
        started = time.monotonic()
        assert main(["check", "--timeout", "0.3", f"http://{peer(behaviour).host}/"]) == 1
        assert time.monotonic() - started < 10  # hanging and dripping take longer
        assert capsys.readouterr().out.strip()

    def test_nobody_there_is_1(self, unused_port, capsys):
        assert main(["check", f"http://127.0.0.1:{unused_port}/"]) == 1
        assert "Connection refused" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "usage:"),
            (["chekc", "http://x/"], "'chekc' isn't a command"),
            (["check"], "give one URL, not 0"),
            (["check", "http://a/", "http://b/"], "give one URL, not 2"),
            (["check", "127.0.0.1:80"], "isn't a URL"),
            (["check", "ftp://x/"], "isn't a URL"),
            (["check", "http://x:99999/"], "names no host, or no port"),
            (["check", "http://:80/"], "names no host"),
            (["check", "--verbose", "http://x/"], "'--verbose' isn't an option"),
            (["check", "--timeout", "soon", "http://x/"], "--timeout is 'soon'"),
            (["check", "http://x/", "--timeout"], "--timeout is ''"),
        ],
    )
    def test_a_wrong_command_line_is_2_with_the_reason(self, capsys, arguments, message):
        assert main(arguments) == 2
        assert message in capsys.readouterr().err

    def test_help_is_worth_reading(self, capsys):
        assert main(["--help"]) == 0
        assert "HEALTHCHECK" in capsys.readouterr().out

    def test_quiet_prints_nothing(self, peer, capsys):
        assert main(["check", "-q", f"http://{peer().host}/"]) == 0
        assert capsys.readouterr().out == ""

    def test_ipv6(self, capsys):
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
            port = server.getsockname()[1]
            assert main(["check", "--timeout=0.2", f"http://[::1]:{port}/"]) == 1
            assert "no answer within 0.2 s" in capsys.readouterr().out

    def test_as_a_module_it_has_the_same_exit_codes_and_imports_no_flask(self, peer, behaviours):
        up, down = peer(), peer(behaviours.says({"status": "DOWN"}, 503))
        assert [run("check", f"http://{one.host}/").returncode for one in (up, down)] == [0, 1]
        code = (
            "import sys; from flask_management_endpoints.probe import main; main(sys.argv[1:]); "
            "print(bool({'flask', 'requests', 'urllib.request'} & sys.modules.keys()))"
        )
        loaded = subprocess.run(
            [sys.executable, "-c", code, "check", f"http://{up.host}/"], capture_output=True, text=True, check=True
        )
        assert loaded.stdout.splitlines()[-1] == "False"

    def test_it_starts_in_150_ms(self, peer):
        url = f"http://{peer().host}/z/health/readiness"
        seconds = []
        for _ in range(5):
            before = os.times()
            assert run("check", url).returncode == 0
            after = os.times()
            seconds.append(after.children_user + after.children_system - before.children_user - before.children_system)
        assert statistics.median(seconds) < 0.15  # of CPU, so that a busy machine doesn't matter


class TestFlaskHealth:
    @pytest.fixture
    def runner(self, app):
        self.management = ManagementEndpoints(app)
        self.management.check("db", groups=["readiness"])(lambda: (False, "too many connections"))
        self.management.check("cache", required=False, groups=["payments"])(lambda: False)
        return app.test_cli_runner()

    @pytest.mark.parametrize("arguments", [["health"], ["health", "show"]])
    def test_it_shows_everything_with_reasons(self, runner, arguments):
        result = runner.invoke(args=arguments)
        assert result.exit_code == 1
        assert '"reason": "too many connections"' in result.output

    @pytest.mark.parametrize(
        ("name", "code", "output"),
        [
            ("liveness", 0, "UP\n"),
            ("startup", 0, "UP\n"),
            ("readiness", 1, "DOWN\n  db: too many connections\n"),
            ("payments", 0, "UP\n"),
        ],
    )
    def test_a_probe_from_the_command_line(self, runner, name, code, output):
        result = runner.invoke(args=["health", "probe", name])
        assert (result.exit_code, result.output.startswith(output)) == (code, True)

    def test_an_unknown_probe_is_told(self, runner):
        result = runner.invoke(args=["health", "probe", "readyness"])
        assert result.exit_code == 2
        assert (
            "'readyness' isn't a probe or group; known are liveness, ping, readiness, startup, payments"
            in result.output
        )

    def test_config_says_what_is_wrong(self, app, runner):
        assert (runner.invoke(args=["health", "config"]).exit_code) == 0
        app.config["Z_ENDPOINTS"] = {"helth": 1, "groups": {"a": ["dbb"]}}
        result = runner.invoke(args=["health", "config"])
        assert result.exit_code == 1
        assert "Z_ENDPOINTS: 'helth' isn't known" in result.output
        assert "did you mean 'db'?" in result.output
