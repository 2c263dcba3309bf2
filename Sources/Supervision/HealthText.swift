import Linux
import Ring

/// A reason in words for people: `missed its deadline in step 17`. Empty where there is nothing to
/// add to the state. `title` names the task at a place of the task table.
public func healthText(_ health: Health, title: (Int) -> String) -> String {
  let number = health.number
  switch health.reason {
  case .none: return ""
  case .waitsForAnother: return "waits for " + title(Int(number))
  case .noSignOfLife: return "no sign of life yet"
  case .killed: return "killed by " + Linux.Signal.name(Int32(bitPattern: number))
  case .exited: return "exited with status \(Int32(bitPattern: number))"
  case .cannotStart:
    return "can't be started: " + Errno(rawValue: Int32(bitPattern: number)).text
  case .missedDeadline: return "missed its deadline in step \(number)"
  case .cannotBeKilled: return "can't be killed: the kernel holds it"
  case .diedTooOften: return "died too often (\(number) times)"
  case .restarted: return "was restarted a moment ago (\(number) in a row)"
  case .condition:
    let text = health.condition.text.description
    return number > 0 ? text + " (\(number))" : text
  case .unknown: return "for a reason that this program does not know"
  }
}

/// The health of the whole: the worst of its parts.
public func overallHealth(_ states: some Sequence<HealthState>) -> HealthState {
  var worst = HealthState.healthy
  for state in states where severity(state) > severity(worst) { worst = state }
  return worst
}

private func severity(_ state: HealthState) -> Int {
  switch state {
  case .healthy: 0
  case .starting: 1
  case .degraded: 2
  case .stalled: 3
  case .failed: 4
  }
}

/// What the supervisor tells whoever connects to its socket. The supervisor reads nothing.
///
/// | line | fields, separated by tabs |
/// | --- | --- |
/// | first | `weir-health`, version 1, state of the whole, number of tasks |
/// | one a task | title, state, reason in words, process (0: none), starts, deaths, ms in this state |
///
/// Every line ends with a line feed; a text without the last line was cut off.
enum HealthReport {
  static let version = 1

  static func bytes(_ tasks: [TaskStatus], now: Int64) -> [UInt8] {
    let overall = overallHealth(tasks.map { $0.health.state })
    var text = "weir-health\t\(version)\t\(overall.name.description)\t\(tasks.count)\n"
    for task in tasks {
      let reason = healthText(task.health) { tasks.indices.contains($0) ? tasks[$0].title : "?" }
      let age = max(0, now - task.healthTime) / 1_000_000
      text += "\(task.title)\t\(task.health.state.name.description)\t\(reason)\t"
      text += "\(task.process?.number ?? 0)\t\(task.generation)\t\(task.deathCount)\t\(age)\n"
    }
    return Array(text.utf8)
  }
}
