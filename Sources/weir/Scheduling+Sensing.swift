import Configuration
import Linux
import Supervision

extension Scheduling {
  /// How the sense tasks get the processor. Called in the supervisor, before it starts them: where
  /// it can't stand above them, they are ordinary tasks.
  static func sensing(_ settings: SensingSettings) -> Scheduling {
    var scheduling = Scheduling(realtimePriority: settings.realtime, cpus: settings.cpus)
    if !scheduling.standAbove() { scheduling.realtimePriority = 0 }
    return scheduling
  }
}
