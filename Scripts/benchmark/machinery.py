"""The programs of a run: PostgreSQL, the service, nginx. Each is started here and ended here."""

import http.client
import json
import os
import socket
import subprocess
import time
from pathlib import Path


class Database:
    """The cluster of Scripts/with-postgres, as its superuser."""

    def __init__(self):
        self.url = os.environ["REGLAMENT_TEST_DATABASE_URL"]

    def run(self, sql):
        command = ["psql", "--quiet", "--no-align", "--tuples-only", "--no-psqlrc", "--set=ON_ERROR_STOP=1"]
        done = subprocess.run(
            command + [f"--dbname={self.url}"], input=sql, text=True, capture_output=True, timeout=300, check=False
        )
        if done.returncode != 0:
            raise SystemExit(f"bench: {done.stderr.strip()}\n{sql[:500]}")
        return done.stdout

    def value(self, sql):
        return self.run(sql).strip()

    def number(self, sql):
        return int(self.value(sql))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pid):
    """User and system time of a process and its threads until now."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_kib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise SystemExit(f"bench: process {pid} has no VmRSS")


class Service:
    """The service on ports of its own, with its access log in a file and without rate limits."""

    def __init__(self, program, database, folder, name="service", **settings):
        self.program, self.folder, self.name = program, folder, name
        self.port, self.tls_port = free_port(), None
        self.settings = {
            # As the package and `make run` start it.
            "GLIBC_TUNABLES": "glibc.malloc.tcache_count=512",
            "REGLAMENT_DATABASE_URL": database.url,
            "REGLAMENT_LISTEN": f"http://127.0.0.1:{self.port}",
            "REGLAMENT_AUTO_CLOSE_AT": "off",
            "REGLAMENT_RATE_LIMIT": "off",
            "REGLAMENT_ACCESS_LOG": str(folder / f"{name}-access.log"),
            **settings,
        }
        self.process = None

    def with_tls(self, certificate, key):
        self.tls_port = free_port()
        self.settings["REGLAMENT_LISTEN"] += f",https://127.0.0.1:{self.tls_port}"
        self.settings["REGLAMENT_TLS_CERT"] = str(certificate)
        self.settings["REGLAMENT_TLS_KEY"] = str(key)
        return self

    @property
    def environment(self):
        own = {name: value for name, value in os.environ.items() if not name.startswith("REGLAMENT")}
        return own | self.settings

    def command(self, *words):
        done = subprocess.run(
            [self.program, *words], env=self.environment, text=True, capture_output=True, timeout=120, check=False
        )
        if done.returncode != 0:
            raise SystemExit(f"bench: reglament {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def spawn(self):
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.program, "serve"], env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def start(self):
        self.spawn()
        for _ in range(200):
            try:
                if self.ask("GET", "/readyz")[0] == 200:
                    return self
            except OSError:
                pass
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise SystemExit(f"bench: the service does not start: {(self.folder / f'{self.name}.log').read_text()}")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    __enter__ = start

    def __exit__(self, *_):
        self.stop()

    def cpu(self):
        return cpu_seconds(self.process.pid)

    def url(self, path="", tls=False):
        return f"https://127.0.0.1:{self.tls_port}{path}" if tls else f"http://127.0.0.1:{self.port}{path}"

    def ask(self, method, path, token=None, body=None, key=None):
        """Status, header fields in their order, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        headers = {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        if key:
            headers["Idempotency-Key"] = key
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()


class Nginx:
    """Two workers that answer each path with the bytes and the header fields that the service answered it with."""

    def __init__(self, folder, certificate, key, cipher, answers):
        self.port, self.tls_port = free_port(), free_port()
        home = folder / "nginx"
        home.mkdir()
        places = "".join(self.place(path, *answer) for path, answer in answers.items())
        temporary = "".join(
            f"  {kind}_temp_path {home}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        self.cipher = cipher
        self.configuration = folder / "nginx.conf"
        self.configuration.write_text(
            f"""worker_processes 2; daemon off; pid {home}/pid; error_log {home}/error.log;
events {{ worker_connections 2048; }}
http {{
  access_log {home}/access.log; keepalive_requests 100000; server_tokens off; default_type application/json;
{temporary}  server {{
    listen 127.0.0.1:{self.port} backlog=1024; listen 127.0.0.1:{self.tls_port} ssl backlog=1024;
    ssl_certificate {certificate}; ssl_certificate_key {key};
    ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites {cipher};
{places}  }}
}}
"""
        )
        self.log = home / "error.log"
        self.process = None

    @staticmethod
    def place(path, headers, body):
        def quoted(text):
            if "$" in text:
                raise SystemExit(f"bench: nginx would take the $ in {text} for a variable")
            return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

        own = {"date", "content-length", "content-type", "connection"}
        lines = [
            f"add_header {name} {'$request_id' if name == 'X-Request-Id' else quoted(value)};"
            for name, value in headers
            if name.lower() not in own
        ]
        return f"    location = {path} {{ {' '.join(lines)} return 200 {quoted(body.decode())}; }}\n"

    def __enter__(self):
        self.process = subprocess.Popen(
            ["nginx", "-c", self.configuration, "-p", self.configuration.parent], stderr=subprocess.DEVNULL
        )
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.05)
        raise SystemExit(f"bench: nginx does not start: {self.log.read_text() if self.log.exists() else ''}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def cpu(self):
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return sum(cpu_seconds(child) for child in children)

    def url(self, path="", tls=False):
        return f"https://127.0.0.1:{self.tls_port}{path}" if tls else f"http://127.0.0.1:{self.port}{path}"
