"""paho-mqtt as fast as it goes: publishes the lines of a file with QoS 1.

flood.py PORT TOPIC FILE COUNT WINDOW
    publishes COUNT messages, of the lines of FILE, with so many under way; prints the seconds from
    the first to the last acknowledgement, and the seconds of the processor.
"""

import sys
import threading
import time

import paho.mqtt.client as mqtt


def main():
    port, topic, path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    count, window = int(sys.argv[4]), int(sys.argv[5])
    with open(path, "rb") as file:
        lines = file.read().splitlines()
    connected, done = threading.Event(), threading.Event()
    acknowledged = 0

    def on_connect(*_):
        connected.set()

    def on_publish(*_):
        nonlocal acknowledged
        acknowledged += 1
        if acknowledged == count:
            done.set()

    if hasattr(mqtt, "CallbackAPIVersion"):
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION1, "paho", protocol=mqtt.MQTTv5)
    else:
        client = mqtt.Client("paho", protocol=mqtt.MQTTv5)
    client.max_inflight_messages_set(window)
    client.max_queued_messages_set(0)
    client.on_connect = on_connect
    client.on_publish = on_publish
    client.connect("127.0.0.1", port)
    client.loop_start()
    connected.wait()
    start, cpu = time.monotonic(), time.process_time()
    for index in range(count):
        client.publish(topic, lines[index % len(lines)], 1)
    done.wait()
    print(time.monotonic() - start, time.process_time() - cpu)
    client.disconnect()
    client.loop_stop()


main()
