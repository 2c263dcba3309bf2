import Configuration
import Linux

/// Everything that one session needs, prepared once from the configuration.
public struct SessionSettings {
  public var host: String
  public var port: UInt16
  public var usesTLS: Bool
  public var version: MQTTVersion
  public var clientIdentifier: String
  public var user: String
  public var password: String
  public var caFile: String
  public var certificateFile: String
  public var keyFile: String
  /// In seconds since 1970, where the clock is not trusted: certificates are judged by this time.
  var judgingTime: Int64?
  public var keepAliveSeconds: UInt16
  public var inFlightWindow: UInt16
  public var statusTopic: [CChar]
  /// Of the will: what the broker says of us when we are gone without a word.
  public var offlinePayload: [UInt8]
  public var onlinePayload: [UInt8]

  public init(
    _ settings: UplinkSettings, device: String, epoch: UInt64, version: String,
    statusTopic: [CChar]
  ) {
    host = settings.host
    port = settings.port
    usesTLS = settings.usesTLS
    self.version = settings.version
    clientIdentifier = settings.clientIdentifier.isEmpty ? device : settings.clientIdentifier
    user = settings.user
    password = settings.password
    caFile = settings.caFile
    certificateFile = settings.certificateFile
    keyFile = settings.keyFile
    // libmosquitto refuses 1 to 4 s; 0 means none.
    keepAliveSeconds =
      settings.keepAliveSeconds == 0 ? 0 : max(5, settings.keepAliveSeconds)
    inFlightWindow = min(max(settings.inFlightWindow, 1), Delivery.windowMax)
    self.statusTopic = statusTopic
    onlinePayload = statusPayload("online", device: device, epoch: epoch, version: version)
    offlinePayload = statusPayload("offline", device: device, epoch: epoch, version: version)
  }

  /// For messages to people.
  var place: String {
    let bytes = Array(host.utf8)
    let isIPv6 = bytes.contains(UInt8(ascii: ":"))
    return (isIPv6 ? "[" + host + "]" : host) + ":\(port)"
  }
}

/// Birth and will: `{"status":"online","device":"plant7","epoch":3,"version":"1.0"}`.
func statusPayload(_ status: String, device: String, epoch: UInt64, version: String) -> [UInt8] {
  Array("{\"status\":".utf8) + jsonString(status) + Array(",\"device\":".utf8) + jsonString(device)
    + Array(",\"epoch\":\(epoch),\"version\":".utf8) + jsonString(version) + Array("}".utf8)
}

/// Where the certificates of the system's authorities are. OpenSSL's own default is the folder it
/// was compiled for, which on a gateway without a distribution does not exist.
enum SystemAuthorities {
  static let folder = "/etc/ssl/certs"
  static let bundle = "/etc/ssl/certs/ca-certificates.crt"

  /// A folder with one file for each authority, named by hash, costs memory only for what is used;
  /// the bundle, which holds all of them, some hundred KiB.
  static func hasHashedFolder() -> Bool {
    do {
      for name in try System.list(folder) where Array(name.utf8).suffix(2).elementsEqual(".0".utf8)
      {
        return true
      }
      return false
    } catch {
      return false
    }
  }
}
