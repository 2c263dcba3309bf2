@testable import Configuration

/// Mistakes and what is said of them, in the format of `cases(_:)`.
enum SupervisionMistakes {
  /// In `supervision:`, at 4:14, as a flow map.
  static let supervision = #"""
    > {}

    > {deadline: 100 ms, restarts: 1000000, within: 1 d, pause: 1 ms, pause_max: 1 ms, forgive: 0 s}

    > []
    ! 4:14: error: 'supervision' is a list; expected a map; write

    > {dedline: 1 s, forgive: 7 s}
    ! 4:15: error: unknown key 'dedline' in 'supervision'; expected deadline, restarts, within,
    ~ pause, pause_max, forgive; did you mean 'deadline'?

    > {deadline: 99 ms, forgive: 7 s}
    ! 4:25: error: 'deadline' is '99 ms'; expected 100 ms to 1 min; choose

    > {deadline: 2}
    ! 4:25: error: 'deadline' is '2'; expected a duration with its unit

    > {restarts: 0, forgive: 7 s}
    ! 4:25: error: 'restarts' is '0'; expected a whole number from 1 to 1000000; choose

    > {pause: 2 s, pause_max: 1 s}
    ! 4:38: error: 'pause_max' is shorter than 'pause'; expected at least as much; correct the one

    > {pause: 20 s}
    ! 4:22: error: 'pause_max' is shorter than 'pause'; expected at least as much; correct the one
    """#
}
