"""Two network namespaces with a link between them, made of two TUN devices and this program.

link.py CONTROL
    10.99.0.1 is at one end, 10.99.0.2 at the other. Says "ready A B", where /proc/PID/fd/A and
    .../B are the two namespaces (nsenter(1) --net). They, and the devices "line0" inside, are gone
    with this process. CONTROL is a file that is looked at every 20 ms, with the words

        delay MS jitter MS loss PERCENT seed N

    each of which may be missing; a loss of 100 is a cable that nobody knows to be cut. Packets
    keep their order, as on a real line. tc(8) in a namespace can limit the bandwidth of its device.

Unlike the kernel's netem this needs nothing of the kernel but TUN, which every kernel has.
"""

import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000  # <linux/sched.h>
TUNSETIFF = 0x400454CA  # <linux/if_tun.h>
IFF_TUN_WITHOUT_HEADER = 0x0001 | 0x1000
HELD_MAX = 1000  # packets under way: what a real line's buffers hold


def end(address):
    """A new namespace with a device "line0" of that address: the namespace and the device."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    # Led by losses, as on the boards, whatever this machine has: BBR goes on at the rate of a narrow
    # line for half a minute after it has become wide. Every kernel has Reno, and lets a namespace
    # choose it.
    with open("/proc/sys/net/ipv4/tcp_congestion_control", "w", encoding="ascii") as file:
        file.write("reno")
    namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"line0", IFF_TUN_WITHOUT_HEADER))
    for words in (
        "link set lo up",
        f"address add {address}/24 dev line0",
        "link set line0 up",
    ):
        subprocess.run(["ip", *words.split()], check=True)
    return namespace, device


class Conditions:
    """What the control file says."""

    def __init__(self, path):
        self.path = path
        self.text = None
        self.looked = 0.0
        self.random = random.Random(0)
        self.delay = self.jitter = self.loss = 0.0

    def look(self, now):
        if now - self.looked < 0.02:
            return
        self.looked = now
        with open(self.path, encoding="ascii") as file:
            text = file.read()
        if text == self.text:
            return
        self.text = text
        words = text.split()
        values = dict(zip(words[::2], map(float, words[1::2])))
        self.delay = values.get("delay", 0) / 1000
        self.jitter = values.get("jitter", 0) / 1000
        self.loss = values.get("loss", 0) / 100
        self.random = random.Random(values.get("seed", 0))


def main(path):
    ends = [end("10.99.0.1"), end("10.99.0.2")]
    conditions = Conditions(path)
    print("ready", ends[0][0], ends[1][0], flush=True)
    devices = [device for _, device in ends]
    latest = [0.0, 0.0]
    held = []
    count = 0
    while True:
        now = time.monotonic()
        conditions.look(now)
        while held and held[0][0] <= now:
            _, _, target, packet = heapq.heappop(held)
            try:
                os.write(target, packet)
            except OSError:
                pass  # the device is down, or its queue is full: the packet is lost, as on a line
        wait = min(0.02, held[0][0] - now) if held else 0.02
        for device in select.select(devices, [], [], max(wait, 0))[0]:
            source = devices.index(device)
            try:
                packet = os.read(device, 65536)
            except OSError:
                time.sleep(0.01)  # the device is down
                continue
            if len(held) >= HELD_MAX or conditions.random.random() < conditions.loss:
                continue
            jitter = conditions.random.uniform(0, conditions.jitter)
            latest[source] = max(latest[source], time.monotonic() + conditions.delay + jitter)
            count += 1
            heapq.heappush(held, (latest[source], count, devices[1 - source], packet))


if __name__ == "__main__":
    main(sys.argv[1])
