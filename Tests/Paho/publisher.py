"""The usual way in Python to publish readings, as it stands in many gateways: paho-mqtt with a
queue in memory; published when connected, else put into the queue, which is emptied on connecting.

publisher.py PORT NAME QOS RATE FIRST COUNT START
    publishes the numbers FIRST ..< COUNT on usual/NAME, number n at START + n / RATE seconds of
    CLOCK_MONOTONIC. Ends when the last has been given to paho, the queue is empty, and two seconds
    have passed.

Whether it is connected the callbacks say: after a connection was lost paho 1.6.1's own
is_connected() says yes until it tries again, and what is published then at QoS 0 is gone.
"""

import collections
import sys
import threading
import time

import paho.mqtt.client as mqtt


def main():
    port, name, qos = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    rate, first, count = float(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6])
    start = float(sys.argv[7])
    queue = collections.deque()
    lock = threading.Lock()
    topic = "usual/" + name

    connected = threading.Event()

    def on_connect(client, userdata, flags, code):
        with lock:
            connected.set()
            while queue:
                client.publish(topic, queue.popleft(), qos)

    def on_disconnect(client, userdata, code):
        connected.clear()

    client = mqtt.Client(name)
    client.on_connect = on_connect
    client.on_disconnect = on_disconnect
    client.reconnect_delay_set(1, 1)
    client.connect_async("127.0.0.1", port, keepalive=5)
    client.loop_start()
    for number in range(first, count):
        pause = start + number / rate - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        with lock:
            if connected.is_set():
                client.publish(topic, str(number), qos)
            else:
                queue.append(str(number))
    end = time.monotonic() + 20
    while time.monotonic() < end and (queue or not connected.is_set()):
        time.sleep(0.05)
    time.sleep(2)
    client.loop_stop()
    client.disconnect()


main()
