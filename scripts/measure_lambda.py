"""Spawns Lambda binaries against a simulated runtime API, and prints their start time and memory.

Usage: measure_lambda.py SPAWNS BINARY...  (normally run by scripts/measure-lambda.sh)
"""

import http.server
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

NEXT = "/2018-06-01/runtime/invocation/next"
TEMPLATE = Path(__file__).parent.parent / "template.yaml"
PATIENCE = 10  # seconds to wait for a binary to ask for work


class RuntimeApi(http.server.ThreadingHTTPServer):
    """Records when a function first requests an invocation, and never answers that request."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Waiting)
        self.asked = threading.Event()
        self.asked_at = 0.0
        self.over = threading.Event()


class Waiting(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == NEXT and not self.server.asked.is_set():
            self.server.asked_at = time.perf_counter()
            self.server.asked.set()
        self.server.over.wait(PATIENCE)

    def log_message(self, *_):
        pass


# The functions that start state machines, and so create a client for Step Functions.
MACHINES = {
    "delivery": ["FULFIL_DELIVERY"],
    "payment": ["COLLECT_PAYMENT"],
    "sweeper": ["COLLECT_PAYMENT", "FULFIL_DELIVERY"],
}


def environment(port, name):
    variables = set(re.findall(r"\bTABLE_[A-Z0-9_]+", TEMPLATE.read_text()))
    return {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "AWS_LAMBDA_FUNCTION_NAME": "measured",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "BUS_NAME": "measured",
        "FAILURE_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/1/measured",
        "WEBHOOK_SECRET_ARN": "measured",
        "ORDER_ID_SECRET_ARN": "measured",
        "FRONT_END_SECRET_ARN": "measured",
        "ROW_OUTPUTS": "com.measured Measure=Measured",
        "STRIPE_KEY_SECRET": "measured",
        "STRIPE_WEBHOOK_SECRET": "measured",
        "MAIL_FROM": "measured@example.com",
        "CURRENCY": "EUR",
        "HOME_COUNTRY": "DE",
        "REVIEW_ABOVE": "1000",
        "ORDERS_PER_MINUTE": "60",
        "PAYMENT_CAPTURE": "at-once",
        **{variable: "measured" for variable in variables},
        **{f"MACHINE_{machine}": "measured" for machine in MACHINES.get(name, [])},
    }


def resident_mebibytes(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"no VmRSS of process {pid}")


def spawn(binary):
    """Returns the milliseconds from spawn to the first /next, and the resident set then, in MiB."""
    api = RuntimeApi()
    threading.Thread(target=api.serve_forever, args=(0.01,), daemon=True).start()
    began = time.perf_counter()
    process = subprocess.Popen([binary], env=environment(api.server_port, Path(binary).name), stdout=subprocess.PIPE)
    try:
        if not api.asked.wait(PATIENCE):
            process.kill()
            output = process.communicate()[0].decode(errors="replace")
            sys.exit(f"{binary} did not ask for work within {PATIENCE} s: {output}")
        # The function now waits for a response, so its memory does not change.
        return (api.asked_at - began) * 1000, resident_mebibytes(process.pid)
    finally:
        process.kill()
        process.communicate()
        api.over.set()
        api.shutdown()
        api.server_close()


def main():
    spawns, binaries = int(sys.argv[1]), sys.argv[2:]
    for binary in binaries:
        if not os.access(binary, os.X_OK):
            sys.exit(f"{binary} is not there: build it first (--build)")
        spawn(binary)  # once before measuring, so that the file is in the page cache
    # Binaries take turns, so that other load on the machine affects all of them equally.
    rounds = [[spawn(binary) for binary in binaries] for _ in range(spawns)]
    print(f"{'binary':<14}{'MB':>8}{'MiB RSS':>10}{'ms to first /next':>20}{'p90':>8}{'times the first':>18}")
    first = None
    for binary, measured in zip(binaries, zip(*rounds, strict=True), strict=True):
        times, sizes = zip(*measured, strict=True)
        megabytes, median = os.path.getsize(binary) / 1e6, statistics.median(times)
        first = first or median
        ninth = statistics.quantiles(times, n=10)[-1]
        print(f"{Path(binary).name:<14}{megabytes:>8.1f}{statistics.median(sizes):>10.1f}"
              f"{median:>20.1f}{ninth:>8.1f}{median / first:>18.2f}")


if __name__ == "__main__":
    main()
