/// What a receiver asks for: the events of one boot again, from one number up to and with another.
///
/// ```json
/// {"id":"free text","epoch":7,"first":100,"last":180}
/// ```
///
/// It comes from the network, from whoever may publish on its topic: nothing but these four
/// members, each once, in any order, is a request.
struct RangeRequest: Equatable {
  /// A request is no longer, in bytes.
  static let byteCountMax = 512
  /// Nor is its `id`, in bytes of printable ASCII.
  static let identifierByteCountMax = 64
  /// How many numbers one request may span.
  static let numberCountMax: UInt64 = 100_000

  var id: [UInt8] = []
  var epoch: UInt64 = 0
  var first: UInt64 = 0
  var last: UInt64 = 0

  /// How many numbers it spans.
  var numberCount: UInt64 { last - first + 1 }

  /// What a payload says.
  enum Parsed: Equatable {
    case request(RangeRequest)
    /// Not a request, and why. What of it could be read is there, for the answer.
    case refused(RangeRequest, ReplayRefusal)
  }

  /// Reads a payload. Looks at each byte once.
  static func parse(_ payload: [UInt8]) -> Parsed {
    guard payload.count <= byteCountMax else { return .refused(RangeRequest(), .tooLong) }
    var scanner = RequestScanner(payload)
    if let reason = scanner.scan() { return .refused(scanner.request, reason) }
    let request = scanner.request
    if request.epoch == 0 { return .refused(request, .epoch) }
    if request.first > request.last { return .refused(request, .reversed) }
    // One less than the count, which may be larger than the largest number.
    if request.last - request.first >= numberCountMax { return .refused(request, .tooMany) }
    return .request(request)
  }
}

/// Why a request is refused.
enum ReplayRefusal: Equatable {
  case tooLong
  case notJSON
  case unknownMember
  case doubledMember
  case missingMember
  case identifier
  case number
  case epoch
  case reversed
  case tooMany
  case busy
  case tooOften
  case brokerRefuses

  var text: StaticString {
    switch self {
    case .tooLong: "longer than 512 bytes"
    case .notJSON: "not a JSON object of id, epoch, first and last"
    case .unknownMember: "a member that is none of id, epoch, first and last"
    case .doubledMember: "a member twice"
    case .missingMember: "id, epoch, first or last is missing"
    case .identifier: "id is not 1 to 64 bytes of printable ASCII"
    case .number: "epoch, first and last are whole numbers from 0 to 18446744073709551615"
    case .epoch: "epochs begin with 1"
    case .reversed: "last is before first"
    case .tooMany: "more than 100000 numbers"
    case .busy: "busy"
    case .tooOften: "too many requests"
    case .brokerRefuses: "the broker refuses the events"
    }
  }
}

/// Reads the one object of a request (RFC 8259), without recursion and in one pass.
private struct RequestScanner {
  private let bytes: [UInt8]
  private var index = 0
  var request = RangeRequest()
  private var hasID = false
  private var hasEpoch = false
  private var hasFirst = false
  private var hasLast = false

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Why it is no request, or nil.
  mutating func scan() -> ReplayRefusal? {
    guard takes(UInt8(ascii: "{")) else { return .notJSON }
    // Four members, and what follows the last one.
    for count in 0..<5 {
      if takes(UInt8(ascii: "}")) {
        guard isAtEnd else { return .notJSON }
        return hasID && hasEpoch && hasFirst && hasLast ? nil : .missingMember
      }
      if count > 0, !takes(UInt8(ascii: ",")) { return .notJSON }
      if let reason = member() { return reason }
    }
    return .notJSON
  }

  private mutating func member() -> ReplayRefusal? {
    skipSpace()
    guard let name = string(max: 8), takes(UInt8(ascii: ":")) else { return .notJSON }
    skipSpace()
    if name.elementsEqual("id".utf8) {
      if hasID { return .doubledMember }
      hasID = true
      guard let id = string(max: RangeRequest.identifierByteCountMax), !id.isEmpty else {
        return .identifier
      }
      request.id = id
      return nil
    }
    if name.elementsEqual("epoch".utf8) {
      if hasEpoch { return .doubledMember }
      hasEpoch = true
      return number { $0.epoch = $1 }
    }
    if name.elementsEqual("first".utf8) {
      if hasFirst { return .doubledMember }
      hasFirst = true
      return number { $0.first = $1 }
    }
    if name.elementsEqual("last".utf8) {
      if hasLast { return .doubledMember }
      hasLast = true
      return number { $0.last = $1 }
    }
    return .unknownMember
  }

  /// A whole number without sign, fraction, exponent or needless zeros.
  private mutating func number(
    _ store: (inout RangeRequest, UInt64) -> Void
  ) -> ReplayRefusal? {
    let start = index
    var value: UInt64 = 0
    while index < bytes.count, case UInt8(ascii: "0")...UInt8(ascii: "9") = bytes[index] {
      let (product, isTooLarge) = value.multipliedReportingOverflow(by: 10)
      let digit = UInt64(bytes[index] - UInt8(ascii: "0"))
      let (sum, isLarger) = product.addingReportingOverflow(digit)
      if isTooLarge || isLarger { return .number }
      value = sum
      index += 1
    }
    guard index > start, index == start + 1 || bytes[start] != UInt8(ascii: "0") else {
      return .number
    }
    // What follows a number of JSON that is not such a one: 1.5, 1e9.
    if index < bytes.count, bytes[index] == UInt8(ascii: ".") || bytes[index] | 32 == 101 {
      return .number
    }
    store(&request, value)
    return nil
  }

  /// Printable ASCII between quotation marks; nil for anything else, and for more than `max` bytes.
  private mutating func string(max: Int) -> [UInt8]? {
    guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else { return nil }
    index += 1
    var result: [UInt8] = []
    while index < bytes.count {
      var byte = bytes[index]
      index += 1
      if byte == UInt8(ascii: "\"") { return result }
      if byte == UInt8(ascii: "\\") {
        guard index < bytes.count else { return nil }
        byte = bytes[index]
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): break
        default: return nil
        }
      }
      guard byte >= 0x20, byte < 0x7F, result.count < max else { return nil }
      result.append(byte)
    }
    return nil
  }

  private var isAtEnd: Bool {
    mutating get {
      skipSpace()
      return index == bytes.count
    }
  }

  private mutating func takes(_ byte: UInt8) -> Bool {
    skipSpace()
    guard index < bytes.count, bytes[index] == byte else { return false }
    index += 1
    return true
  }

  private mutating func skipSpace() {
    while index < bytes.count {
      switch bytes[index] {
      case 0x20, 0x09, 0x0A, 0x0D: index += 1
      default: return
      }
    }
  }
}
