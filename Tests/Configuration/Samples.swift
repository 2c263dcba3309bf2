@testable import Configuration

/// Good files, from which the tests make bad ones.
enum Samples {
  static let board: Board = {
    let result = readBoard(Array(boardText.utf8), name: "board.yaml")
    precondition(result.problems.isEmpty, result.problems[0].text)
    return result.board!
  }()

  static let boardText = """
    board: rpi-3b
    summary: Raspberry Pi 3 Model B
    console: {device: ttyS1, baud: 115200}
    network: {interface: eth0}
    watchdog: {device: /dev/watchdog0}
    thermal: {zone: cpu-thermal}
    buses:
      i2c-1: {device: /dev/i2c-1}
      i2c-sim: {simulated: [{model: tmp105, address: 0x48}, {model: dps310, address: 0x77}]}
    gpio:
      header:
        label: pinctrl-bcm2835
        lines: 54
        names: {GPIO17: 17, pin11: 17, GPIO22: 22, GPIO27: 27}
      extra: {lines: 8, names: {GPIO17: 1, X2: 2}, simulated: [{line: 0, hertz: 2.5}]}
    modules: [i2c-bcm2835, i2c-dev]
    seed: 7
    image:
      config: |
        enable_uart=1
      anything: [1, 2]
    emulation: {machine: raspi3b}
    """

  static let gateway = """
    # Every key there is.
    device: boiler-room-7
    board: rpi-3b
    state: /var/lib/weir-7
    network:
      hostname: boiler-7
      interface: eth1
      address: 192.0.2.7/24
      gateway: 192.0.2.1
      dns: [192.0.2.1, 192.0.2.2]
      ntp: [192.0.2.1, pool.ntp.org]
    uplink:
      broker: mqtts://broker.example:8884
      version: 3.1.1
      client: b7
      user: plant
      password: 's: #ecret'
      ca: /boot/ca.pem
      certificate: /boot/certificate.pem
      key: /boot/key.pem
      topic: plant/{device}/{channel}
      status_topic: plant/{device}
      window: 10
      keepalive: 60 s
      buffer: 1024
      retry_max: 5 min
      log: off
      trace: false
      backfill: 500
      batch: {events: 64, size: 16 KB, age: 500 ms}
      compression: none
    journal:
      {size: 16 MiB, alarm_share: 20, full: thin, alarms_full: stop, commit: 1 s, delta: false}
    sensors:
      boiler:
        driver: tmp105
        bus: i2c-1
        address: 0x48
        every: 1 s
        temperature:
          channel: boiler.temp
          unit: Cel
          stages:
            - scale: {factor: 1.5, offset: -0.5}
            - median: 5
            - smooth: 10 s
            - deadband: {delta: 0.1, silence: 60 s}
            - window: 10 s
            - alarm: {above: 80, hysteresis: 2, hold: 5 s}
            - alarm: {below: -4.25}
      room:
        driver: dps310
        bus: i2c-1
        address: 0x77
        every: 1.5 s
        oversampling: 16
        priority: low
        pressure: {}
        temperature: {}
      soc: {driver: thermal, every: 10 s, temperature: {}}
    lines:
      flow:
        line: header/GPIO17
        mode: counter
        every: 1 s
        edge: falling
        pull: up
        active: low
        debounce: 5 ms
        priority: high
        unit: 1/s
        stages: []
      door: {line: GPIO22, mode: level, every: 250ms, active: high}
      key: {line: header/27, mode: edges, edge: both, pull: none, channel: key}
    supervision:
      deadline: 1 s
      restarts: 5
      within: 1 min
      pause: 50 ms
      pause_max: 5 s
      forgive: 2 s
    overload:
      levels: [40, 60, 80]
      margin: 15
      recovery: 10 s
      slow: 3
      widen: 4
      alarm_reserve: 10
    sensing: {realtime: 20, cpus: [1, 3]}
    """
}
