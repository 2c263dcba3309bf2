import Configuration
import Journal

extension JournalConfiguration {
  /// How a journal of this size is divided. The limits of the configuration are those of a
  /// geometry.
  var geometry: Geometry {
    guard
      let geometry = Geometry(
        byteCount: byteCount + Geometry.dataOffset, alarmShare: Int(alarmShare))
    else { preconditionFailure("the configuration allows a journal that can't be") }
    return geometry
  }
}

extension JournalSettings {
  init(_ configuration: JournalConfiguration) {
    self.init()
    telemetryRetention = Retention(configuration.full)
    alarmRetention = Retention(configuration.alarmsFull)
    commit.delay = configuration.commitDelay
    isDelta = configuration.isDelta
  }
}

extension Retention {
  fileprivate init(_ full: JournalFull) {
    switch full {
    case .dropOldest: self = .dropOldest
    case .stop: self = .stopAccepting
    case .thin: self = .thin
    }
  }
}
