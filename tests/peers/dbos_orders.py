"""Orders of twelve durable steps on DBOS, whose system database is a SQLite file.

Prints orders per second, and the CPU time of an order in milliseconds: `dbos_orders.py ORDERS`.
"""

import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from dbos import DBOS, DBOSConfig

STEPS = 12
AT_ONCE = 8
WARM_UP = 5


@DBOS.step()
def step(order: str, number: int) -> dict[str, object]:
    """A step whose result DBOS stores."""
    return {"order": order, "step": number}


@DBOS.workflow()
def place(order: str) -> str:
    """One order."""
    for number in range(STEPS):
        step(order, number)
    return order


def main() -> None:
    """Runs the orders, and prints the figures."""
    orders = int(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="dbos-") as folder:
        config: DBOSConfig = {
            "name": "orders",
            "system_database_url": f"sqlite:///{folder}/dbos.sqlite",
            "log_level": "ERROR",
            "run_admin_server": False,
        }
        DBOS(config=config)
        DBOS.launch()
        with ThreadPoolExecutor(AT_ONCE) as callers:
            list(callers.map(place, [f"warm-up-{number}" for number in range(WARM_UP)]))
            start, cpu = time.perf_counter(), time.process_time()
            list(callers.map(place, [f"order-{number}" for number in range(orders)]))
            seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        DBOS.destroy()
    print(f"{orders / seconds:.1f} {cpu / orders * 1e3:.2f}")


if __name__ == "__main__":
    main()
