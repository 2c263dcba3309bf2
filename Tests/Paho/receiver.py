"""An independent receiver: paho-mqtt, which knows nothing of Weir but its payloads.

receiver.py PORT FILE
    subscribes to everything, with a session that the broker keeps, and writes a line for each
    record as it comes: device, epoch, sequence number, and its content without the times, which a
    gateway may know better when it sends a record again. What comes on usual/NAME (publisher.py)
    gets a line too, with epoch 0. Says "connected" on each connection.

QoS 0 on purpose: the broker writes such a message to this socket before it acknowledges it to its
publisher, and this client never writes while it reads. So what a broker had acknowledged when
SIGKILL came is in this socket, and nothing makes the kernel throw it away (a packet to a dead
broker would be answered by a reset).
"""

import ctypes
import json
import sys
import time

import paho.mqtt.client as mqtt

# Of one and the same record these may differ between two deliveries.
CHANGING = ("t", "bt", "boottime", "historical", "replayed", "epoch", "seq", "bn")


ZSTD = ctypes.CDLL("libzstd.so.1")
ZSTD.ZSTD_decompress.restype = ctypes.c_size_t
ZSTD.ZSTD_decompress.argtypes = [
    ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
# Of zstd: the magic number (RFC 8878, 3.1.1); and no message of a gateway is larger.
MAGIC = b"\x28\xb5\x2f\xfd"
PLAIN_MAX = 1 << 20


def plain(payload):
    """The payload, decompressed if it is a zstd frame; MQTT 3.1.1 has no content type to say so."""
    if not payload.startswith(MAGIC):
        return payload
    output = ctypes.create_string_buffer(PLAIN_MAX)
    size = ZSTD.ZSTD_decompress(output, PLAIN_MAX, payload, len(payload))
    if ZSTD.ZSTD_isError(ctypes.c_size_t(size)):
        raise ValueError("not zstd")
    return output.raw[:size]


def records(payload):
    """The records of a SenML message, each with its identity; nothing for what is no record."""
    try:
        payload = plain(payload)
        message = json.loads(payload)
    except ValueError:
        return
    if not isinstance(message, list):
        return
    base = {}
    readings = {}
    for record in message:
        # A number that follows the one before is left out.
        if "seq" in base:
            base["seq"] += 1
        for name in ("bn", "epoch", "seq"):
            if name in record:
                base[name] = record[name]
        if "seq" not in base or "epoch" not in base:
            continue
        content = {key: record[key] for key in sorted(record) if key not in CHANGING}
        # The same is true of a channel's readings; gaps and levels have none behind them.
        name = record.get("n", "")
        if "gap" not in record and "overload" not in record:
            if "rseq" not in record and name in readings:
                content["rseq"] = readings[name] + 1
            if "rseq" in content:
                readings[name] = content["rseq"]
        yield base.get("bn", ""), base["epoch"], base["seq"], json.dumps(content, sort_keys=True)


def main():
    port, path = int(sys.argv[1]), sys.argv[2]
    with open(path, "w", buffering=1 << 16, encoding="utf-8") as file:
        client = mqtt.Client("receiver", clean_session=False)

        def on_connect(client, userdata, flags, code):
            client.subscribe([("weir/#", 0), ("usual/#", 0)])

        def on_subscribe(client, userdata, identifier, granted):
            print("connected", flush=True)

        def on_message(client, userdata, message):
            if message.topic.startswith("usual/"):
                file.write(f"{message.topic}\t0\t{int(message.payload)}\t\n")
                return
            for record in records(message.payload):
                file.write("\t".join(map(str, record)) + "\n")

        client.on_connect = on_connect
        client.on_subscribe = on_subscribe
        client.on_message = on_message
        client.connect_async("127.0.0.1", port, keepalive=3600)
        while True:
            try:
                client.reconnect()
            except OSError:
                time.sleep(0.02)
                continue
            flushed = time.monotonic()
            while client.loop(timeout=0.1) == mqtt.MQTT_ERR_SUCCESS:
                if time.monotonic() - flushed > 0.1:
                    file.flush()
                    flushed = time.monotonic()
            file.flush()


main()
