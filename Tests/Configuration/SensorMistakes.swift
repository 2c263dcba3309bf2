@testable import Configuration

/// Mistakes and what is said of them, in the format of `cases(_:)`.
enum SensorMistakes {
  /// From line 4 on.
  static let sensors = #"""
    > sensors:
    >   t: {driver: tmp105, bus: i2c-1, address: 0x48, every: 1 s, temperature: {}}

    > sensors: [1]
    ! 4:10: error: 'sensors' is a list; expected a map; write

    > sensors: 5
    ! 4:10: error: 'sensors' is '5'; expected a map; write

    > sensors:
    >   t: 5
    ! 5:6: error: 'sensors.t' is '5'; expected a map; write

    > sensors:
    >   'a b': {driver: tmp105, bus: i2c-1, address: 0x48, every: 1 s, temperature: {}}
    ! 5:3: error: the sensor's name is 'a b'; expected 1 to 64 of A-Z a-z 0-9 - _ .; write

    > sensors:
    >   t: {bus: i2c-1, address: 0x48, every: 1 s, temperature: {}}
    ! 5:3: error: 'sensors.t' has no 'driver:'; expected one; write for example 'driver: tmp105'

    > sensors:
    >   t: {driver: tmp1O5, bus: i2c-9, address: 72, every: 1, temperature: {unit: Bq}}
    ! 5:15: error: 'driver' is 'tmp1O5'; expected one of tmp105, lm75, dps310, thermal; did you
    ~ mean 'tmp105'?
    ! 5:28: error: the board 'rpi-3b' has no bus 'i2c-9'; expected one of i2c-1, i2c-sim; did
    ~ you mean 'i2c-1'?
    ! 5:55: error: 'every' is '1'; expected a duration with its unit, 1 ms to 1 d; write for
    ~ example 1 ms or 1 s
    ! 5:78: error: 'unit' is 'Bq', but the sensor gives Cel and no stage converts it; expected
    ~ Cel; correct it, or add a 'scale' to 'stages'

    > sensors:
    >   t: {driver: [], bus: {}, address: [], every: {}, temperature: {}}
    ! 5:15: error: 'driver' is a list; expected one of
    ! 5:24: error: 'bus' is a map; expected
    ! 5:48: error: 'every' is a map; expected a duration, 1 ms to 1 d; write for example 10 s

    > sensors:
    >   t: {driver: tmp105, temperature: {}}
    ! 5:3: error: 'sensors.t' has no 'every:'; expected one; write for example 'every: 1 s'
    ! 5:3: error: 'sensors.t' has no 'bus:'; expected one; write for example 'bus: i2c-1'
    ! 5:3: error: 'sensors.t' has no 'address:'; expected one; write for example 'address: 0x48'

    > sensors:
    >   t: {driver: tmp105, bus: i2c-1, address: 0x80, every: 1 s, temperature: {}}
    ! 5:44: error: 'address' is '0x80'; expected 0x48 to 0x4F, which is what a tmp105 can have;
    ~ look it up on the sensor's board

    > sensors:
    >   t: {driver: dps310, bus: i2c-1, address: 76, every: 1 s, pressure: {}}
    ! 5:44: error: 'address' is '76'; expected 0x76 to 0x77, which is what a dps310 can have;
    ~ did you mean 0x76?

    > sensors:
    >   t: {driver: tmp105, bus: i2c-1, address: 0x4G, every: 1 s, temperature: {}}
    ! 5:44: error: 'address' is '0x4G'; expected an I2C address, 0x48 to 0x4F for tmp105; write

    > sensors:
    >   t: {driver: tmp105, bus: i2c-1, address: -1, every: 1 s, temperature: {}}
    ! 5:44: error: 'address' is '-1'; expected 0x48 to 0x4F, which is what a tmp105 can have

    > sensors:
    >   a: {driver: tmp105, bus: i2c-1, address: 0x48, every: 1 s, temperature: {}}
    >   b: {driver: tmp105, bus: i2c-1, address: 0x48, every: 1 s, temperature: {}}
    ! 6:44: error: the address 0x48 of 'i2c-1' is taken on line 5; expected one sensor at an
    ~ address; change one of them

    > sensors:
    >   t: {driver: tmp105, bus: i2c-1, address: 0x48, every: 1 s}
    ! 5:3: error: 'sensors.t' has no quantity; expected at least one of temperature, pressure

    > sensors:
    >   t: {driver: tmp105, bus: i2c-1, address: 0x48, every: 1 s, temperature: {}, pressure: {}}
    ! 5:89: error: a tmp105 measures no pressure; expected temperature; remove 'pressure'

    > sensors:
    >   t: {driver: thermal, bus: i2c-1, every: 1 s, temperature: {}, address: 0x48}
    ! 5:29: error: the driver 'thermal' has no 'bus'; expected none
    ! 5:74: error: the driver 'thermal' has no 'address'; expected none

    > sensors:
    >   t: {driver: tmp105, bus: i2c-1, address: 0x48, every: 1 s, temperature: {}, oversampling: 2}
    ! 5:93: error: the driver 'tmp105' has no 'oversampling'; expected it for dps310 only; remove

    > sensors:
    >   t: {driver: tmp105, bus: i2c-1, address: 0x48, every: 1 s, temperature: {}, priority: lo}
    ! 5:89: error: 'priority' is 'lo'; expected one of low, normal, high; did you mean 'low'?

    > sensors:
    >   t: {driver: tmp105, bus: i2c-1, address: 0x48, every: 1 s, temperature: {}, evry: 2}
    ! 5:79: error: unknown key 'evry' in 'sensors.t'; expected driver, bus, address, every,
    ~ oversampling, priority, temperature, pressure; did you mean 'every'?

    > sensors:
    >   t: {driver: tmp105, bus: i2c-1, address: 0x48, every: 1 s, temperature: {}, humidity: {}}
    ! 5:79: error: unknown key 'humidity' in 'sensors.t'; expected driver, bus, address, every,
    ~ oversampling, priority, temperature, pressure; remove or rename it

    > sensors:
    >   t: {driver: tmp105, bus: i2c-1, address: 0x48, every: 1 s, temperature: {}, <<: {}}
    ! 5:79: error: merge keys ('<<') are not supported; expected plain keys; write them out

    > sensors:
    >   t: {driver: tmp105, bus: i2c-1, address: 0x48, every: 1 s, temperature: {}, every: 2 s}
    ! 5:79: error: the key 'every' is here twice (first on line 5); expected it once; remove
    """#

  /// In the map of a sensor, at 5:7.
  static let periods = #"""
    > every: 1000
    ! 5:14: error: 'every' is '1000'; expected a duration with its unit, 1 ms to 1 d; write for
    ~ example 1000 ms or 1000 s

    > every: 5 V
    ! 5:14: error: 'every' is '5 V'; expected a unit of time: us, ms, s, min, h, d; write

    > every: 5 sec
    ! 5:14: error: 'every' is '5 sec'; expected a unit of time: us, ms, s, min, h, d; did you
    ~ mean 's'?

    > every: 1 S
    ! 5:14: error: 'every' is '1 S'; expected a unit of time: us, ms, s, min, h, d; did you mean
    ~ 's'?

    > every: soon
    ! 5:14: error: 'every' is 'soon'; expected a duration, 1 ms to 1 d; write

    > every: -1 s
    ! 5:14: error: 'every' is '-1 s'; expected a duration, 1 ms to 1 d; write

    > every: 0 s
    ! 5:14: error: 'every' is '0 s'; expected 1 ms to 1 d; choose

    > every: 999 us
    ! 5:14: error: 'every' is '999 us'; expected 1 ms to 1 d; choose

    > every: 25 h
    ! 5:14: error: 'every' is '25 h'; expected 1 ms to 1 d; choose

    > every: 99999999999999999999 s
    ! 5:14: error: 'every' is '99999999999999999999 s'; expected 1 ms to 1 d, in whole
    ~ nanoseconds; shorten it

    > every: 1.0000000001 s
    ! 5:14: error: 'every' is '1.0000000001 s'; expected 1 ms to 1 d, in whole

    > every: ~
    ! 5:14: error: 'every' is empty; expected a duration, 1 ms to 1 d; write for example 10 s

    > every: .nan s
    ! 5:14: error: 'every' is '.nan s'; expected a duration
    """#

  /// In a list of stages, at 6:14.
  static let stages = #"""
    >

    > median: 5

    > median: 3

    > median: 31

    > median: 1
    ! 6:23: error: 'median' is '1'; expected a whole number from 3 to 31; choose

    > median: 33
    ! 6:23: error: 'median' is '33'; expected a whole number from 3 to 31; choose

    > median: 4
    ! 6:23: error: 'median' is '4'; expected an odd number from 3 to 31; write 3 or

    > median: 5 s
    ! 6:23: error: 'median' is '5 s'; expected a whole number from 3 to 31; write

    > 5
    ! 6:15: error: this stage is '5'; expected one of scale, median, smooth, deadband

    > {median: 5, smooth: 1 s}
    ! 6:15: error: this stage is a map; expected one of scale

    > meridian: 5
    ! 6:15: error: the stage is 'meridian'; expected one of

    > median : 5, mean: 3
    ! 6:27: error: the stage is 'mean'; expected one of

    > smooth: 10
    ! 6:23: error: 'smooth' is '10'; expected a duration with its unit

    > window: 1 s

    > window: 2 d
    ! 6:23: error: 'window' is '2 d'; expected 1 ms to 1 d

    > window: 10 ms
    ! 6:15: warning: the window of 10 ms is shorter than the period of 1 s

    > scale: {factor: 2}

    > scale: {offset: -2e-3}

    > scale: {factor: 0}
    ! 6:31: error: 'factor' is 0, which makes every value the same

    > scale: {}
    ! 6:22: error: 'scale' has neither 'factor' nor 'offset'; expected one or both

    > scale: 2
    ! 6:22: error: 'scale' is '2'; expected a map; write

    > scale: {factor: .nan}
    ! 6:31: error: 'factor' is '.nan'; expected a finite number; write

    > scale: {factor: -inf}
    ! 6:31: error: 'factor' is '-inf'; expected a finite number; write

    > scale: {factor: 1e999}
    ! 6:31: error: 'factor' is '1e999'; expected a finite number; write

    > scale: {factor: 0x10}
    ! 6:31: error: 'factor' is '0x10'; expected a number; write

    > scale: {factor: '1,5'}
    ! 6:31: error: 'factor' is '1,5'; expected a number; write the fr

    > scale: {factor: 2 V}
    ! 6:31: error: 'factor' is '2 V'; expected a number; write for ex

    > deadband: {delta: 0, silence: 1 s}

    > deadband: {delta: -1, silence: 1 s}
    ! 6:33: error: 'delta' is '-1'; expected zero or more; remove the minus sign

    > deadband: {delta: 1}
    ! 6:25: error: 'deadband' has no 'silence'; expected both; write

    > deadband: {silence: 1 s}
    ! 6:25: error: 'deadband' has no 'delta'; expected both; write

    > alarm: {above: 1, below: 2}
    ! 6:22: error: 'alarm' has both 'above' and 'below'; expected

    > alarm: {hold: 1 s}
    ! 6:22: error: 'alarm' has neither 'above' nor 'below'; expected one

    > alarm: {above: 1, hysteresis: -1}
    ! 6:45: error: 'hysteresis' is '-1'; expected zero or more; remove

    > alarm: {below: 1, hold: 0 s, hysteresis: 0}

    > alarm: {below: 1, hold: 5}
    ! 6:39: error: 'hold' is '5'; expected a duration with its un

    > alarm: {below: high}
    ! 6:30: error: 'below' is 'high'; expected a number; write
    """#
}
