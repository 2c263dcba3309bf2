import Linux

/// What the broker is told of a boot, retained: why it became necessary, and how it goes on.
///
/// `{"device":"plant7","epoch":18,"version":"1.0","cause":"watchdog","detail":"task uplink: …",
/// "uptime":318,"unclean":2,"safe_mode":false}`
///
/// | key | meaning |
/// | --- | --- |
/// | `cause` | `first`, `restart`, `power-off`, `watchdog`, `failure` or `unknown` |
/// | `detail` | why the supervisor gave up, in words; left out when it did not |
/// | `last_crash` | the last crash of the boot before, in words; left out when there was none |
/// | `uptime` | seconds that the boot before was up at least; left out when nobody knows |
/// | `unclean` | boots in a row before this one that did not stay up |
/// | `safe_mode` | whether this boot runs without sensors and lines |
public struct BootNotice: Sendable {
  public var cause: StaticString
  public var detail: String
  public var lastCrash = ""
  public var uptimeSeconds: UInt64?
  public var uncleanCount: UInt64
  public var isSafe: Bool

  public init(
    cause: StaticString, detail: String, uptimeSeconds: UInt64?, uncleanCount: UInt64, isSafe: Bool
  ) {
    self.cause = cause
    self.detail = detail
    self.uptimeSeconds = uptimeSeconds
    self.uncleanCount = uncleanCount
    self.isSafe = isSafe
  }

  func payload(device: String, epoch: UInt64, version: String) -> [UInt8] {
    var payload = Array("{\"device\":".utf8) + jsonString(device)
    payload += Array(",\"epoch\":\(epoch),\"version\":".utf8) + jsonString(version)
    payload += Array(",\"cause\":".utf8) + jsonString(cause.description)
    if !detail.isEmpty { payload += Array(",\"detail\":".utf8) + jsonString(detail) }
    if !lastCrash.isEmpty {
      payload += Array(",\"last_crash\":".utf8) + jsonString(lastCrash)
    }
    if let uptimeSeconds { payload += Array(",\"uptime\":\(uptimeSeconds)".utf8) }
    return payload + Array(",\"unclean\":\(uncleanCount),\"safe_mode\":\(isSafe)}".utf8)
  }
}

extension Uplink {
  /// Tells the broker of this boot, in every session: it is retained, and a broker may be new.
  mutating func publishBoot(_ now: Int64) {
    guard let boot = context.boot, phase == .open else { return }
    let payload = boot.payload(
      device: context.device, epoch: context.epoch, version: context.version)
    switch session?.publishStatus(payload, topic: topics.boot) {
    case .failed(let fault)?: fail(fault, now)
    case .impossible?:
      Log.warning("the broker does not take the boot message: check uplink.status_topic")
    case .sent?, nil: break
    }
  }
}
