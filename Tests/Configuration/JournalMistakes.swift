@testable import Configuration

/// Mistakes and what is said of them, in the format of `cases(_:)`.
enum JournalMistakes {
  /// In `journal:`, at 4:10, as a flow map.
  static let journal = #"""
    > {}

    > {size: 1 MB, alarm_share: 90, full: thin, alarms_full: stop, commit: 0 s, delta: true}

    > {size: 16GiB, commit: 1 min}

    > []
    ! 4:10: error: 'journal' is a list; expected a map; write

    > {sise: 64 MB, commit: 7 s}
    ! 4:11: error: unknown key 'sise' in 'journal'; expected size, alarm_share, full, alarms_full,
    ~ commit, delta; did you mean 'size'?

    > {size: 64, commit: 7 s}
    ! 4:17: error: 'size' is '64'; expected a size from 1 MB to 16 GiB, with its unit: kB, MB, GB,
    ~ KiB, MiB, GiB; write for example 64 MB

    > {size: MB, commit: 7 s}
    ! 4:17: error: 'size' is 'MB'; expected a size from 1 MB to 16 GiB; write for example 64 MB

    > {size: 17 GiB, commit: 7 s}
    ! 4:17: error: 'size' is '17 GiB'; expected a size from 1 MB to 16 GiB; choose

    > {size: 900 kB, commit: 7 s}
    ! 4:17: error: 'size' is '900 kB'; expected a size from 1 MB to 16 GiB; choose

    > {size: 9223372036854775807 GiB}
    ! 4:17: error: 'size' is '9223372036854775807 GiB'; expected a size from 1 MB to 16 GiB; choose

    > {size: 64 mb}
    ! 4:17: error: 'size' is '64 mb'; expected a size from 1 MB to 16 GiB, with its unit: kB, MB,
    ~ GB, KiB, MiB, GiB; write for example 64 MB

    > {alarm_share: 91, commit: 7 s}
    ! 4:24: error: 'alarm_share' is '91'; expected a whole number from 1 to 90; choose

    > {full: drop, commit: 7 s}
    ! 4:17: error: 'full' is 'drop'; expected one of drop_oldest, stop, thin;

    > {commit: 2 min}
    ! 4:19: error: 'commit' is '2 min'; expected 0 ns to 1 min; choose

    > {delta: maybe, commit: 7 s}
    ! 4:18: error: 'delta' is 'maybe'; expected one of true, false; choose one of them
    """#
}
