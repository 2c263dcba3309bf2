@testable import Configuration

/// Mistakes and what is said of them, in the format of `cases(_:)`.
enum OverloadMistakes {
  /// In `overload:`, at 4:11, as a flow map.
  static let overload = #"""
    > {}

    > {levels: [40, 60, 80], margin: 40, recovery: 10 s, slow: 1, widen: 10, alarm_reserve: 25}

    > []
    ! 4:11: error: 'overload' is a list; expected a map; write

    > {level: [40, 60, 80]}
    ! 4:12: error: unknown key 'level' in 'overload'; expected levels, margin, recovery, slow,
    ~ widen, alarm_reserve; did you mean 'levels'?

    > {levels: 50}
    ! 4:20: error: 'levels' is '50'; expected a list; write it as [50, 75, 90]

    > {levels: [50, 75]}
    ! 4:20: error: 'levels' has 2 entries; expected three, in percent; write for

    > {levels: [50, 75, 90, 99]}
    ! 4:33: error: 'levels' has 4 entries; expected at most 3; remove

    > {levels: [50, 50, 90]}
    ! 4:25: error: a level of 'levels' is '50'; expected more than the 50 before it; write

    > {levels: [50, 75, 101]}
    ! 4:29: error: a level of 'levels' is '101'; expected a whole number from 1 to 100; choose

    > {levels: [0, 75%, 90]}
    ! 4:21: error: a level of 'levels' is '0'; expected a whole number from 1 to 100; choose
    ! 4:24: error: a level of 'levels' is '75%'; expected a whole number from 1 to 100; write

    > {margin: 0}
    ! 4:20: error: 'margin' is '0'; expected a whole number from 1 to 99; choose

    > {margin: 51}
    ! 4:20: error: the margin of 51 is more than the first of 'levels', 50; expected no more,

    > {levels: [10, 75, 90]}
    ! 4:20: error: the margin of 20 is more than the first of 'levels', 10; expected no more,

    > {recovery: 5}
    ! 4:22: error: 'recovery' is '5'; expected a duration with its unit, 100 ms to 1 h; write

    > {recovery: 10 ms}
    ! 4:22: error: 'recovery' is '10 ms'; expected 100 ms to 1 h; choose

    > {slow: 0}
    ! 4:18: error: 'slow' is '0'; expected a whole number from 1 to 10; choose

    > {slow: 1.5, widen: 11}
    ! 4:18: error: 'slow' is '1.5'; expected a whole number from 1 to 10; write
    ! 4:30: error: 'widen' is '11'; expected a whole number from 1 to 10; choose

    > {alarm_reserve: 51}
    ! 4:27: error: 'alarm_reserve' is '51'; expected a whole number from 1 to 50; choose
    """#

  /// In `sensing:`, at 4:10, as a flow map.
  static let sensing = #"""
    > {}

    > {realtime: 98, cpus: [1, 0, 1023]}

    > {realtime: 99}
    ! 4:21: error: 'realtime' is '99'; expected a whole number from 1 to 98; choose

    > {realtime: yes}
    ! 4:21: error: 'realtime' is 'yes'; expected a whole number from 1 to 98; write

    > {cpus: 1}
    ! 4:17: error: 'cpus' is '1'; expected a list; write it as [1] or [2, 3]

    > {cpus: []}
    ! 4:17: error: 'cpus' is an empty list; expected at least one processor; write

    > {cpus: [1024, a]}
    ! 4:18: error: a number in 'cpus' is '1024'; expected a whole number from 0 to 1023; choose
    ! 4:24: error: a number in 'cpus' is 'a'; expected a whole number from 0 to 1023; write

    > {cpu: [1]}
    ! 4:11: error: unknown key 'cpu' in 'sensing'; expected realtime, cpus; did you mean 'cpus'?
    """#
}
