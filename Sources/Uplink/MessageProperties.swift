import CMosquitto

/// The MQTT 5 properties of one message, made for it and freed after it.
@safe struct MessageProperties: ~Copyable {
  /// Of events (RFC 8428), and of events that are one zstd frame (RFC 8878).
  static var contentType: StaticString { "application/senml+json" }
  static var compressedContentType: StaticString { "application/senml+json+zstd" }

  private(set) var list: OpaquePointer?

  deinit {
    var list = unsafe list
    // Safe: the list is ours; libmosquitto copied what it needed.
    unsafe mosquitto_property_free_all(&list)
  }

  init() {}

  /// Only a content type.
  init(contentType: StaticString) { addContentType(contentType) }

  /// What every event carries: its content type, and the user properties `device`, `epoch` and
  /// `seq`. Without memory for one of them the message goes without it: the payload says the same.
  init(
    device: [CChar], epoch: [CChar], sequence: borrowing ByteBuffer, isCompressed: Bool = false
  ) {
    addContentType(isCompressed ? Self.compressedContentType : Self.contentType)
    add("device", device)
    add("epoch", epoch)
    add("seq", sequence)
  }

  /// What an event carries that is sent behind later ones, after an outage.
  mutating func addHistorical() {
    // Safe: literals are terminated, and libmosquitto copies them.
    let one: [CChar] = [CChar(bitPattern: UInt8(ascii: "1")), 0]
    add("historical", one)
  }

  /// What a traced event carries, too.
  mutating func add(_ trace: borrowing TraceEncoder) {
    add("traceparent", trace.parent)
    add("hops", trace.hops)
  }

  /// So many seconds the broker keeps the message for those who are away (MQTT 5, 3.3.2.3.3).
  mutating func addExpiry(seconds: UInt32) {
    // Safe: the list is ours. Without memory the message goes without it.
    _ = unsafe mosquitto_property_add_int32(
      &list, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL.number, seconds)
  }

  /// Adds the number that stands for the topic. Returns how the topic is sent then: whole where
  /// there are no other properties, or no memory.
  func add(_ use: TopicAliases.Use) -> TopicAliases.Use {
    let number: UInt16
    switch use {
    case .whole: return .whole
    case .introduced(let new): number = new
    case .known(let known): number = known
    }
    // The first of a list would be another list, which nobody freed.
    guard var list = unsafe list else { return .whole }
    // Safe: it is appended to our list, which is freed as a whole.
    let isAdded = unsafe withUnsafeMutablePointer(to: &list) {
      unsafe $0.withMemoryRebound(to: OpaquePointer?.self, capacity: 1) {
        unsafe mosquitto_property_add_int16($0, MQTT_PROP_TOPIC_ALIAS.number, number) == 0
      }
    }
    return isAdded ? use : .whole
  }

  private mutating func add(_ name: StaticString, _ value: borrowing ByteBuffer) {
    // Safe: the name and value are terminated, and libmosquitto copies them.
    unsafe value.withBytes { bytes in
      unsafe bytes.withMemoryRebound(to: CChar.self) { unsafe add(name, $0) }
    }
  }

  private mutating func addContentType(_ type: StaticString) {
    // Safe: a literal is terminated, and libmosquitto copies it.
    type.withUTF8Buffer { type in
      unsafe type.withMemoryRebound(to: CChar.self) {
        _ = unsafe mosquitto_property_add_string(
          &list, MQTT_PROP_CONTENT_TYPE.number, $0.baseAddress)
      }
    }
  }

  private mutating func add(_ name: StaticString, _ value: [CChar]) {
    // Safe: the array outlives the call.
    unsafe value.withUnsafeBufferPointer { unsafe add(name, $0) }
  }

  private mutating func add(_ name: StaticString, _ value: UnsafeBufferPointer<CChar>) {
    precondition(unsafe value.last == 0)
    // Safe: a literal is terminated, and so is the value.
    name.withUTF8Buffer { name in
      unsafe name.withMemoryRebound(to: CChar.self) {
        _ = unsafe mosquitto_property_add_string_pair(
          &list, MQTT_PROP_USER_PROPERTY.number, $0.baseAddress, value.baseAddress)
      }
    }
  }
}

extension mqtt5_property {
  /// As libmosquitto's functions take it.
  var number: Int32 { Int32(rawValue) }
}
