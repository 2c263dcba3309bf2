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
    ~ commit, delta, encryption; did you mean 'size'?

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

    > {encryption: {key: credential:journal-key, old_keys: [credential:a]}}

    > {encryption: {old_keys: [credential:a]}}

    > {encryption: {key: /nowhere/journal.key}}
    ! 4:29: warning: '/nowhere/journal.key' cannot be read: No such file or directory; expected the

    > {encryption: {key: /dev/null}}
    ! 4:29: warning: '/dev/null' cannot be read: Invalid argument; expected the journal's key;

    > {encryption: {key: journal.key}, commit: 7 s}
    ! 4:29: error: 'key' is 'journal.key'; expected an absolute path; begin it with '/',

    > {encryption: {key: 'credential:../key'}, commit: 7 s}
    ! 4:29: error: 'key' is 'credential:../key'; expected the name of a credential: 1 to 64 of

    > {encryption: {}, commit: 7 s}
    ! 4:23: error: 'journal.encryption' has neither 'key:' nor 'old_keys:'; expected a key; write

    > {encryption: true, commit: 7 s}
    ! 4:23: error: 'journal.encryption' is 'true'; expected a map; write

    > {encryption: {keys: [], key: credential:a}, commit: 7 s}
    ! 4:24: error: unknown key 'keys' in 'journal.encryption'; expected key, old_keys; did you mean

    > {encryption: {key: credential:a, old_keys: credential:b}, commit: 7 s}
    ! 4:53: error: 'old_keys' is 'credential:b'; expected a list; write it as [/etc/weir/journal-1
    """#
}
