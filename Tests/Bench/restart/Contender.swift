import Beats

/// Who takes part: each supervises `bench_task_count` tasks that do the same.
enum Contender: Int {
  case weir
  /// A supervisor of 40 lines of C, whose tasks are programs, as those of all but Weir.
  case smallest
  /// The same with tasks that are only forked, as Weir's are: the physical limit.
  case smallestForking
  case runit
  /// The service's run program is the task itself, and not a shell script that becomes it.
  case runitDirect
  case s6
  case s6Direct
  case supervisord
  case monit

  static var all: [Contender] {
    [
      .weir, .smallest, .smallestForking, .runit, .runitDirect, .s6, .s6Direct, .supervisord,
      .monit,
    ]
  }

  var title: String {
    switch self {
    case .weir: "weir"
    case .smallest: "40 lines of C, fork and exec"
    case .smallestForking: "40 lines of C, fork only"
    case .runit: "runit"
    case .runitDirect: "runit, run without a shell"
    case .s6: "s6"
    case .s6Direct: "s6, run without a shell"
    case .supervisord: "supervisord"
    case .monit: "monit, cycles of 1 s"
    }
  }

  /// The name of its folder and its log.
  var name: String {
    switch self {
    case .weir: "weir"
    case .smallest: "smallest"
    case .smallestForking: "smallest-forking"
    case .runit: "runit"
    case .runitDirect: "runit-direct"
    case .s6: "s6"
    case .s6Direct: "s6-direct"
    case .supervisord: "supervisord"
    case .monit: "monit"
    }
  }

  /// Those that take a second or more have their turn only in every tenth round.
  var isSlow: Bool {
    switch self {
    case .weir, .smallest, .smallestForking, .runit, .runitDirect: false
    case .s6, .s6Direct, .supervisord, .monit: true
    }
  }

  func place(_ task: Int) -> Int32 { Int32(rawValue) * Int32(bench_task_count) + Int32(task) }
}
