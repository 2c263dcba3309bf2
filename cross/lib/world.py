#!/usr/bin/python3
"""What an emulated board measures in cross/run: makes its sensors' values move.

    world.py QMP-SOCKET QTEST-SOCKET

A temperature sensor (tmp105) goes round 21 °C by 4 °C in a minute. Of a GPIO chip (pl061) line 0
gives five pulses a second, and each further line half as many as the one before. Ends when the
emulator does, or after a minute without it.
"""

import json
import math
import socket
import sys
import time


class Machine:
    """QEMU's control socket (docs/interop/qmp-spec)."""

    def __init__(self, path):
        self.file = connect(path)
        self.file.readline()
        self.execute("qmp_capabilities")

    def execute(self, command, **arguments):
        self.file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.file.flush()
        for line in self.file:
            answer = json.loads(line)
            if "event" not in answer:
                return answer.get("return")
        raise ConnectionError("the emulator ended")

    def devices(self, kind, path="/machine", depth=0):
        """The paths of all devices of a type."""
        found = []
        for entry in self.execute("qom-list", path=path) or []:
            child = f"{path}/{entry['name']}"
            if entry["type"] == f"child<{kind}>":
                found.append(child)
            elif depth < 4 and entry["type"].startswith("child<") and not (
                "memory-region" in entry["type"] or "irq" in entry["type"]
            ):
                found += self.devices(kind, child, depth + 1)
        return found


def connect(path):
    for _ in range(600):
        try:
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(path)
            return connection.makefile("rw")
        except OSError:
            time.sleep(0.1)
    raise ConnectionError(f"nobody listens on {path}")


def main():
    machine = Machine(sys.argv[1])
    sensors = machine.devices("tmp105")
    chips = machine.devices("pl061")
    pins = connect(sys.argv[2]) if chips else None
    levels = [0] * 8
    half_periods = [0.1 * 2**line for line in range(len(levels))]
    start = time.monotonic()
    next_edges = [start + one for one in half_periods]
    next_second = start
    while sensors or chips:
        now = time.monotonic()
        if now >= next_second:
            next_second += 1
            degrees = 21 + 4 * math.sin(2 * math.pi * (now - start) / 60)
            for sensor in sensors:
                machine.execute("qom-set", path=sensor, property="temperature",
                                value=round(degrees * 1000))
        for line, due in enumerate(next_edges if chips else []):
            if now >= due:
                next_edges[line] += half_periods[line]
                levels[line] ^= 1
                for chip in chips:
                    pins.write(f"set_irq_in {chip} unnamed-gpio-in {line} {levels[line]}\n")
                    pins.flush()
                    if not pins.readline():
                        raise ConnectionError("the emulator ended")
        deadline = min([next_second] + (next_edges if chips else []))
        time.sleep(max(0.001, deadline - time.monotonic()))


if len(sys.argv) != 3:
    sys.exit(__doc__)
try:
    main()
except (ConnectionError, OSError) as error:
    sys.exit(str(error))
